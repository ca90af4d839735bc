"""Hides the values of known secrets, in every form in which a program is likely to print them."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 4
"""Characters below which a value is no secret that could be hidden: every other word would be one."""


class Redactor:
    """Replaces each form of the values by `***`: plain, base64 (also amid other text), URL-encoded, reversed, hex, as
    in JSON, in HTML and in a Python literal. Its own text form shows nothing of them, and it cannot be pickled.
    """

    def __init__(self, values: Iterable[str]) -> None:
        found = {form for value in values if len(value) >= SHORTEST for form in forms(value)}
        longest_first = sorted(found, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if found else None

    def redact(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern is not None else text

    def redact_all(self, data: Any) -> Any:
        """The same for every text in mappings (their names too) and lists; other values as they are."""
        if isinstance(data, str):
            return self.redact(data)
        if isinstance(data, dict):
            return {self.redact_all(name): self.redact_all(value) for name, value in data.items()}
        if isinstance(data, list | tuple):
            return type(data)(self.redact_all(value) for value in data)
        return data

    def filter(self) -> logging.Filter:
        """For a logging handler or logger: its records, and the exceptions they carry, are redacted."""
        return _RedactingFilter(self)

    def __repr__(self) -> str:
        return "Redactor()"

    def __reduce__(self) -> Any:
        raise TypeError("a Redactor holds secrets and is not to be pickled")


class _RedactingFilter(logging.Filter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._redactor.redact(record.getMessage()), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self._redactor.redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        return True


def forms(value: str) -> set[str]:
    """The forms of a secret that are looked for."""
    data = value.encode()
    found = {value, value[::-1], html.escape(value), repr(value)[1:-1]}
    found |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    found |= {data.hex(), data.hex().upper(), data[::-1].hex()}
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        found |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda octet: octet[0].lower(), encoded)}
    found |= _base64(data) | _base64(data[::-1])
    return {form for form in found if len(form) >= SHORTEST}


def _base64(data: bytes) -> set[str]:
    """As itself, and the part that is the same wherever it stands in a longer text."""
    found = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(data).decode().rstrip("="))
        for before in (1, 2):
            inner = encode(b"\0" * before + data).decode().rstrip("=")
            found.add(inner[before + 1 :])
        for before in (0, 1, 2):
            # What follows decides the last character, too.
            whole = (before + len(data)) // 3 * 4
            inner = encode(b"\0" * before + data).decode()[:whole]
            found.add(inner[before + 1 if before else 0 :])
    return {form for form in found if len(form) >= 8}
