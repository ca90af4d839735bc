"""Answers as a broken service gives them: no JSON, other types, fields nobody knows."""

from __future__ import annotations

import json
from typing import Any

from dean_airflow.testing.faults import FaultKind


def spoiled_text(text: str, kind: FaultKind) -> str:
    """The text of an answer as this fault makes it; other kinds leave it as it is."""
    if kind == "malformed":
        return "<html>" + text[:-1]
    if kind not in ("wrong_types", "unknown_fields") or not text:
        return text
    changed = _with_wrong_types if kind == "wrong_types" else _with_unknown_fields
    try:
        return json.dumps(changed(json.loads(text)))
    except json.JSONDecodeError:
        return text


def _with_wrong_types(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_wrong_types(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_wrong_types(item) for item in value]
    if isinstance(value, str):
        return len(value)
    return f"not {value!r}"


def _with_unknown_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: _with_unknown_fields(item) for name, item in value.items()}, "field_of_tomorrow": {"is": 1}}
    if isinstance(value, list):
        return [_with_unknown_fields(item) for item in value]
    return value
