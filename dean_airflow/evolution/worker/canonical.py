"""A digest of what a workload returned, equal for equal values in two processes.

Two values have the same digest if `==` would hold between them, they are of the same types, and their floats are equal
bit for bit. Order counts in sequences and ordered dicts, not in dicts and sets. Objects count by class and state;
functions, classes and modules by name; iterators by what they yield (they are consumed, up to a bound).
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import pathlib
import re
import struct
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

MAX_ITEMS = 1_000_000
"""Items of one iterator that are looked at; the rest is cut off, in baseline and candidate alike."""

_pack_double = struct.Struct("!d").pack


def digest(value: Any) -> str:
    """32 hex digits; `value` may be anything. Never raises for what the value's own code raises: that counts too."""
    hasher = hashlib.blake2b(digest_size=16)
    _Feeder(hasher.update).feed(value)
    return hasher.hexdigest()


class _Feeder:
    """Writes an unambiguous byte form of a value into `update`, without building it in memory."""

    def __init__(self, update: Callable[[bytes], None]) -> None:
        self.update = update
        self.open: dict[int, int] = {}

    def feed(self, value: Any) -> None:
        kind = type(value)
        if kind is str:
            body = value.encode("utf-8", "surrogatepass")
            self.update(b"s%d:" % len(body) + body)
        elif kind is int:
            self.update(b"i%x;" % value)
        elif kind is float:
            self.update(b"f" + (b"nan-----" if value != value else _pack_double(value)))
        elif value is None or value is True or value is False or value is Ellipsis or value is NotImplemented:
            self.update(b"c" + repr(value).encode() + b";")
        elif kind is bytes or kind is bytearray:
            self.update(b"b%d:" % len(value) + kind.__name__.encode() + bytes(value))
        else:
            self._feed_compound(value, kind)

    def _feed_compound(self, value: Any, kind: type) -> None:
        if id(value) in self.open:
            self.update(b"^%d;" % (len(self.open) - self.open[id(value)]))
            return
        self.open[id(value)] = len(self.open)
        try:
            if kind is list or kind is tuple or kind is deque:
                self.update(b"(" + kind.__name__.encode() + b"%d:" % len(value))
                for item in value:
                    self.feed(item)
            elif kind is dict:
                self._feed_unordered(b"{", ((key, item) for key, item in value.items()))
            elif kind is set or kind is frozenset:
                self._feed_unordered(b"<" + kind.__name__.encode(), value)
            else:
                self._feed_other(value, kind)
        finally:
            del self.open[id(value)]
        self.update(b")")

    def _feed_unordered(self, tag: bytes, items: Any) -> None:
        self.update(tag)
        for part in sorted(self._part(item) for item in items):
            self.update(part)

    def _part(self, value: Any) -> bytes:
        hasher = hashlib.blake2b(digest_size=16)
        part = _Feeder(hasher.update)
        part.open = self.open
        part.feed(value)
        return hasher.digest()

    def _feed_other(self, value: Any, kind: type) -> None:
        self.update(b"o" + f"{kind.__module__}.{kind.__qualname__}".encode() + b":")
        try:
            self._feed_state(value, kind)
        except RecursionError:
            raise
        except Exception as error:
            self.update(b"!" + type(error).__name__.encode())

    def _feed_state(self, value: Any, kind: type) -> None:
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.ModuleType):
            name = getattr(value, "__qualname__", None) or value.__name__
            self.feed(f"{getattr(value, '__module__', '')}.{name}")
        elif isinstance(value, types.MethodType):
            self.feed(value.__func__)
            self.feed(value.__self__)
        elif isinstance(value, BaseException):
            self.feed(list(value.args))
            self._feed_attributes(value, kind)
        elif isinstance(value, OrderedDict):
            self.feed([(key, item) for key, item in value.items()])
        elif isinstance(value, dict):
            self.feed(dict(value.items()))
            self._feed_attributes(value, kind)
        elif isinstance(value, str | bytes | bytearray | int | float | complex | list | tuple | set | frozenset):
            self._feed_builtin_part(value)
            self._feed_attributes(value, kind)
        elif hasattr(value, "tobytes") and hasattr(value, "dtype"):
            self.feed([str(value.dtype), list(getattr(value, "shape", ()))])
            self.feed(value.tolist() if getattr(value.dtype, "hasobject", False) else value.tobytes())
        elif isinstance(value, io.StringIO | io.BytesIO):
            self.feed([value.getvalue(), value.tell()])
        elif isinstance(value, re.Match):
            self.feed([value.re, value.string, value.regs, value.pos, value.endpos])
        elif isinstance(value, Iterator):
            for count, item in enumerate(value):
                if count >= MAX_ITEMS:
                    break
                self.feed(item)
        elif isinstance(value, pathlib.PurePath):
            self.feed(str(value))
        elif isinstance(value, range | slice | memoryview):
            self.feed(repr(value) if not isinstance(value, memoryview) else value.tobytes())
        else:
            self._feed_attributes(value, kind)
            self._feed_inside(value, kind)

    def _feed_builtin_part(self, value: Any) -> None:
        bases: tuple[Any, ...] = (str, bytes, bytearray, int, float, list, tuple, set, frozenset)
        for base in bases:
            if isinstance(value, base):
                self.feed(base(value))
                return
        self.feed([value.real, value.imag])

    def _feed_attributes(self, value: Any, kind: type) -> None:
        state: dict[str, Any] = dict(getattr(value, "__dict__", {}))
        for base in kind.__mro__:
            slots = base.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                name = f"_{base.__name__.lstrip('_')}{slot}" if slot[:2] == "__" != slot[-2:] else slot
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    state[name] = getattr(value, name)
        if state:
            self.feed(state)

    def _feed_inside(self, value: Any, kind: type) -> None:
        """State that no attribute shows: that of an extension type, as pickle would see it (datetime, Decimal,
        compiled patterns, partial), or what a view yields."""
        reducer = copyreg.dispatch_table.get(kind)
        if reducer is not None:
            self._feed_reduced(reducer(value))
            return
        own_way = any(
            isinstance(getattr(kind, name), types.MethodDescriptorType) and getattr(kind, name) is not plain
            for name, plain in (("__reduce__", object.__reduce__), ("__reduce_ex__", object.__reduce_ex__))
        )
        if own_way or not hasattr(value, "__dict__"):
            try:
                self._feed_reduced(value.__reduce_ex__(4))
                return
            except TypeError:
                self.update(b"~")
        if hasattr(value, "__dict__"):
            return
        if isinstance(value, Mapping):
            self.feed(dict(value.items()))
        elif isinstance(value, Set):
            self._feed_unordered(b"<", value)
        elif isinstance(value, Iterable):
            self.feed(list(value))

    def _feed_reduced(self, reduced: Any) -> None:
        if isinstance(reduced, str):
            self.feed(reduced)
            return
        for part in reduced[1:3]:
            self.feed(part)
        for part in reduced[3:5]:
            if part is not None:
                self.feed(list(part))
