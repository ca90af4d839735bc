"""YAML with the line of everything, and every mistake collected instead of the first one raised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LARGEST = 1_000_000
"""Characters of a file; a thousand rules take about 300,000."""
DEEPEST = 30
"""Mappings and lists within one another; rules need 6."""


@dataclass(frozen=True, order=True)
class Problem:
    """A mistake in a file: the line, counted from 1, and one sentence without its full stop."""

    line: int
    message: str


@dataclass(frozen=True)
class Located:
    """A value and its line. Scalars stay the text that was written, so that `team: on` is "on", not true."""

    value: str | list[Located] | dict[str, Located] | None
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)

    def items(self) -> Iterator[tuple[str, Located]]:
        """Of a mapping; nothing of anything else."""
        if isinstance(self.value, dict):
            yield from self.value.items()


def read_yaml(text: str, problems: list[Problem]) -> Located | None:
    """The document, or None with the reason among `problems`. Anchors are refused: they can make a file explode."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where there is one
    if len(text) > LARGEST:
        problems.append(Problem(1, f"the file is longer than {LARGEST:,} characters"))
        return None
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            problems.append(Problem(number, "is indented with a tab; YAML allows spaces only"))
    if problems:
        return None
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                problems.append(Problem(1, "is nested too deeply"))
                return None
            if isinstance(event, yaml.AliasEvent):
                mark = event.start_mark
                problems.append(Problem(mark.line + 1 if mark else 1, "anchors and aliases are not allowed here"))
                return None
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(mark.line + 1 if mark else 1, f"is not YAML: {error.problem or error.context}"))
        return None
    except yaml.YAMLError as error:
        problems.append(Problem(1, "is not YAML: " + " ".join(str(error).split())))
        return None
    return None if root is None else _locate(root, problems)


def _locate(node: Any, problems: list[Problem]) -> Located:
    import yaml

    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Located([_locate(item, problems) for item in node.value], line)
    if not isinstance(node, yaml.MappingNode):
        return Located(None if node.tag == "tag:yaml.org,2002:null" else str(node.value), line)
    values: dict[str, Located] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, where = str(key.value), key.start_mark.line + 1
        if name in values:
            problems.append(Problem(where, f"{name!r} is given twice, first in line {lines[name]}"))
            continue
        values[name], lines[name] = _locate(value, problems), where
    return Located(values, line, lines)
