"""M01 to M09: files and their encoding."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath

from dean_airflow.deployment.checks.registry import Hit, NotChecked, check
from dean_airflow.deployment.description.deployment import Deployment, is_env_file, is_template
from dean_airflow.deployment.description.facts import dockerfile_of, scripts, tracked
from dean_airflow.deployment.description.json_file import duplicates
from dean_airflow.deployment.description.script import Script, is_shell
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.yaml_file import parse_yaml

_MARKED = (
    ".yml",
    ".yaml",
    ".env",
    ".conf",
    ".json",
    ".sql",
    ".sh",
    ".ps1",
    ".service",
    ".cfg",
    ".ini",
    ".toml",
    ".bash",
)
_TEXT = (*_MARKED, ".py", ".txt", ".md", ".properties", ".cnf", ".xml", ".js", ".ts", ".html", ".css", ".csv", ".lock")
_YAML = (".yml", ".yaml")
_BASH_SECONDS = 5.0
_RESIDUE = re.compile(r"\\!")
_FIND = re.compile(r"\bfind\b.*\\!\s+[-(]")


def _is_dockerfile(name: str) -> bool:
    return name == "Dockerfile" or name.startswith("Dockerfile.") or name.lower().endswith(".dockerfile")


def _suffix(source: Source) -> str:
    name = source.path.name
    for ending in (".example", ".template", ".sample", ".dist"):
        name = name.removesuffix(ending)
    return ".env" if is_env_file(name) else PurePath(name).suffix.lower()


def _is_marked_kind(source: Source) -> bool:
    return _suffix(source) in _MARKED or _is_dockerfile(source.path.name) or is_shell(source)


def _is_text_kind(source: Source) -> bool:
    return (
        _suffix(source) in _TEXT or _is_marked_kind(source) or source.path.name in ("Procfile", "Makefile", "Caddyfile")
    )


def marked(deployment: Deployment) -> list[Source]:
    """The files of a kind in which a byte-order mark is an error, that have one."""
    return [source for source in deployment.tree.sources if source.mark and _is_marked_kind(source)]


@check(
    "M01", "error", "Byte-order mark",
    why="Shells, compose and databases take the mark for part of the first word.",
    fix="Save the file as UTF-8 without a byte-order mark (--fix does).",
)  # fmt: skip
def byte_order_mark(deployment: Deployment) -> Iterator[Hit]:
    for source in marked(deployment):
        encoding = (source.mark or "").removesuffix("-sig").upper()
        yield Hit(source.at(), f"{source.name} begins with a byte-order mark ({encoding}).")


@check(
    "M02", "error", "Not UTF-8 text",
    why="A program that reads it stops, or reads something else than what was meant.",
    fix="Save the file again as UTF-8.",
)  # fmt: skip
def not_utf8(deployment: Deployment) -> Iterator[Hit]:
    for source in deployment.tree.sources:
        if not _is_text_kind(source) or (source.mark and source.mark != "utf-8-sig"):
            continue
        try:
            source.data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = source.data[: error.start].count(b"\n") + 1
            yield Hit(source.at(), f"{source.name} is not UTF-8: byte {error.start} (line {line}) is none of it.")
            continue
        if b"\0" in source.data:
            line = source.data[: source.data.index(b"\0")].count(b"\n") + 1
            yield Hit(source.at(), f"{source.name} contains NUL bytes, the first in line {line}.")


@check(
    "M03", "warning", "Windows line ends",
    why="The carriage return becomes part of the last word: interpreters are not found, values end in it.",
    fix="Convert the file to LF and set `eol=lf` in .gitattributes.",
)  # fmt: skip
def windows_line_ends(deployment: Deployment) -> Iterator[Hit]:
    entry_points = _entry_points(deployment)
    for source in deployment.tree.sources:
        if b"\r\n" not in source.data or source.mark in ("utf-16", "utf-32"):
            continue
        if is_shell(source) or _suffix(source) == ".env" or source.path.name in entry_points:
            line = source.data[: source.data.index(b"\r\n")].count(b"\n") + 1
            what = f"{source.name} has Windows line ends (CRLF), the first in line {line}."
            yield Hit(source.at(), what, also=(source.at(line),))


def _entry_points(deployment: Deployment) -> set[str]:
    """File names that a container starts with."""
    names: set[str] = set()
    for service in deployment.services.values():
        words = list(service.command)
        dockerfile = dockerfile_of(deployment, service)
        if dockerfile is not None:
            words += re.findall(r"[\w./-]+", dockerfile.command)
        names.update(PurePath(word).name for word in words if "/" in word)
    return {name for name in names if not name.endswith((".ps1", ".md", ".csv"))}


@check(
    "M04", "error", "Not YAML",
    why="Whatever reads the file stops at it.",
    fix="Use spaces for indentation and correct the line.",
)  # fmt: skip
def not_yaml(deployment: Deployment) -> Iterator[Hit]:
    yield from _once(deployment, "M04")
    for source in _other_yaml(deployment):
        for problem in parse_yaml(source).problems:
            if problem.check == "M04" and "{{" not in source.text:  # else it may be a template
                yield Hit(problem.place, problem.what)


@check(
    "M05", "error", "Duplicate key",
    why="One of the two is lost without a word, and which one depends on the reader.",
    fix="Keep one of them.",
)  # fmt: skip
def duplicate_key(deployment: Deployment) -> Iterator[Hit]:
    yield from _once(deployment, "M05")
    for source in _other_yaml(deployment):
        yield from (Hit(p.place, p.what) for p in parse_yaml(source).problems if p.check == "M05")
    for source in deployment.tree.sources:
        if _suffix(source) == ".json":
            yield from (Hit(p.place, p.what) for p in duplicates(source))


def _once(deployment: Deployment, check_id: str) -> Iterator[Hit]:
    seen = set()
    for problem in deployment.all_problems:
        if problem.check == check_id and problem.place not in seen:
            seen.add(problem.place)
            yield Hit(problem.place, problem.what)


def _other_yaml(deployment: Deployment) -> Iterator[Source]:
    """YAML files that no layer of the description has read already; templates are none yet."""
    read = {layer.name for layer in deployment.compose.every}
    read |= {problem.place.file for problem in deployment.compose.problems if problem.check in ("M04", "M05")}
    if deployment.file.source is not None:
        read.add(deployment.file.source.name)
    for source in deployment.tree.sources:
        if source.name in read or _suffix(source) not in _YAML or is_template(source.path.name):
            continue
        if "{%" in source.text:
            continue
        yield source


@check(
    "M06", "error", "Residue in a script",
    why="The line does something else than it was written for, or the script is not run by its interpreter.",
    fix="Restore the line: `#!` first, no backslash before `!`, no end of a heredoc that was never opened.",
)  # fmt: skip
def script_residue(deployment: Deployment) -> Iterator[Hit]:
    sourced = _sourced(deployment)
    for script in scripts(deployment):
        source = script.source
        first = source.lines[0].lstrip("\ufeff")
        if first.startswith("#\\!"):
            yield Hit(source.at(1), f"The first line of {source.name} begins with `#\\!` instead of `#!`.")
        elif not first.startswith("#!") and source.text.strip() and source.path.name not in sourced:
            yield Hit(source.at(1), f"The first line of {source.name} is not `#!` and an interpreter.")
        for line in script.lines:
            if line.number > 1 and _RESIDUE.search(line.text) and not _FIND.search(line.text):
                yield Hit(source.at(line.number), f"A backslash stands before `!` in {source.name}.")
        for number in script.stray:
            word = source.lines[number - 1].strip()
            yield Hit(source.at(number), f"{source.name} has the end of a heredoc, {word}, that was never opened.")
    for source in deployment.tree.sources:
        if _suffix(source) in (".env", ".sql", ".conf") and not is_shell(source):
            for number, written in enumerate(source.lines, 1):
                if re.fullmatch(r"(?:EOF|EOT|EOL|EOSQL)\s*", written):
                    yield Hit(
                        source.at(number), f"{source.name} has the end of a heredoc, {written.strip()}, as a line."
                    )


def _sourced(deployment: Deployment) -> set[str]:
    """Names of scripts that others read into themselves: they are never started, so they need no interpreter."""
    names: set[str] = set()
    for script in scripts(deployment):
        for line in script.lines:
            for match in re.finditer(r"(?:^|[;&|]\s*|\s)(?:source|\.)\s+(.+)", line.text):
                names.update(re.findall(r"([\w.-]+)[\"']?\s*$", re.split(r"[;&|]", match[1])[0]))
    return names


@check(
    "M07", "warning", "Script not executable",
    why="Starting it fails with `permission denied`.",
    fix="chmod +x it, and `git update-index --chmod=+x` where git tracks it.",
)  # fmt: skip
def not_executable(deployment: Deployment) -> Iterator[Hit]:
    sourced = _sourced(deployment)
    modes = tracked(deployment) or {}
    for script in scripts(deployment):
        source = script.source
        if source.path.name in sourced:
            continue
        if not source.mode & 0o111:
            yield Hit(source.at(), f"{source.name} is a script and not executable (mode {source.mode:o}).")
        elif modes.get(source.name) == "100644":
            yield Hit(source.at(), f"{source.name} is executable here, but git holds it as not executable.")


@check(
    "M09", "error", "Syntax error in a script",
    why="The script or program stops at that line, or does not start.",
    fix="Correct the syntax.",
)  # fmt: skip
def script_syntax(deployment: Deployment) -> Iterator[Hit]:
    for source in deployment.tree.sources:
        if source.path.suffix == ".py" and not source.mark and b"\0" not in source.data:
            line, what = _python_problem(source)
            if what:
                yield Hit(source.at(line), f"{source.name} is not Python: {what}.")
    every = scripts(deployment)
    if not every:
        return
    bash = shutil.which("bash")
    if bash is None:
        raise NotChecked("there is no bash to read the shell scripts with")
    with ThreadPoolExecutor(max_workers=4) as pool:
        for script, (line, what) in zip(every, pool.map(lambda each: _bash_problem(bash, each), every), strict=True):
            if what:
                yield Hit(script.source.at(line), f"bash cannot read {script.source.name}: {what}.")


def _python_problem(source: Source) -> tuple[int | None, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source.text)
    except SyntaxError as error:
        return error.lineno, error.msg
    except (ValueError, RecursionError) as error:
        return None, str(error)
    return None, ""


def _bash_problem(bash: str, script: Script) -> tuple[int | None, str]:
    text = script.source.text.lstrip("\ufeff")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [bash, "--norc", "-n"],
            input=text.encode(),
            capture_output=True,
            timeout=_BASH_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, "reading it does not end"
    if done.returncode == 0:
        return None, ""
    message = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
    match = re.search(r"line (\d+): (.*)", message)
    started = re.search(r"from `\S+' command on line (\d+)", message)
    if match is None:
        return None, message or "it has a syntax error"
    number = int(started[1]) if started else min(int(match[1]), script.source.text.rstrip("\n").count("\n") + 1)
    return number, re.sub(r"\s+", " ", match[2])
