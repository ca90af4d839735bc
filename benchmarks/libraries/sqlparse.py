"""sqlparse as a program uses it: statements as they come from an application's log, parsed, split and formatted.

`run(seed)` makes its statements afresh from the seed, so that no call repeats the inputs of another, and returns what
the library made of them (text and the shape of the parse trees), to be compared with what the unchanged library makes.
"""

import random

import sqlparse

TABLES = ("users", "orders", "order_items", "payments", "audit_log", "products", "shipments", '"Quoted Table"')
COLUMNS = ("id", "name", "created_at", "total", "status", "price", "quantity", "customer_id", '"odd column"')
FUNCTIONS = ("count", "sum", "max", "coalesce", "lower", "date_trunc")


def _column(rng: random.Random) -> str:
    name = rng.choice(COLUMNS)
    return f"{rng.choice('abct')}.{name}" if rng.random() < 0.5 else name


def _value(rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return str(rng.randrange(100_000))
    if kind == 1:
        return f"'{rng.choice(('new', 'paid', 'its', 'shipped'))}-{rng.randrange(1000)}'"
    if kind == 2:
        return f"{rng.random() * 1000:.2f}"
    return rng.choice(("NULL", "%s", ":param", "current_timestamp"))


def _condition(rng: random.Random, depth: int = 0) -> str:
    kind = rng.randrange(5 if depth < 2 else 3)
    if kind == 0:
        return f"{_column(rng)} {rng.choice(('=', '<>', '>=', '<'))} {_value(rng)}"
    if kind == 1:
        return f"{_column(rng)} in ({', '.join(_value(rng) for _ in range(rng.randrange(2, 5)))})"
    if kind == 2:
        return f"{_column(rng)} between {_value(rng)} and {_value(rng)}"
    if kind == 3:
        return f"({_condition(rng, depth + 1)} or {_condition(rng, depth + 1)})"
    return f"exists (select 1 from {rng.choice(TABLES)} where {_condition(rng, depth + 1)})"


def _expression(rng: random.Random) -> str:
    kind = rng.randrange(5)
    if kind == 0:
        return f"{rng.choice(FUNCTIONS)}({_column(rng)}) as v{rng.randrange(99)}"
    if kind == 1:
        return f"case when {_condition(rng, 2)} then {_value(rng)} else {_column(rng)} end as flag"
    if kind == 2:
        return f"{_column(rng)} * {_value(rng)} + 1"
    return _column(rng)


def _select(rng: random.Random) -> str:
    parts = ["select", ", ".join(_expression(rng) for _ in range(rng.randrange(2, 6)))]
    parts.append(f"from {rng.choice(TABLES)} a")
    for alias in "bc"[: rng.randrange(3)]:
        join = f"{rng.choice(('join', 'LEFT JOIN'))} {rng.choice(TABLES)} {alias}"
        parts.append(f"{join} on a.id = {alias}.{rng.choice(COLUMNS)}")
    parts.append("where " + " and ".join(_condition(rng) for _ in range(rng.randrange(1, 3))))
    if rng.random() < 0.4:
        parts.append(f"group by {_column(rng)} having count(*) > {rng.randrange(9)}")
    if rng.random() < 0.6:
        parts.append(f"order by {_column(rng)} {rng.choice(('asc', 'DESC'))} limit {rng.randrange(1, 500)}")
    if rng.random() < 0.3:
        parts.insert(1, f"/* report {rng.randrange(99)} */")
    return rng.choice((" ", "\n")).join(parts)


def _statement(rng: random.Random) -> str:
    kind = rng.randrange(6)
    table = rng.choice(TABLES)
    if kind == 0:
        rows = ", ".join(f"({_value(rng)}, {_value(rng)}, {_value(rng)})" for _ in range(rng.randrange(1, 4)))
        return f"insert into {table} (id, name, total) values {rows}"
    if kind == 1:
        return f"update {table} set status = {_value(rng)}, total = total + 1 where {_condition(rng)} -- nightly"
    if kind == 2:
        return f"with t as ({_select(rng)}) select * from t where {_condition(rng)}"
    return _select(rng)


def _shape(token: object) -> list[object]:
    return [type(token).__name__, [_shape(child) for child in getattr(token, "tokens", ())]]


def run(seed: int = 0) -> list[object]:
    """One batch of work: about 8 ms on a 2020s core."""
    rng = random.Random(seed)
    out: list[object] = []
    for _ in range(2):
        statement = _statement(rng)
        out.append(sqlparse.format(statement, reindent=True, keyword_case="upper", strip_comments=rng.random() < 0.3))
        parsed = sqlparse.parse(_statement(rng))
        out.append([(node.get_type(), str(node), _shape(node)) for node in parsed])  # type: ignore[no-untyped-call,unused-ignore]
        out.append(sqlparse.split(";\n".join(_statement(rng) for _ in range(2)) + ";"))
    return out
