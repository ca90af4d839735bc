"""The seam every edit source stands behind: catalogue, ruff's fixes, generic edits, and later a language model."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dean_airflow.evolution.edits.edit import Edit

SourceTree = Mapping[str, str]
"""Path relative to the project (forward slashes) → source text, for the files a trial may change."""


@dataclass(frozen=True)
class Site:
    """A function worth changing: where, and its share of the benchmark's time (0..1, from the profile)."""

    path: str
    function: str
    weight: float


class EditSource(Protocol):
    """Proposes edits and applies its own. Stateless towards the search: same arguments, same answer."""

    @property
    def name(self) -> str:
        """The word its edits begin with."""
        ...

    @property
    def preserves(self) -> bool:
        """Whether any of its edits can be labelled preserving; if not, a trial of preserving edits does not ask it."""
        ...

    def enumerate(self, site: Site, tree: SourceTree) -> Iterable[Edit]:
        """Every edit this source knows for the site, bundles (`#*`) first; used by the sweep."""
        ...

    def propose(self, site: Site, tree: SourceTree, rng: random.Random) -> Edit | None:
        """One edit drawn for the site, or None where there is nothing to change."""
        ...

    def apply(self, edit: Edit, text: str, tree: SourceTree) -> str:
        """The file's text with the edit made: bytes outside the changed statements are untouched.

        `text` is the edited file as it stands now (other edits may have been made already); `tree` is the baseline.
        Raises EditError when the place is gone or the edit's conditions do not hold.
        """
        ...
