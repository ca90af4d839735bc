"""How a deployment is read: variables, env files, merging, extends, include, lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.deployment.description.deployment import Deployment, read_deployment
from dean_airflow.deployment.description.environment import Variable, parse_env_file
from dean_airflow.deployment.description.images import parse_image
from dean_airflow.deployment.description.interpolation import fill
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.place import Place

Make = Callable[[dict[str, str]], Path]
KNOWN = {name: Variable(name, value, Place("x", 1)) for name, value in {"A": "a", "EMPTY": "", "B": "b"}.items()}


@pytest.mark.parametrize(
    ("text", "filled", "unset"),
    [
        ("$A-${B}", "a-b", []),
        ("$$A $${A} 5$ $1", "$A ${A} 5$ $1", []),
        ("${X:-d} ${EMPTY:-d} ${EMPTY-d} ${X-d}", "d d  d", []),
        ("${A:+yes}${X:+no}${EMPTY:+no}${EMPTY+yes}", "yesyes", []),
        ("${A:?e}${A?e}${EMPTY?e}", "aa", []),
        ("${X}${EMPTY:?must be set}${X?e}", "", ["X", "EMPTY", "X"]),
        ("${X:-${Y:-$A}/c}", "a/c", []),
        ("${X:-${Y}}", "", ["Y"]),
        ("${A:-${Y}}", "a", []),
        ('${X:-{"k": {"a": 1}}}', '{"k": {"a": 1}}', []),
        ("${X:-a}b}", "ab}", []),
    ],
)
def test_interpolation(text: str, filled: str, unset: list[str]) -> None:
    result = fill(text, KNOWN)

    assert (result.text, result.error) == (filled, "")
    assert [use.name for use in result.uses if use.outcome == "unset"] == unset


@pytest.mark.parametrize("text", ["${A", "${X:-d", "${}", "${1X}", "${A!b}", "x ${X:-${Y} z"])
def test_interpolation_that_is_malformed(text: str) -> None:
    assert fill(text, KNOWN).error


def env(text: str | bytes, raw: bool = False) -> dict[str, tuple[str, int | None]]:
    data = text if isinstance(text, bytes) else text.encode()
    parsed = parse_env_file(Source(Path(".env"), ".env", data, 0o600), KNOWN, raw=raw)
    return {v.name: (v.value, v.place.line) for v in parsed.variables}


def test_env_files() -> None:
    text = (
        "# comment\n\nPLAIN=a=b=c\nexport EXPORTED = x \nHASH=a#b # c\nSINGLE='$A # not'\n"
        'DOUBLE="${A}\\n\\"q\\"" # c\n'
        'MANY="one\ntwo"\nAFTER=${MANY}\nDEFAULT=${NOPE:-d}\nEMPTY2=\nQUOTED_HASH="#x"\n'
    )

    assert env(text) == {
        "PLAIN": ("a=b=c", 3),
        "EXPORTED": ("x", 4),
        "HASH": ("a#b", 5),
        "SINGLE": ("$A # not", 6),
        "DOUBLE": ('a\n"q"', 7),
        "MANY": ("one\ntwo", 8),
        "AFTER": ("one\ntwo", 10),
        "DEFAULT": ("d", 11),
        "EMPTY2": ("", 12),
        "QUOTED_HASH": ("#x", 13),
    }


def test_env_files_of_other_systems() -> None:
    assert env(b"\xef\xbb\xbfA=1\r\nB='2'\r\n") == {"A": ("1", 1), "B": ("2", 2)}
    assert env("A=1\nB=2\n".encode("utf-16")) == {"A": ("1", 1), "B": ("2", 2)}
    assert env("A='x' ${B}\n", raw=True) == {"A": ("'x' ${B}", 1)}


def test_a_value_that_is_only_a_reference_stands_where_that_is_set(deployment: Make) -> None:
    files = {
        ".env": "PASSWORD=secret\nALIAS=${PASSWORD}\n",
        "compose.yaml": "services:\n  a:\n    image: a:1\n    environment:\n      P: ${ALIAS}\n      Q: x${ALIAS}\n",
    }
    environment = read(deployment(files)).services["a"].environment

    assert environment["P"].source.place == Place(".env", 1)
    assert environment["Q"].source.place == Place("compose.yaml", 6)


def read(root: Path) -> Deployment:
    return read_deployment(root, shell={})


def test_files_are_merged_as_compose_does(deployment: Make) -> None:
    base = """\
services:
  a:
    image: a:1
    command: [one, two]
    ports: ["80:80"]
    environment: [A=1, B=2]
    volumes: [./x:/x, data:/d]
    labels: {k: v}
  gone: {image: g}
