"""Inputs through the public API of real libraries that need the functions in which `catalogue_wins` makes its edits.

One module a library, named after its source distribution and copied into it; one function an input. Each makes its
inputs afresh from the seed and returns what the library made of them, and keeps everything else out of the time.
"""
