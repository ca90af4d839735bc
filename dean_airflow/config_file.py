"""Reads DEAN's settings file (YAML, or JSON by its suffix) into plain values that know their lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.errors import ConfigurationError

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class ConfigFile:
    """The file's top-level values with `${VAR}` expanded, and where each stands (`dean.yaml line 3`)."""

    values: dict[str, Any]
    origins: dict[str, str]


def read_config_file(path: Path, env: Mapping[str, str]) -> ConfigFile:
    """The settings of one file.

    `${VAR}` and `${VAR:-default}` in its texts are replaced from `env`. Raises ConfigurationError for a file
    that is missing, not UTF-8, begins with a byte-order mark, has Windows line ends, is indented with tabs,
    is not YAML (JSON), is not a mapping of names, or refers to unset variables; each with its own sentence.
    """
    text = _read(path)
    values, lines = _parse_json(path, text) if path.suffix == ".json" else _parse_yaml(path, text)
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigurationError(f"{path} must be a mapping of setting names to values.")
    origins = {name: f"{path} line {lines[name]}" if name in lines else str(path) for name in values}
    unset: list[str] = []
    expanded = {name: _expand(value, env, origins[name], name, unset) for name, value in values.items()}
    if unset:
        raise ConfigurationError(f"Variables that are not set: {'; '.join(unset)}.")
    return ConfigFile(expanded, origins)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ConfigurationError(f"{path} begins with a byte-order mark; save it as UTF-8 without one.")
    if b"\r" in raw:
        line = raw[: raw.index(b"\r")].count(b"\n") + 1
        raise ConfigurationError(f"{path} line {line} ends in CRLF; save the file with Unix line ends (LF).")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path} line {line} is not UTF-8 text.") from None


def _parse_json(path: Path, text: str) -> tuple[Any, dict[str, int]]:
    try:
        return json.loads(text or "{}"), {}
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path} line {error.lineno} is not JSON: {error.msg}.") from None


def _parse_yaml(path: Path, text: str) -> tuple[Any, dict[str, int]]:
    import yaml

    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise ConfigurationError(f"{path} line {number} is indented with a tab; YAML allows spaces only.")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line_number = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{path} line {line_number} is not YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}.") from None
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return {} if values is None else values, {key.value: key.start_mark.line + 1 for key, _ in pairs}


def _expand(value: Any, env: Mapping[str, str], origin: str, name: str, unset: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, env, origin, f"{name}.{key}", unset) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, env, origin, f"{name}[{index}]", unset) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        known = env.get(match["name"]) or match["default"]
        if known is None:
            unset.append(f"{origin}: {name} refers to {match['name']}")
            return ""
        return known

    return _REFERENCE.sub(replacement, value)