"""
    over = """\
services:
  a:
    command: three
    ports: ["81:81"]
    environment: {B: 3, C: 4}
    volumes: [./y:/x]
    labels: !reset null
  gone: !reset
  b: {image: b}
"""
    project = read(deployment({"docker-compose.yml": base, "docker-compose.override.yml": over}))
    a = project.services["a"]

    assert list(project.services) == ["a", "b"]
    assert a.command == ["three"]
    assert [port.published for port in a.ports] == ["80", "81"]
    assert {name: variable.value for name, variable in a.environment.items()} == {"A": "1", "B": "3", "C": "4"}
    assert [(mount.source, mount.target) for mount in a.mounts] == [("data", "/d"), ("./y", "/x")]
    assert a.get("labels") is None
    assert a.environment["B"].place == Place("docker-compose.override.yml", 5)
    assert a.place == Place("docker-compose.yml", 2)


def test_override_and_anchors_and_extends(deployment: Make) -> None:
    files = {
        "compose.yaml": """\
x-env: &env {A: "1", B: "2"}
services:
  base: &base
    image: base:1
    environment:
      <<: *env
      B: "3"
    ports: ["1:1"]
  child:
    extends: {file: other/common.yaml, service: common}
    environment: {D: x}
  copy:
    <<: *base
    image: copy:1
    ports: !override ["2:2"]
""",
        "other/common.yaml": "services:\n  common:\n    build: ./src\n    env_file: common.env\n"
        "    depends_on: [zz]\n    volumes: ['./conf:/conf']\n",
        "other/common.env": "C=c\n",
    }
    root = deployment(files)
    project = read(root)
    child, copy = project.services["child"], project.services["copy"]

    assert {n: v.value for n, v in copy.environment.items()} == {"A": "1", "B": "3"}
    assert (copy.image, [p.published for p in copy.ports]) == ("copy:1", ["2"])
    assert {n: v.value for n, v in child.environment.items()} == {"C": "c", "D": "x"}
    assert child.mounts[0].path == root / "other" / "conf"
    assert child.depends_on == {}
    assert child.mounts[0].place == Place("other/common.yaml", 6)


def test_an_included_file_has_its_own_variables_first(deployment: Make) -> None:
    files = {
        ".env": "X=outer\nY=outer\n",
        "compose.yaml": "include:\n  - path: sub/compose.yaml\n    env_file: sub/own.env\nservices: {}\n",
        "sub/compose.yaml": 'services:\n  s:\n    image: "s:1"\n    environment: {X: "${X}", Y: "${Y}"}\n'
        "    build: .\n",
        "sub/own.env": "X=inner\n",
        "sub/Dockerfile": "FROM a:1\n",
    }
    root = deployment(files)
    service = read(root).services["s"]

    assert {n: v.value for n, v in service.environment.items()} == {"X": "inner", "Y": "outer"}
    assert service.base == root / "sub"


def test_the_callers_shell_counts_for_nothing_but_compose_file(deployment: Make) -> None:
    files = {"a.yaml": 'services:\n  a: {image: "a:${TAG:-1}"}\n', "compose.yaml": "services:\n  z: {image: z}\n"}
    project = read_deployment(deployment(files), shell={"TAG": "9", "COMPOSE_FILE": "a.yaml"})

    assert {name: service.image for name, service in project.services.items()} == {"a": "a:1"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("postgres", ("", "postgres", "", "")),
        ("reg.example.com:5000/a/b", ("reg.example.com:5000", "a/b", "", "")),
        ("localhost/a:1", ("localhost", "a", "1", "")),
        ("a/b:1@sha256:x", ("", "a/b", "1", "sha256:x")),
    ],
)
def test_image_names(text: str, parts: tuple[str, ...]) -> None:
    parsed = parse_image(text)

    assert (parsed.registry, parsed.repository, parsed.tag, parsed.digest) == parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql+psycopg2://u:p/ss@db:5432/app?x=1", ("postgresql", "u", "p/ss", "db", 5432, "app")),
        ("redis://:p@ss@redis:6379/0", ("redis", "", "p@ss", "redis", 6379, "0")),
        ("jdbc:postgresql://db/app", ("postgresql", "", "", "db", None, "app")),
        ("db+mysql://a:b%40@h/d", ("mysql", "a", "b@", "h", None, "d")),
        ("curl -f http://[::1]:80/x || exit", ("http", "", "", "::1", 80, "x")),
    ],
)
def test_urls(text: str, expected: tuple[object, ...]) -> None:
    (url,) = find_urls(text)

    assert (url.family, url.user, url.password, url.host, url.port, url.database) == expected
