"""The check of behavioural edits that a trial's judge uses; see docs/explanation/behaviour.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dean_airflow.errors import BaselineError, EditError
from dean_airflow.evolution.behaviour.changes import Changes, find_changes
from dean_airflow.evolution.behaviour.input_proof import InputProof
from dean_airflow.evolution.behaviour.line_proof import LineProof
from dean_airflow.evolution.edits.edit import Genome
from dean_airflow.evolution.edits.source import SourceTree
from dean_airflow.evolution.judge.worker import RequestFailed, WorkerDied

Apply = Callable[[Genome], dict[str, str]]
"""The files a genome changes; raises EditError."""


class BehaviourProof:
    """Cheapest first: are the changed lines run, would tests notice a fault there, do varied inputs show a difference.

    Lines and functions are those that the behavioural edits of a genome change; the functions are compared as the whole
    candidate has them.
    """

    def __init__(self, tree: SourceTree, apply: Apply, lines: LineProof, inputs: InputProof) -> None:
        self._tree, self._apply, self._lines, self._inputs = tree, apply, lines, inputs

    def why_not(self, genome: Genome, files: Mapping[str, str]) -> str:
        """One sentence why the candidate is dropped; empty if behaviour is kept, or nothing in it is behavioural."""
        behavioural = tuple(edit for edit in genome if edit.label == "behavioural")
        if not behavioural:
            return ""
        try:
            changes = find_changes(self._tree, self._own_files(behavioural, files))
            return self._problem(changes, files)
        except (BaselineError, RequestFailed, WorkerDied) as error:
            self.close()
            return f"its behaviour could not be checked ({error})"

    def _own_files(self, behavioural: Genome, files: Mapping[str, str]) -> Mapping[str, str]:
        """What the behavioural edits do by themselves; where they need the others, what all do."""
        try:
            return self._apply(behavioural)
        except EditError:
            return files

    def _problem(self, changes: Changes, files: Mapping[str, str]) -> str:
        if changes.elsewhere:
            return f"{changes.elsewhere}, which no function's inputs can show to be the same"
        return (
            self._lines.unrun(changes.lines)
            or self._lines.unnoticed(changes.lines)
            or self._inputs.differs(changes.functions, files)
        )

    def close(self) -> None:
        """Ends the parked session it uses; the next use starts another."""
        self._inputs.tests.close()
