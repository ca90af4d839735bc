"""Which of several sockets on one port the next connection goes to: a filter of a few instructions in the kernel.

Sockets that share a port (SO_REUSEPORT) are a group, numbered in the order in which they began to listen; the filter
answers a number. Connections from this machine to itself whose source port is one of PROBE_PORTS may go to another
socket than the rest: so a release is verified before anybody else reaches it. Runs in `holder.py`, and so imports
nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import socket
import struct

PROBE_PORTS = range(64000, 64064)
"""Above the ports that Linux hands out by itself (32768 to 60999), and only honoured for connections to oneself."""

_SO_ATTACH_REUSEPORT_CBPF = getattr(socket, "SO_ATTACH_REUSEPORT_CBPF", 51)
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF: offsets from here count from the IP header
_LOAD_WORD, _LOAD_HALF, _TO_X, _RETURN = 0x20, 0x28, 0x07, 0x06
_IF_EQUAL_X, _IF_AT_LEAST, _IF_MORE = 0x1D, 0x35, 0x25
_SOURCE, _DESTINATION, _SOURCE_PORT = 12, 16, 20  # of an IPv4 header without options, as connections begin with


def steer(member: socket.socket, usual: int, probes: int) -> None:
    """New connections to the group of `member` go to socket number `usual`, probing ones to number `probes`.

    A number beyond the group lets the kernel choose. Raises OSError where the system cannot do it.
    """
    program = (
        (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _SOURCE),
        (_TO_X, 0, 0, 0),
        (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _DESTINATION),
        (_IF_EQUAL_X, 0, 4, 0),
        (_LOAD_HALF, 0, 0, _NETWORK_HEADER + _SOURCE_PORT),
        (_IF_AT_LEAST, 0, 2, PROBE_PORTS.start),
        (_IF_MORE, 1, 0, PROBE_PORTS.stop - 1),
        (_RETURN, 0, 0, probes),
        (_RETURN, 0, 0, usual),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    member.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, struct.pack("@HP", len(program), ctypes.addressof(code))
    )


def shared_listener(host: str, port: int, queue: int) -> socket.socket:
    """A socket that listens on an address it may share with others of this user. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(queue)
    except BaseException:
        listener.close()
        raise
    return listener


def waiting(listener: socket.socket) -> int:
    """Connections that were made and not yet accepted."""
    facts = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("I", facts, 24)[0])  # tcpi_unacked, which for a listening socket is its queue


def probing_connection(host: str, port: int, number: int, seconds: float) -> socket.socket:
    """A connection to oneself from the `number`-th probing port. Raises OSError; the port may be taken."""
    stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        stream.settimeout(seconds)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # closed at once: the port is needed again, and nothing that was sent is still wanted
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.bind((host, PROBE_PORTS[number % len(PROBE_PORTS)]))
        stream.connect((host, port))
    except BaseException:
        stream.close()
        raise
    return stream
