"""What there is to hand over: the champion's edits in order, each with what it changed and what it was worth."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from dean_airflow.evolution.edits.edit import Label
from dean_airflow.evolution.target.target import Target


@dataclass(frozen=True)
class ChampionEdit:
    """One commit. `files` is cumulative: each changed file's whole text after this edit and all before it."""

    text: str
    """The edit's text form."""
    title: str
    """What it does, one line in the imperative."""
    why: str
    """Why that helps and what keeps the behaviour; a paragraph."""
    label: Label
    effect: float | None
    """Cost of the champion without this edit / with it, above 1 is faster; None: not measured apart from the others."""
    effect_interval: tuple[float, float] | None
    """95 % interval of `effect`."""
    files: Mapping[str, str]
    """Path relative to the project (forward slashes) → text."""


@dataclass(frozen=True)
class Handover:
    """A confirmed champion, ready to become a branch."""

    trial_id: str
    target: Target
    edits: tuple[ChampionEdit, ...]
    timestamp: int
    """Seconds since the epoch that the commits are dated: the same on every retry, so that they stay the same."""

    @property
    def branch(self) -> str:
        """The branch's name."""
        return branch_name(self.trial_id)


def branch_name(trial_id: str) -> str:
    """The branch of a trial. Raises ValueError for an id that cannot be part of a ref."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", trial_id):
        raise ValueError(f"{trial_id!r} is not a trial's id")
    return f"dean/{trial_id}"


def commit_message(edit: ChampionEdit, trial_id: str) -> str:
    """Title, reason, measured effect, and the edit's text form for whoever wants to make it again."""
    paragraphs = [
        _one_line(edit.title)[:72].rstrip(),
        textwrap.fill(_one_line(edit.why), 72),
        textwrap.fill(_effect(edit), 72),
    ]
    trailers = f"Edit: {_one_line(edit.text)}\nEdit-Label: {edit.label}\nDEAN-Trial: {trial_id}"
    return "\n\n".join([part for part in paragraphs if part] + [trailers]) + "\n"


def _effect(edit: ChampionEdit) -> str:
    if edit.effect is None or edit.effect_interval is None:
        return "Measured effect: confirmed together with the other edits, not told apart from theirs."
    low, high = edit.effect_interval
    return (
        f"Measured effect: {edit.effect:.3f} times as fast with it as without "
        f"(95 % interval {low:.3f} to {high:.3f}), all other edits in place."
    )


def _one_line(text: str) -> str:
    """Whatever a target's names hold, it cannot start a line of its own or steer a terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
