"""What DEAN's clients and the services have agreed on, held to both sides.

`*_agreements.py` say what a client asks and what it needs to be answered. From them come the pacts in `pacts/`, which
each client is tested against, and which the stubs and the real services are verified with.
"""
