"""Small faults planted in one line of the baseline, to see whether its tests would notice one there.

The kinds are the usual ones of mutation testing: operators exchanged, conditions negated, constants changed, values and
statements taken out. Values are taken out only where a line has none of the others: nearly any test notices that, which
says little.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dean_airflow.evolution.edits.positions import Positions

MOST = 6
"""Mutants of one line."""

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.MatMult: ast.Mult,
}
_BOM = "\ufeff"
_Block = ast.stmt | ast.ExceptHandler | ast.match_case


@dataclass(frozen=True)
class Mutant:
    """The whole file with one fault planted."""

    says: str
    """What was changed to what, in a few words."""
    text: str


class Line:
    """A line of a file, seen from its statements."""

    def __init__(self, text: str, line: int) -> None:
        """`line` counts from 1; the text must parse."""
        self._bom = _BOM if text.startswith(_BOM) else ""
        self._text = text.removeprefix(_BOM)
        blocks = [block for lines, block in _blocks(self._text) if line in lines]
        self.lines = sorted({number for one in blocks for number in _own_lines(one)})
        """Lines of the statement (of a block: of its header) that the line belongs to; empty if it belongs to none."""
        positions = _positions(self._text)
        self._changes = (
            self._real(_of_blocks(blocks, line, positions))
            or self._real(_of_blocks(blocks, None, positions))
            or self._real(_removals(blocks, positions))
        )

    @property
    def can_fail(self) -> bool:
        """False where nothing can go wrong: in docstrings, comments, `pass`, `else`, a plain `def`."""
        return bool(self._changes)

    def mutants(self) -> Iterator[Mutant]:
        """Up to MOST that compile, the most telling first; each is made when asked for."""
        made = 0
        for start, end, new in self._changes:
            mutated = self._text[:start] + new + self._text[end:]
            if _compiles(mutated):
                made += 1
                yield Mutant(f"{_short(self._text[start:end])} → {_short(new)}", self._bom + mutated)
            if made == MOST:
                return

    def _real(self, changes: Iterator[_Change]) -> list[_Change]:
        """Without repetitions and those that put back what was there."""
        return [one for one in dict.fromkeys(changes) if self._text[one[0] : one[1]] != one[2].strip("()")]


_Change = tuple[int, int, str]
"""Start and end offset of what is replaced, and by what."""


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def _positions(text: str) -> Positions:
    return Positions(text)


@lru_cache(maxsize=16)
def _blocks(text: str) -> list[tuple[range, _Block]]:
    return [(_own_lines(node), node) for node in ast.walk(ast.parse(text)) if isinstance(node, _Block)]


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 60 else line[:57] + "…"


def _own_lines(block: _Block) -> range:
    """Lines of a statement; of one with a body, those of its header."""
    if isinstance(block, ast.match_case):
        first = block.pattern.lineno
        return range(first, max(first + 1, block.body[0].lineno))
    first = min([block.lineno, *(one.lineno for one in getattr(block, "decorator_list", []))])
    body: list[ast.stmt] = getattr(block, "cases", None) or getattr(block, "body", None) or []
    if not body:
        return range(first, (block.end_lineno or first) + 1)
    inner = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
    decorated = [one.lineno for one in getattr(body[0], "decorator_list", [])]
    return range(first, max(block.lineno + 1, min([inner, *decorated])))


def _own_nodes(block: _Block) -> Iterator[ast.AST]:
    """Expressions of the statement itself; not of the statements in it, nor annotations or the inside of f-strings,
    whose positions older Pythons have wrong."""
    skipped = {
        id(node) for node in (getattr(block, "annotation", None), getattr(block, "returns", None)) if node is not None
    }
    waiting: list[ast.AST] = [block]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop(0)):
            if isinstance(node, _Block | ast.arg) or id(node) in skipped:
                continue
            yield node
            if not isinstance(node, ast.JoinedStr):
                waiting.append(node)


def _of_blocks(blocks: list[_Block], line: int | None, positions: Positions) -> Iterator[_Change]:
    """Changes of what begins on `line` (anywhere, if None): one of each node first, then the second ones."""
    options: list[list[_Change]] = []
    for block in blocks:
        if _is_docstring(block):
            continue
        if line is None or getattr(block, "lineno", line) == line:
            options.append([(*positions.span(node), new) for node, new in _of_statement(block)])
        here = [node for node in _own_nodes(block) if isinstance(node, ast.expr) and line in (None, node.lineno)]
        options += [[(*positions.span(node), new) for new in _of_expression(node)] for node in here]
    for number in range(max((len(one) for one in options), default=0)):
        yield from (one[number] for one in options if number < len(one))


def _is_docstring(block: _Block) -> bool:
    return isinstance(block, ast.Expr) and isinstance(block.value, ast.Constant) and isinstance(block.value.value, str)


def _of_statement(block: _Block) -> Iterator[tuple[ast.AST, str]]:
    """Changes of what a statement does with its expressions."""
    if isinstance(block, ast.If):
        yield block.test, f"(not ({ast.unparse(block.test)}))"
    elif isinstance(block, ast.While):
        yield block.test, "(False)"
    elif isinstance(block, ast.For | ast.AsyncFor):
        yield block.iter, "(())"
    elif isinstance(block, ast.AugAssign) and type(block.op) in _OPERATED:
        other = ast.AugAssign(block.target, _OPERATED[type(block.op)](), block.value)
        yield block, ast.unparse(other)
    elif isinstance(block, ast.ExceptHandler) and block.type is not None:
        yield block.type, "(())"
    elif _can_go(block):
        yield block, "pass"


def _can_go(block: _Block) -> bool:
    """Whether nothing but the statement's effect is missed when it goes: it binds no name."""
    if isinstance(block, ast.Expr):
        return not isinstance(block.value, ast.Constant | ast.Yield | ast.YieldFrom)
    return isinstance(block, ast.Raise | ast.Assert | ast.Delete | ast.Continue | ast.Break)


