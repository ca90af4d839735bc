"""How a target is installed, read from its packaging files without running any of them."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.evolution.target.settings_file import read_pyproject

TEST_NAMES = ("test", "tests", "testing")
"""Names of extras and dependency groups that hold what the tests need; `dev` is taken where none of them exists."""

# What a `dev` group holds beside the tests' needs: installing it would cost minutes and serve nothing.
_NOT_FOR_TESTS = frozenset(
    {
        *("black", "ruff", "flake8", "pylint", "isort", "mypy", "pyright", "pyflakes", "pycodestyle", "bandit"),
        *("pre-commit", "tox", "nox", "hatch", "build", "twine", "wheel", "bump2version", "bumpversion", "commitizen"),
        *("sphinx", "furo", "mkdocs", "mkdocs-material", "mkdocstrings", "pdoc", "towncrier", "codespell", "ipython"),
        *("jupyter", "ipykernel", "ty", "uv", "check-manifest", "validate-pyproject", "python-semantic-release"),
    }
)
_REQUIREMENT_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class ProjectMetadata:
    """What the packaging files say; nothing in it has been executed."""

    name: str
    """Distribution name, empty when it is not written down plainly."""
    installable: bool
    """Whether `pip install .` has something to build."""
    dependencies: tuple[str, ...]
    extras: dict[str, tuple[str, ...] | None]
    """Extra → its requirements, None where they are computed (`setup.py`)."""
    groups: dict[str, tuple[str, ...]]
    """Dependency group (PEP 735) → its requirements, includes resolved."""


def read_metadata(project: Path) -> ProjectMetadata:
    """The metadata of a project folder. Raises ConfigurationError when pyproject.toml is not TOML."""
    pyproject = read_pyproject(project)
    table = _dict(pyproject.get("project"))
    poetry = _dict(_dict(pyproject.get("tool")).get("poetry"))
    ini = _ini(project / "setup.cfg")
    script = project / "setup.py"
    extras: dict[str, tuple[str, ...] | None] = {}
    if script.is_file():
        extras |= dict.fromkeys(_extras_of_script(script))
    if ini.has_section("options.extras_require"):
        extras |= {name: _lines(value) for name, value in ini.items("options.extras_require")}
    extras |= {name: _strings(value) for name, value in _dict(table.get("optional-dependencies")).items()}
    extras |= dict.fromkeys(_dict(poetry.get("extras")))
    groups = _dict(pyproject.get("dependency-groups"))
    poetry_groups = _dict(poetry.get("group"))
    resolved = {name: _group(name, groups, ()) for name in groups}
    resolved |= {name: _poetry(_dict(group).get("dependencies")) for name, group in poetry_groups.items()}
    resolved |= {"dev": _poetry(poetry["dev-dependencies"])} if "dev-dependencies" in poetry else {}
    built = "build-system" in pyproject and (bool(table) or bool(poetry))
    return ProjectMetadata(
        name=str(table.get("name") or poetry.get("name") or ini.get("metadata", "name", fallback="")),
        installable=script.is_file() or built or (ini.has_section("metadata") and "build-system" in pyproject),
        dependencies=_strings(table.get("dependencies")),
        extras=extras,
        groups=resolved,
    )


def detect_install(project: Path) -> tuple[str, ...]:
    """pip arguments that install the project and what its tests need; empty when it declares nothing."""
    metadata = read_metadata(project)
    arguments: list[str] = []
    if metadata.installable:
        extras, more = _chosen_extras(metadata.extras)
        arguments = [f".[{','.join(extras)}]" if extras else ".", *more]
    else:
        arguments = [*metadata.dependencies]
        if (project / "requirements.txt").is_file():
            arguments += ["-r", "requirements.txt"]
    arguments += _chosen_group(metadata.groups)
    arguments += [word for path in _test_requirements(project) for word in ("-r", path)]
    return tuple(dict.fromkeys(arguments)) if "-r" not in arguments else tuple(arguments)


def _chosen_extras(extras: dict[str, tuple[str, ...] | None]) -> tuple[list[str], list[str]]:
    """(extras to name, requirements to add): of a `dev` extra that can be read only what tests can need."""
    for_tests = [name for name in TEST_NAMES if name in extras]
    if for_tests or "dev" not in extras:
        return for_tests, []
    requirements = extras["dev"]
    return (["dev"], []) if requirements is None else ([], _needed(requirements))


def _chosen_group(groups: dict[str, tuple[str, ...]]) -> list[str]:
    chosen = next((name for name in TEST_NAMES if name in groups), None)
    if chosen:
        return list(groups[chosen])
    return _needed(groups.get("dev", ()))


def _needed(requirements: Iterable[str]) -> list[str]:
    return [requirement for requirement in requirements if _can_serve_tests(requirement)]


def _can_serve_tests(requirement: str) -> bool:
    found = _REQUIREMENT_NAME.match(requirement)
    if found is None:
        return False
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    return name not in _NOT_FOR_TESTS and not name.startswith(("sphinx", "mkdocs", "flake8", "types-"))


def _test_requirements(project: Path) -> list[str]:
    """requirements files for tests, at the top or in `requirements/` or the tests' folder."""
    folders = ("", "requirements", "tests", "test")
    files = [path for folder in folders for path in sorted((project / folder).glob("*.txt"))]
    return [path.relative_to(project).as_posix() for path in files if _is_for_tests(path.relative_to(project))]


def _is_for_tests(path: Path) -> bool:
    if re.fullmatch(r"(.*require.*test.*|test.*require.*)\.txt", path.name, re.IGNORECASE):
        return True
    folder = path.parent.name
    if folder == "requirements":
        return re.fullmatch(r"tests?(ing)?\.txt", path.name) is not None
    return folder in ("tests", "test") and path.name == "requirements.txt"


def _extras_of_script(script: Path) -> list[str]:
    """Names of the extras in a setup.py: the keys of a literal given as `extras_require`, by name or in place."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return []
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    values = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "extras_require"]
    names = {value.id for value in values if isinstance(value, ast.Name)}
    assignments = (node for node in ast.walk(tree) if isinstance(node, ast.Assign))
    values += [
        node.value
        for node in assignments
        if any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    ]
    keys = (key for value in values if isinstance(value, ast.Dict) for key in value.keys)
    return [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]


def _group(name: str, groups: dict[str, Any], seen: tuple[str, ...]) -> tuple[str, ...]:
    if name in seen:
        return ()
    found: list[str] = []
    for item in groups.get(name) or ():
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            found += _group(item["include-group"], groups, (*seen, name))
    return tuple(found)


def _poetry(dependencies: Any) -> tuple[str, ...]:
    """Names only: poetry writes version ranges in its own way, and for tools of the tests any version will do."""
    return tuple(name for name in _dict(dependencies) if name.lower() != "python")


def _ini(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return configparser.ConfigParser(interpolation=None)
    return parser


def _lines(value: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in value.splitlines() if line.strip())


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
