"""Series written in a file, to try rules on: the notation of `promtool test rules`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dean_airflow.errors import RulesError
from dean_airflow.metrics.alerts.fields import Fields
from dean_airflow.metrics.alerts.located import Problem, read_yaml
from dean_airflow.metrics.alerts.rules_file import describe
from dean_airflow.metrics.memory import MemoryHistory
from dean_airflow.metrics.sample import STALE, Sample, labels_of
from dean_airflow.metrics.series import SERVICE

TOP_FIELDS = ("interval", "evaluate_every", "series")
SERIES_FIELDS = ("series", "values")
MINUTE = 60_000
VALUES_AT_MOST = 100_000

_SERIES = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(?P<labels>.*)\})?", re.DOTALL)
_LABEL = re.compile(r'\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?[iI]nf"
_VALUE = re.compile(
    rf"(?P<start>{_NUMBER})(?:(?P<step>[+-](?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?))?(?:x(?P<times>\d+))?"
)
_MISSING = re.compile(r"_(?:x(?P<times>\d+))?")


@dataclass(frozen=True)
class WrittenSeries:
    """One series: its value at each step from time 0 on, None where it has no sample, NaN where it becomes stale."""

    metric: str
    labels: dict[str, str]
    values: list[float | None]


@dataclass(frozen=True)
class SeriesFile:
    """`interval` between samples and `evaluate_every` in milliseconds; time begins at 0, as in promtool."""

    interval: int
    evaluate_every: int
    series: list[WrittenSeries] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Milliseconds of the last sample."""
        return max((len(series.values) - 1 for series in self.series), default=0) * self.interval

    def reader(self) -> MemoryHistory:
        history = MemoryHistory(at_most=VALUES_AT_MOST * 100)
        for series in self.series:
            labels = {name: value for name, value in series.labels.items() if name != SERVICE}
            service = series.labels.get(SERVICE, "")
            history.append(
                Sample(service, series.metric, value, step * self.interval, labels_of(labels))
                for step, value in enumerate(series.values)
                if value is not None
            )
        return history


def parse_series_file(text: str, name: str) -> SeriesFile:
    """The series of a file's text. Raises RulesError with every mistake, its line first."""
    problems: list[Problem] = []
    root = read_yaml(text, problems)
    if root is None:
        raise RulesError(describe(problems or [Problem(1, "the file is empty; it needs `series`")], name))
    top = Fields(root, TOP_FIELDS, "the file", problems)
    interval = top.duration("interval") or MINUTE
    every = top.duration("evaluate_every") or MINUTE
    if "series" not in top:
        top.problem("the file needs `series`, a list")
    series = []
    for item in top.list_of("series"):
        fields = Fields(item, SERIES_FIELDS, "a series", problems)
        written, values = fields.text("series", required=True), fields.text("values", required=True)
        try:
            metric, labels = parse_series(written) if written else ("", {})
        except ValueError as error:
            fields.problem(f"`series`: {error}", "series")
            continue
        try:
            series.append(WrittenSeries(metric, labels, parse_values(values or "")))
        except ValueError as error:
            fields.problem(f"`values`: {error}", "values")
    if problems:
        raise RulesError(describe(sorted(set(problems)), name))
    return SeriesFile(interval, every, series)


def parse_series(text: str) -> tuple[str, dict[str, str]]:
    """Name and labels of `name{label="value",…}`. Raises ValueError."""
    found = _SERIES.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} is not a series such as name{{label="value"}}')
    labels: dict[str, str] = {}
    rest = (found["labels"] or "").strip()
    while rest:
        label = _LABEL.match(rest)
        if label is None:
            raise ValueError(f'{rest!r} is not a label such as service="a"')
        labels[label["name"]] = _ESCAPE.sub(_unescaped, label["value"])
        rest = rest[label.end() :].strip()
    return found["name"], labels


def parse_values(text: str) -> list[float | None]:
    """`1 2 3`; `5x3` is 5 and three times more; `0+10x5` goes on in steps of 10; `_` is no sample, `_x3` three times
    none; `stale` ends the series. Raises ValueError.
    """
    values: list[float | None] = []
    for word in text.split():
        for value in _expanded(word):
            values.append(value)
            if len(values) > VALUES_AT_MOST:
                raise ValueError(f"there are more than {VALUES_AT_MOST:,} values")
    return values


def format_values(values: list[float | None]) -> str:
    """The shortest plain notation that `parse_values`, and promtool, read as these values."""
    words = []
    position = 0
    while position < len(values):
        value = values[position]
        end = position
        while end < len(values) and (values[end] == value or (_is_nan(value) and _is_nan(values[end]))):
            end += 1
        count = end - position
        if value is None:
            words.append("_" if count == 1 else f"_x{count}")
        elif math.isnan(value):
            words.extend(["stale"] * count)
        else:
            words.append(f"{value!r}" if count == 1 else f"{value!r}x{count - 1}")
        position = end
    return " ".join(words)


def _expanded(word: str) -> Iterator[float | None]:
    if word == "stale":
        yield STALE
        return
    if missing := _MISSING.fullmatch(word):
        for _ in range(int(missing["times"] or 1)):
            yield None
        return
    found = _VALUE.fullmatch(word)
    if found is None or (found["step"] and not found["times"]):
        raise ValueError(f"{word!r} is none of 1, 1x4, 0+10x4, _, _x4 and stale")
    start, step = float(found["start"]), float(found["step"] or 0)
    for number in range(int(found["times"] or 0) + 1):
        yield start + step * number if step else start


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])
