"""Pieces of a diff: a page shows a part, whose size is stated, and asks for the next."""

from __future__ import annotations

from dean_airflow.plugin.api.models import Diff

PIECE = 256 * 1024
"""Bytes of one answer, at most."""


def cut(diff: bytes, offset: int, at_most: int = PIECE) -> Diff:
    """The piece that begins at a byte, up to the end of a line where one ends in reach, never within a letter."""
    end = min(len(diff), offset + at_most)
    if end < len(diff):
        newline = diff.rfind(b"\n", offset, end)
        end = newline + 1 if newline >= 0 else _whole_letters(diff, offset, end)
    return Diff(
        diff=diff[offset:end].decode("utf-8", "replace"),
        offset=min(offset, len(diff)),
        next_offset=end if end < len(diff) else None,
        total_bytes=len(diff),
        truncated=end < len(diff) or offset > 0,
    )


def _whole_letters(diff: bytes, offset: int, end: int) -> int:
    while end > offset + 1 and (diff[end] & 0xC0) == 0x80:
        end -= 1
    return end
