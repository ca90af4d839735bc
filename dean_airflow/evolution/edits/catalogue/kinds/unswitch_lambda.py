"""A lambda around a helper with optional criteria, made anew for the one criterion that is given."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from dean_airflow.evolution.edits.analysis.inlining import TailInliner, never_rebound
from dean_airflow.evolution.edits.analysis.scope import Scope, arguments_of
from dean_airflow.evolution.edits.catalogue.kind import Kind, Match
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter

_FEWEST, _MOST = 2, 4


class UnswitchLambda(Kind):
    """`lambda x: helper(x, a, b, c)`, where a, b and c are optional parameters of the function around it, gets one
    form for each case that only one of them is given: the helper's statements without those about the others.

    Safe under the conditions of `lambda_to_inlined_def`, for two to four parameters whose default is None and which
    are never bound anew: the form is chosen by `is None` where the lambda was made, and where none fits the lambda is
    made as before.

        def find(self, kind=None, name=None):                  def find(self, kind=None, name=None):
            return self.scan(lambda x: fits(x, kind, name))  →     if name is None:
                                                                       def _fits(x):
                                                                           return x.kind == kind
                                                                   elif kind is None:
                                                                       def _fits(x):
                                                                           return x.name == name
                                                                   else:
                                                                       _fits = lambda x: fits(x, kind, name)
                                                                   return self.scan(_fits)
    """

    name = "unswitch_lambda"

    def find(self, function: Function) -> Iterator[Match]:
        for node in function.nodes:
            if not isinstance(node, ast.Lambda) or not isinstance(node.body, ast.Call):
                continue
            statement = function.statement_of(node)
            if isinstance(statement, ast.While | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            plain = not (node.args.defaults or node.args.kwonlyargs or node.args.vararg or node.args.kwarg)
            if function.in_nested_scope(node) or not function.starts_line(statement) or not plain:
                continue
            optional = _optional(function, node)
            if not _FEWEST <= len(optional) <= _MOST or "\n" in function.source(node):
                continue
            if all(_inliner(function, node, optional, given).possible() for given in optional):
                yield Match(node, lambda rewriter, node=node: _rewrite(rewriter, node))  # type: ignore[misc]


def _optional(function: Function, node: ast.Lambda) -> list[str]:
    """The arguments of the lambda's call that are parameters of the function with the default None, as they are."""
    assert isinstance(node.body, ast.Call)
    arguments = function.node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [*zip(reversed(plain), reversed(arguments.defaults), strict=False)]
    defaults += [
        (parameter, default)
        for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    optional = {
        parameter.arg for parameter, default in defaults if isinstance(default, ast.Constant) and default.value is None
    }
    own = {argument.arg for argument in arguments_of(node.args)}
    passed = [*node.body.args, *(word.value for word in node.body.keywords)]
    names = [value.id for value in passed if isinstance(value, ast.Name)]
    return [
        name
        for name in dict.fromkeys(names)
        if name in optional - own and never_rebound(name, (function.scope,), function.unit.nonlocal_names)
    ]


def _inliner(function: Function, node: ast.Lambda, optional: list[str], given: str) -> TailInliner:
    """For the lambda's call as it is when only one of the optional arguments is not None."""
    call = copy.deepcopy(node.body)
    assert isinstance(call, ast.Call)

    def known(value: ast.expr) -> ast.expr:
        absent = isinstance(value, ast.Name) and value.id in optional and value.id != given
        return ast.Constant(None) if absent else value

    call.args = [known(value) for value in call.args]
    for word in call.keywords:
        word.value = known(word.value)
    own = Scope(parameters=frozenset(argument.arg for argument in arguments_of(node.args)))
    scopes = (own, function.scope, *function.enclosing)
    return TailInliner(function, call, lambda name: never_rebound(name, scopes, function.unit.nonlocal_names))


def _rewrite(rewriter: Rewriter, node: ast.Lambda) -> None:
    function = rewriter.function
    step = function.indent_step
    assert isinstance(node.body, ast.Call) and isinstance(node.body.func, ast.Name)
    optional = _optional(function, node)
    name = rewriter.fresh(node.body.func.id)
    lines: list[str] = []
    for number, given in enumerate(optional):
        tests = " and ".join(f"{other} is None" for other in optional if other != given)
        lines += [f"{'elif' if number else 'if'} {tests}:", f"{step}def {name}({ast.unparse(node.args)}):"]
        lines += [step * 2 + line for line in _inliner(function, node, optional, given).lines(rewriter.fresh)]
    lines += ["else:", f"{step}{name} = {rewriter.code(node)}"]
    rewriter.insert_before(function.statement_of(node), lines)
    rewriter.replace(node, name)


KIND = UnswitchLambda()
