"""Pieces of a diff: a page shows a part, whose size is stated, and asks for the next."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from dean_airflow.config import Settings
from dean_airflow.errors import EditError
from dean_airflow.evolution.outcome.sources import candidate_diff
from dean_airflow.plugin.api.artifacts import sources_of
from dean_airflow.plugin.api.models import Diff
from dean_airflow.services.server.faults import ApiError
from dean_airflow.services.server.threads import Threads

PIECE = 256 * 1024
"""Bytes of one answer, at most."""


REMEMBERED_BYTES = 64 * 2**20
"""Of diffs made lately: their next piece is not made anew."""
AT_ONCE = 2
"""Processes that make diffs."""


class Diffs:
    """Makes the diffs of candidates, a few at a time, and remembers the last ones."""

    def __init__(self) -> None:
        self._threads = Threads(AT_ONCE)
        self._known: OrderedDict[tuple[str, tuple[str, ...]], bytes] = OrderedDict()
        self._making: dict[tuple[str, tuple[str, ...]], asyncio.Future[bytes]] = {}

    async def get(
        self, settings: Settings, trial_id: str, genome: tuple[str, ...], edit_sources: Sequence[str]
    ) -> bytes:
        """Raises ApiError: 404 where the trial's sources were not kept, 409 where the diff cannot be made."""
        key = (trial_id, genome)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if key not in self._making:
            work = self._threads(_make, settings, trial_id, genome, tuple(edit_sources))
            self._making[key] = asyncio.ensure_future(work)
            self._making[key].add_done_callback(lambda _: self._making.pop(key, None))
        made = await asyncio.shield(self._making[key])
        self._known[key] = made
        while sum(map(len, self._known.values())) > REMEMBERED_BYTES and len(self._known) > 1:
            self._known.popitem(last=False)
        return made

    def close(self) -> None:
        self._threads.close()


def _make(settings: Settings, trial_id: str, genome: tuple[str, ...], edit_sources: tuple[str, ...]) -> bytes:
    packed = sources_of(settings, trial_id)
    if packed is None:
        raise ApiError(404, f"The sources of trial {trial_id} were not kept, so its diffs cannot be shown.")
    try:
        return candidate_diff(packed, genome, edit_sources)
    except EditError as error:
        raise ApiError(409, str(error)) from None


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
