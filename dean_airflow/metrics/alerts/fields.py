"""The fields of one mapping in a rules file: read by kind, with each mistake noted and reading going on."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from dean_airflow.metrics.alerts.durations import parse_duration
from dean_airflow.metrics.alerts.located import Located, Problem
from dean_airflow.metrics.sample import LABEL_NAME, METRIC_NAME


class Fields:
    """`what` names the mapping in messages ("the rule ServiceDown"); `allowed` are its fields."""

    def __init__(self, item: Located, allowed: Sequence[str], what: str, problems: list[Problem]) -> None:
        self.line = item.line
        self.problems = problems
        self._what = what
        self._values = item.value if isinstance(item.value, dict) else {}
        self._key_lines = item.key_lines
        if not isinstance(item.value, dict):
            self.problem(f"{what} must be a mapping with {', '.join(allowed)}")
        for name in self._values:
            if name not in allowed:
                close = difflib.get_close_matches(name, allowed, n=1)
                hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(allowed)}"
                self.problem(f"{what} has no field `{name}`; {hint}", name)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def located(self, name: str) -> Located | None:
        return self._values.get(name)

    def name_it(self, what: str) -> None:
        """How messages call it from here on."""
        self._what = what

    def problem(self, message: str, name: str | None = None) -> None:
        """Notes a mistake at the line of field `name`, or of the mapping itself."""
        line = self._key_lines.get(name, self.line) if name is not None else self.line
        self.problems.append(Problem(line, message))

    def text(self, name: str, *, required: bool = False) -> str | None:
        if name not in self._values:
            if required:
                self.problem(f"{self._what} needs `{name}`")
            return None
        value = self._values[name].value
        if not isinstance(value, str) or not value.strip():
            self.problem(f"`{name}` must be a text", name)
            return None
        return value.strip()

    def choice(self, name: str, among: Sequence[str]) -> str | None:
        text = self.text(name)
        if text is None or text in among:
            return text
        self.problem(f"`{name}` must be one of {', '.join(among)}, not {text!r}", name)
        return None

    def number(self, name: str) -> float | None:
        """A finite number."""
        text = self.text(name)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.problem(f"`{name}` must be a number, not {text!r}", name)
            return None
        return number

    def duration(self, name: str) -> int | None:
        """Milliseconds."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            self.problem(f"`{name}`: {error}", name)
            return None

    def metric(self, name: str, *, required: bool = False) -> str | None:
        text = self.text(name, required=required)
        if text is not None and not METRIC_NAME.fullmatch(text):
            self.problem(f"`{name}`: {text!r} is not the name of a metric", name)
            return None
        return text

    def list_of(self, name: str) -> list[Located]:
        """The items of a list, empty where there is none."""
        if name not in self._values:
            return []
        value = self._values[name].value
        if not isinstance(value, list):
            self.problem(f"`{name}` must be a list", name)
            return []
        return value

    def label_names(self, name: str) -> tuple[str, ...] | None:
        """A list of label names, None where there is none."""
        if name not in self._values:
            return None
        names = []
        for item in self.list_of(name):
            if not isinstance(item.value, str) or not LABEL_NAME.fullmatch(item.value):
                self.problems.append(Problem(item.line, f"`{name}`: {item.value!r} is not the name of a label"))
            elif item.value in names:
                self.problems.append(Problem(item.line, f"`{name}` has {item.value!r} twice"))
            else:
                names.append(item.value)
        return tuple(names)

    def texts(self, name: str, *, required: bool = False) -> dict[str, str]:
        """A mapping of label names to texts."""
        found = {}
        for label, values in self.choices(name, required=required).items():
            if len(values) == 1:
                found[label] = values[0]
            else:
                self.problem(f"`{name}`: {label} must be one text", name)
        return found

    def choices(self, name: str, *, required: bool = False) -> dict[str, tuple[str, ...]]:
        """A mapping of label names to a text, or to a list of texts any of which will do."""
        if name not in self._values:
            if required:
                self.problem(f"{self._what} needs `{name}`, a mapping of labels to values")
            return {}
        located = self._values[name]
        if not isinstance(located.value, dict) or (required and not located.value):
            self.problem(f"`{name}` must be a mapping of labels to values", name)
            return {}
        found = {}
        for label, item in located.items():
            line = located.key_lines[label]
            if not LABEL_NAME.fullmatch(label):
                self.problems.append(Problem(line, f"`{name}`: {label!r} is not the name of a label"))
            values = item.value if isinstance(item.value, list) else [item]
            texts = tuple(value.value if isinstance(value.value, str) else "" for value in values)
            if not texts or any(not isinstance(value.value, str) for value in values):
                self.problems.append(Problem(line, f"`{name}`: {label} must be a text or a list of texts"))
            found[label] = texts
        return found
