"""sqlparse on statements, and on the token lists it makes of them."""

from __future__ import annotations

import random

import sqlparse
from sqlparse import lexer, sql
from sqlparse import tokens as types
from sqlparse.engine import grouping

COLUMNS = ("id", "name", "created_at", "total", "status", "price", "quantity", "customer_id")


def _statement(rng: random.Random, columns: int = 12) -> str:
    chosen = ", ".join(f"{rng.choice('abc')}.{rng.choice(COLUMNS)} as c{number}" for number in range(columns))
    conditions = " and ".join(f"a.{rng.choice(COLUMNS)} = {rng.randrange(1000)}" for _ in range(columns // 2))
    return f"select {chosen} from orders a join items b on a.id = b.id where {conditions} order by a.id"


def _tokens(rng: random.Random, statements: int) -> list[sql.Token]:
    text = ";\n".join(_statement(rng) for _ in range(statements))
    return [sql.Token(ttype, value) for ttype, value in lexer.tokenize(text)]


_FLAT = sql.TokenList(_tokens(random.Random(0), 40))
_PARSED = sqlparse.parse(_statement(random.Random(0), 400))[0]  # type: ignore[no-untyped-call,unused-ignore]


def tokenize(seed: int) -> list[str]:
    """A list of columns, by the lexer alone."""
    return [value for _, value in lexer.tokenize(_statement(random.Random(seed), 60))]


def make_lists(seed: int) -> int:
    """Token lists of some 3,000 tokens each."""
    tokens = _FLAT.tokens
    length = 0
    for number in range(8):
        length += len(sql.TokenList(tokens[(seed + number) % 5 :]).value)
    return length


def match_keywords(seed: int) -> int:
    """Each keyword of some statements against lists of keywords."""
    rng = random.Random(seed)
    wanted = rng.sample(("select", "from", "where", "join", "order by", "group by", "having", "limit"), 5)
    keywords = [token for token in _FLAT.tokens if token.is_keyword]
    return sum(token.match(token.ttype, wanted) for _ in range(4) for token in keywords)


def find_by_type(seed: int) -> list[object]:
    """The next token of a type that is not there, from many places of a flat list."""
    return [_FLAT.token_next_by(t=types.Comment, idx=start)[0] for start in range(seed % 50, 2000, 500)]


def find_by_function(seed: int) -> list[object]:
    """The next token for which a cheap function holds, in a flat list where it holds for none."""
    return [
        token is None for start in range(seed % 50, 2000, 500) for token in [_FLAT.token_matching(_is_newline, start)]
    ]


def _is_newline(token: sql.Token) -> bool:
    return token.value is None


def group_periods(seed: int) -> int:
    """A flat list without periods, searched for what they would join."""
    tokens = [token for token in _FLAT.tokens[seed % 50 :] if token.value != "."]
    grouping.group_period(sql.TokenList(tokens))  # type: ignore[no-untyped-call,unused-ignore]
    return len(tokens)


def group_operators(seed: int) -> int:
    """A flat list without operators, searched for what they would join."""
    tokens = [token for token in _FLAT.tokens[seed % 50 :] if token.ttype in types.Punctuation]
    grouping.group_operator(sql.TokenList(tokens * 3))  # type: ignore[no-untyped-call,unused-ignore]
    return len(tokens)


def to_text(seed: int) -> int:
    """A statement of 400 columns as text again."""
    return sum(len(str(_PARSED)) for _ in range(4)) + seed
