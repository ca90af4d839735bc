"""What can be changed: edits, the sources that propose them, and how a genome of edits is applied to source text."""
