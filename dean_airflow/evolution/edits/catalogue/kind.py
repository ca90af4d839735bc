"""What a kind of edit is: a name, the conditions under which it is safe, and how to make it."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from dean_airflow.evolution.edits.edit import Label
from dean_airflow.evolution.edits.function import Function
from dean_airflow.evolution.edits.rewrite import Rewriter


@dataclass(frozen=True)
class Match:
    """One place where a kind applies: its conditions have been checked.

    `node` is the place (its text identifies it when other edits moved it), `rewrite` makes the change, `detail` tells
    apart what several kinds of one place do, or names what is bound or lifted (one line; usually empty).
    """

    node: ast.AST
    rewrite: Callable[[Rewriter], None]
    detail: str = ""


class Kind(ABC):
    """A transformation. The class docstring states what it does, when it is safe, and an example.

    `name` is its word in an edit's text form. `label` is `preserving` only if `find` yields nothing whose behaviour
    could change under the assumptions of `catalogue/__init__.py`.
    """

    name: ClassVar[str]
    label: ClassVar[Label] = "preserving"

    @abstractmethod
    def find(self, function: Function) -> Iterator[Match]:
        """The places of one function, in source order; only where every condition holds."""
