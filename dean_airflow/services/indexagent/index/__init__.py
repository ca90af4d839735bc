"""The index of code: files that git tracks, as text by trigrams and as symbols by name.

It holds nothing that cannot be made again, so it has no migrations: an index of another version is dropped and made
anew. Beside an SQLite store it is a file of its own, for indexing writes much and would keep trials waiting; in
PostgreSQL it is tables beside the others.
"""
