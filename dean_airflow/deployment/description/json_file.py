"""Duplicate keys of JSON files. Python's reader, like most, keeps the last without a word."""

from __future__ import annotations

import json

from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Problem


def duplicates(source: Source) -> list[Problem]:
    """Each second key with its line; nothing for a file that is not JSON, such as one with comments."""
    found = False

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal found
        found = found or len({name for name, _ in members}) < len(members)
        return dict(members)

    try:
        json.loads(source.text.lstrip("\ufeff"), object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    return [problem for problem in parse_yaml(source).problems if problem.check == "M05"] if found else []
