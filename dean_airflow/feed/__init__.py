"""The live feed: what changes in the store reaches whoever listens, by topic, in order, each change once.

Plain Python: a topic's `Source` reads the store, the `Hub` hands what it read to `Listener`s without waiting for any,
the `Follower` hears from the database that there is something to read, and a `Session` is one client's talk. Nothing
here knows a server; the plugin's sockets are a `Transport` of a session each.
"""
