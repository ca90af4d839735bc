"""Which names a function binds, which it leaves to its surroundings, and which its nested scopes share with it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class Scope:
    """The names of one function (or of a module's top level).

    `bindings` maps a name to the nodes that bind it here, in source order; `captured` are names that some nested
    function, lambda, class or comprehension mentions too (an over-approximation: what it mentions may be its own).
    """

    parameters: frozenset[str] = frozenset()
    bindings: dict[str, list[ast.AST]] = field(default_factory=lambda: defaultdict(list))
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    captured: set[str] = field(default_factory=set)

    def is_local(self, name: str) -> bool:
        return (name in self.parameters or name in self.bindings) and not (
            name in self.declared_global or name in self.declared_nonlocal
        )

    def is_private(self, name: str) -> bool:
        """Local, and no nested scope can read or rebind it."""
        return self.is_local(name) and name not in self.captured


def scope_of(node: FunctionNode | ast.Module) -> Scope:
    scope = Scope()
    if not isinstance(node, ast.Module):
        scope.parameters = frozenset(argument.arg for argument in arguments_of(node.args))
    _Collector(scope).visit_all(node.body)
    return scope


def body_scope(body: list[ast.stmt]) -> Scope:
    """The names statements bind in the scope they run in (a class body, a block)."""
    scope = Scope()
    _Collector(scope).visit_all(body)
    return scope


def arguments_of(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg


def own_nodes(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes evaluated by the function itself, in source order: bodies of nested functions, lambdas and classes
    are left out (their decorators, defaults and bases are not), as are annotations of local variables and what is
    inside f-strings (Python 3.11 gives wrong positions there); comprehensions are taken in."""
    for root in roots:
        yield root
        if isinstance(root, ast.JoinedStr):
            continue
        if isinstance(root, ast.Lambda):
            yield from own_nodes(_evaluated_defaults(root.args))
        elif isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from own_nodes([*root.decorator_list, *_evaluated_defaults(root.args)])
        elif isinstance(root, ast.ClassDef):
            yield from own_nodes([*root.decorator_list, *root.bases, *(word.value for word in root.keywords)])
        elif isinstance(root, ast.AnnAssign):
            yield from own_nodes([root.target, *([root.value] if root.value else [])])
        else:
            yield from own_nodes(ast.iter_child_nodes(root))


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Every identifier used as a name, a parameter, or a definition anywhere under the nodes."""
    names: set[str] = set()
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, _DEFINITIONS):
                names.add(node.name)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                names.update(node.names)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                names.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                names.add(node.rest)
    return names


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that running the nodes in their own scope can bind, rebind or delete (walruses in comprehensions too)."""
    scope = Scope()
    _Collector(scope).visit_all(list(nodes))
    return set(scope.bindings) | scope.declared_nonlocal


def _evaluated_defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


class _Collector:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self._visit(node)

    def _visit(self, node: ast.AST) -> None:
        bind = self._scope.bindings
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bind[node.id].append(node)
        elif isinstance(node, _DEFINITIONS):
            bind[node.name].append(node)
            self._nested(node, outside=self._outside_of(node))
        elif isinstance(node, ast.Lambda):
            self._nested(node, outside=_evaluated_defaults(node.args))
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node)
        elif isinstance(node, ast.alias):
            bind[(node.asname or node.name).split(".")[0]].append(node)
        elif isinstance(node, ast.Global):
            self._scope.declared_global.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            self._scope.declared_nonlocal.update(node.names)
        else:
            if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                bind[node.name].append(node)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                bind[node.rest].append(node)
            self.visit_all(ast.iter_child_nodes(node))

    def _outside_of(self, node: ast.AST) -> list[ast.expr]:
        if isinstance(node, ast.ClassDef):
            return [*node.decorator_list, *node.bases, *(word.value for word in node.keywords)]
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        return [*node.decorator_list, *_evaluated_defaults(node.args)]

    def _nested(self, node: ast.AST, outside: list[ast.expr]) -> None:
        self.visit_all(outside)
        self._scope.captured |= names_in([node])

    def _comprehension(self, node: ast.AST) -> None:
        self._scope.captured |= names_in([node])
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):
                assert isinstance(inner.target, ast.Name)
                self._scope.bindings[inner.target.id].append(inner.target)
