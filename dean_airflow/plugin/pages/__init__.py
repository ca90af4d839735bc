"""DEAN's pages: a shell that the server renders for each, and the static modules that fill it from DEAN's own API.

There is no build step: what lies in `static/` is what a browser gets. A page shows no data of its own, so that whatever
it shows was asked for by the reader's own session, and may be refused to it.
"""