def _of_expression(node: ast.expr) -> Iterator[str]:
    """What else could stand in the place of an expression."""
    if isinstance(node, ast.Compare):
        for other in _COMPARED[type(node.ops[0])]:
            yield f"({ast.unparse(ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators))})"
    elif isinstance(node, ast.BoolOp):
        op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"({ast.unparse(ast.BoolOp(op, node.values))})"
    elif isinstance(node, ast.BinOp):
        yield f"({ast.unparse(ast.BinOp(node.left, _OPERATED[type(node.op)](), node.right))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.IfExp):
        yield f"({ast.unparse(ast.IfExp(node.test, node.orelse, node.body))})"
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for number, generator in enumerate(node.generators):
            for place, condition in enumerate(generator.ifs):
                yield _with_negated(node, number, place, condition)
    elif isinstance(node, ast.JoinedStr):
        yield "('')"
    elif isinstance(node, ast.Constant):
        yield from (f"({other})" for other in _other_constants(node.value))


def _with_negated(node: ast.expr, number: int, place: int, condition: ast.expr) -> str:
    copied = ast.parse(ast.unparse(node), mode="eval").body
    copied.generators[number].ifs[place] = ast.UnaryOp(ast.Not(), condition)  # type: ignore[attr-defined]
    return f"({ast.unparse(copied)})"


def _other_constants(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (repr(not value),)
    if isinstance(value, int | float | complex):
        return (repr(value + 1), "0")
    if isinstance(value, str | bytes):
        empty, other = ("", "other") if isinstance(value, str) else (b"", b"other")
        return (repr(other),) if not value else (repr(empty), repr(other))
    return ()


def _removals(blocks: list[_Block], positions: Positions) -> Iterator[_Change]:
    """For lines that only pass values on: the value, or the whole statement, is taken out."""
    for block in blocks:
        if isinstance(block, ast.Assign | ast.AnnAssign) and block.value is not None:
            yield (*positions.span(block.value), "(None)")
        elif isinstance(block, ast.Expr) and isinstance(block.value, ast.Yield | ast.YieldFrom | ast.Await):
            if block.value.value is not None:
                yield (*positions.span(block.value.value), "(())")
        elif isinstance(block, ast.Return):
            if block.value is not None:
                returned = "(0)" if isinstance(block.value, ast.Constant) and block.value.value is None else "(None)"
                yield (*positions.span(block.value), returned)
            yield (*positions.span(block), "pass")
        elif isinstance(block, ast.With | ast.AsyncWith):
            for item in block.items:
                if item.optional_vars is None:
                    yield (*positions.span(item.context_expr), "__import__('contextlib').nullcontext()")
        elif isinstance(block, ast.Import | ast.ImportFrom):
            yield (*positions.span(block), "pass")
