"""Searches the index: where a name is defined first, then where the words stand in the text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, text
from sqlalchemy.orm import Session

from dean_airflow.services.indexagent.index.tables import TEXTS, files, repositories, symbols
from dean_airflow.store.database import Database

RANKED = 200
"""Matches that are read and ranked; of a word that more files have, those first indexed."""
COUNTED = 10_000
"""A total is counted up to here."""
TRIGRAM = 3
"""Shorter words have no trigram: they are looked for among names and then by reading."""
LAST_LETTER = "\U0010ffff"
SNIPPET, AROUND = 200, 2
"""Characters of the line shown, and lines of context before and after it."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for: all `words` (any letter case), in files that the filters let through. Empty: no filter."""

    words: tuple[str, ...]
    repositories: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class Hit:
    """`score` is 0..1: 1 for the definition of exactly the name; `line` counts from 1."""

    file_id: int
    repository: str
    path: str
    line: int
    score: float
    snippet: str
    context: str


def search(database: Database, wanted: Wanted, limit: int, min_score: float = 0.0) -> tuple[list[Hit], int]:
    """The best `limit` hits, best first, one a file, and how many files match (counted up to 10,000)."""

    def work(session: Session) -> tuple[list[Hit], int]:
        defined = _definitions(session, wanted, database.is_sqlite)
        condition = _matches(wanted, database.is_sqlite)
        ids = list(dict.fromkeys([*defined, *_matching(session, wanted, condition)]))
        rows = session.execute(
            select(files.c.id, files.c.path, files.c.content, repositories.c.name)
            .join(repositories, repositories.c.id == files.c.repository_id)
            .where(files.c.id.in_(ids))
        )
        hits = [_hit(row.id, row.name, row.path, row.content, wanted, defined.get(row.id)) for row in rows]
        total = _count(session, wanted, condition)
        return hits, max(total, len(hits))

    hits, total = database.read(work)
    good = [hit for hit in hits if hit.score >= min_score]
    good.sort(key=lambda hit: (-hit.score, hit.repository, hit.path))
    return good[:limit], total if len(good) == len(hits) else len(good)


def _definitions(session: Session, wanted: Wanted, sqlite: bool) -> dict[int, tuple[int, bool]]:
    """File id → (line, whether the name is exactly it) of the symbols that begin with the only word."""
    if len(wanted.words) != 1:
        return {}
    name = wanted.words[0].lower()
    begins: ColumnElement[bool] = symbols.c.lowered.like(f"{_escaped(name)}%", escape="\\")
    if sqlite:  # which uses the index for bounds, and never for LIKE
        begins = (symbols.c.lowered >= name) & (symbols.c.lowered < name + LAST_LETTER)
    statement = (
        select(symbols.c.file_id, symbols.c.line, symbols.c.lowered)
        .join(files, files.c.id == symbols.c.file_id)
        .where(begins, *_filters(wanted))
        .order_by(func.length(symbols.c.lowered), symbols.c.file_id, symbols.c.line)
        .limit(RANKED)
    )
    found: dict[int, tuple[int, bool]] = {}
    for row in session.execute(statement):
        found.setdefault(row.file_id, (row.line, row.lowered == name))
    return found


def _matching(session: Session, wanted: Wanted, condition: ColumnElement[bool]) -> Sequence[int]:
    statement = select(files.c.id).where(condition, *_filters(wanted)).limit(RANKED)
    return session.scalars(statement).all()


def _count(session: Session, wanted: Wanted, condition: ColumnElement[bool]) -> int:
    some = select(files.c.id).where(condition, *_filters(wanted)).limit(COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _matches(wanted: Wanted, sqlite: bool) -> ColumnElement[bool]:
    """That a file's text has all the words."""
    long = [word for word in wanted.words if len(word) >= TRIGRAM]
    if sqlite and long:
        query = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
        condition: ColumnElement[bool] = files.c.id.in_(
            select(literal_column("rowid"))
            .select_from(text(TEXTS))
            .where(text(f"{TEXTS} MATCH :words").bindparams(words=query))
        )
        rest = [word for word in wanted.words if len(word) < TRIGRAM]
    else:
        condition, rest = files.c.id.is_not(None), list(wanted.words)
    for word in rest:
        condition = condition & files.c.content.ilike(f"%{_escaped(word)}%", escape="\\")
    return condition


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[Any] = []
    if wanted.repositories:
        named = select(repositories.c.id).where(repositories.c.name.in_(wanted.repositories))
        conditions.append(files.c.repository_id.in_(named))
    if wanted.suffixes:
        conditions.append(files.c.suffix.in_(wanted.suffixes))
    if wanted.language is not None:
        conditions.append(files.c.language == wanted.language)
    return conditions


def _hit(
    file_id: int, repository: str, path: str, content: str, wanted: Wanted, definition: tuple[int, bool] | None
) -> Hit:
    lowered = content.lower()
    counts = [lowered.count(word.lower()) for word in wanted.words]
    if definition is not None:
        line, exact = definition
        score = 1.0 if exact else 0.8
    else:
        position, whole = _first_place(content, wanted.words[0])
        line = content.count("\n", 0, position) + 1
        # More mentions count for less and less; a whole word and a word in the path for something.
        often = 1 - math.exp(-sum(counts) / (4 * len(counts)))
        named = any(word.lower() in path.lower() for word in wanted.words)
        score = 0.2 + 0.3 * often + 0.15 * whole + 0.1 * named
    lines = content.splitlines() or [""]
    place = min(line, len(lines)) - 1
    around = lines[max(0, place - AROUND) : place + AROUND + 1]
    return Hit(
        file_id,
        repository,
        path,
        place + 1,
        round(score, 4),
        lines[place].strip()[:SNIPPET],
        "\n".join(one[:SNIPPET] for one in around),
    )


def _first_place(content: str, word: str) -> tuple[int, bool]:
    """Where the word stands first, by itself if it ever does, and whether it does."""
    whole = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", content, re.IGNORECASE)
    if whole is not None:
        return whole.start(), True
    return max(0, content.lower().find(word.lower())), False


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
