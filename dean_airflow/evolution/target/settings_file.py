"""What a target says about itself: `[tool.dean]` in its `pyproject.toml`, or `dean.yaml` beside it.

Checked as a whole: every unknown key and wrong type is named together with the file it is in.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dean_airflow.errors import ConfigurationError
from dean_airflow.evolution.trial_config import Objective, check_weights

YAML_NAMES = ("dean.yaml", "dean.yml")


class OwnSettings(BaseModel):
    """The keys a target may set, each meaning what the trial's param of that name means; None: not set."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    install: list[str] | None = None
    tests: str | None = None
    deselect: list[str] | None = None
    benchmark: str | None = None
    objectives: dict[Objective, float] | None = None
    files: list[str] | None = None
    generations: Annotated[int, Field(ge=1, le=100)] | None = None

    @field_validator("objectives", mode="before")
    @classmethod
    def _whole_numbers_are_weights_too(cls, weights: Any) -> Any:
        if isinstance(weights, dict):
            return {key: float(value) if type(value) is int else value for key, value in weights.items()}
        return weights

    @field_validator("objectives")
    @classmethod
    def _weights_sum_to_one(cls, weights: dict[Objective, float] | None) -> dict[Objective, float] | None:
        return weights if weights is None else check_weights(weights)


def read_own_settings(project: Path) -> tuple[OwnSettings, str]:
    """(settings, name of the file they come from; empty when the target has none).

    Raises ConfigurationError: both files set something, the file does not parse, unknown keys, wrong types or values.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    pyproject = read_pyproject(project)
    if "dean" in _table(pyproject.get("tool")):
        found.append(("pyproject.toml [tool.dean]", _mapping(pyproject["tool"]["dean"], "pyproject.toml [tool.dean]")))
    found += [(name, _read_yaml(project / name)) for name in YAML_NAMES if (project / name).is_file()]
    if not found:
        return OwnSettings(), ""
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        raise ConfigurationError(f"The target has settings for DEAN in {names}; keep one of them.")
    name, values = found[0]
    try:
        return OwnSettings(**values), name
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']} (got {problem['input']!r})"
            for problem in error.errors()
        )
        raise ConfigurationError(f"The target's {name} is not usable: {wrong}.") from None


def read_pyproject(project: Path) -> dict[str, Any]:
    """The target's pyproject.toml, empty when it has none. Raises ConfigurationError when it is not TOML."""
    path = project / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The target's pyproject.toml cannot be read: {error}.") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The target's {path.name} is not UTF-8: {error.reason} at byte {error.start}."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigurationError(f"The target's {path.name} cannot be read{where}: {problem}.") from None
    return {} if data is None else _mapping(data, path.name)


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"The target's {name} must map names to values.")
    return value


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
