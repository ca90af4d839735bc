"""`python -m dean_airflow.evolution.outcome.candidate_diff`: see `sources.candidate_diff`.

Reads a line of JSON (`genome`, `edit_sources`), then the packed sources; writes the diff.
"""

from __future__ import annotations

import json
import resource
import sys

CPU_SECONDS = 20
MEMORY = 2 * 2**30


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from dean_airflow.errors import DeanError
    from dean_airflow.evolution.edits.apply import apply_genome
    from dean_airflow.evolution.edits.edit import Edit
    from dean_airflow.evolution.edits.sources import edit_sources
    from dean_airflow.evolution.outcome.diffs import diff_of
    from dean_airflow.evolution.outcome.sources import read_sources

    asked = json.loads(sys.stdin.buffer.readline())
    tree = read_sources(sys.stdin.buffer.read())
    try:
        genome = tuple(Edit.parse(text) for text in asked["genome"])
        changed = apply_genome(genome, tree, edit_sources(asked["edit_sources"]))
    except DeanError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(diff_of({}, changed, tree).encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
