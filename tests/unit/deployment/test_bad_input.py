"""Files nobody should write: each gives one clear finding or sentence, quickly, and never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dean_airflow.errors import DeploymentError

from .conftest import COMPLETE, Validate

SERVICE = "services:\n  a:\n    image: acme/a:1\n" + COMPLETE
BOMB = "x0: &x0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 9)
)

Make = Callable[[dict[str, str]], Path]


def found(validate: Validate, root: Path) -> list[str]:
    return [f"{f.id} {f.place}" for f in validate(root).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["M44 compose.yaml:1"]),
        ("# nothing\n", ["M44 compose.yaml:1"]),
        ("just words\n", ["M44 compose.yaml:1"]),
        ("- a\n- b\n", ["M44 compose.yaml:1"]),
        ("services:\n  a:\n    image: [\n", ["M04 compose.yaml:3"]),
        (BOMB, ["M04 compose.yaml:6"]),
        ("a: &a\n  b: *a\n", ["M04 compose.yaml:1"]),
        ("a: " + "[" * 3000 + "]" * 3000 + "\n", ["M04 compose.yaml:1"]),
        ("services:\n  a: &a\n    <<: *a\n", ["M04 compose.yaml:2"]),
        ("services: {a: {image: 'x'\n", ["M04 compose.yaml:1"]),
        ("\x00\x01\x02\x7fELF\n", ["M02 compose.yaml"]),
        ("services:\n  a b:\n    image: acme/a:1\n" + COMPLETE, ["M44 compose.yaml:2"]),
        ("services:\n  '$(reboot)':\n    image: acme/a:1\n" + COMPLETE, ["M44 compose.yaml:2"]),
    ],
)
def test_a_compose_file_that_is_none(validate: Validate, deployment: Make, text: str, expected: list[str]) -> None:
    result = found(validate, deployment({"compose.yaml": text}))

    assert [each.split(":")[0] for each in result] == [each.split(":")[0] for each in expected]


def test_a_cyclic_extends(validate: Validate, deployment: Make) -> None:
    text = SERVICE + "    extends: {service: b}\n  b:\n    image: acme/b:1\n    extends: a\n" + COMPLETE

    assert {each.split()[0] for each in found(validate, deployment({"compose.yaml": text}))} == {"M44"}


def test_a_cyclic_include(validate: Validate, deployment: Make) -> None:
    files = {"compose.yaml": "include: [b.yaml]\n" + SERVICE, "b.yaml": "include: [compose.yaml]\nservices: {}\n"}

    assert found(validate, deployment(files)) == ["M44 b.yaml:1"]


def test_a_huge_file_is_not_read(validate: Validate, deployment: Make) -> None:
    root = deployment({"compose.yaml": SERVICE + "#" * (5 * 1024 * 1024)})

    (finding,) = validate(root).findings
    assert (finding.id, "4 MB" in finding.what) == ("M08", True)


def test_a_symbolic_link_out_of_the_directory_is_not_followed(
    validate: Validate, deployment: Make, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("POSTGRES_PASSWORD=changeme\n")
    root = deployment({"compose.yaml": SERVICE})
    (root / "prod.env").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root / "loop")

    result = validate(root)

    assert [f"{f.id} {f.place}" for f in result.findings if f.place.file == "prod.env"] == ["M08 prod.env"]
    assert "changeme" not in str(result.as_json())


def test_a_compose_file_that_leads_out(validate: Validate, deployment: Make, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SERVICE)
    root = deployment({"README.md": "x"})
    (root / "compose.yaml").symlink_to(tmp_path / "other.yaml")

    assert {f.id for f in validate(root).findings} == {"M08"}


@pytest.mark.parametrize("name", ["nowhere", "file", "empty", "bad\0name"])
def test_a_directory_that_is_none(validate: Validate, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(DeploymentError) as error:
        validate(tmp_path / name)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dean-deployment.yaml", "environment: moon\n"),
        ("dean-deployment.yaml", "- a\n"),
        ("dean-deployment.yaml", "environmnet: local\n"),
        (".env", "A='never closed\nB=1\n"),
        (".env", "THIS IS NO=ASSIGNMENT\n"),
    ],
)
def test_half_written_files_beside_it(validate: Validate, deployment: Make, name: str, text: str) -> None:
    root = deployment({"compose.yaml": SERVICE, name: text})

    assert [each.split(":")[0] for each in found(validate, root)] == [f"M44 {name}"]


def test_names_with_shell_characters_reach_no_shell(validate: Validate, deployment: Make, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    name = f"$(touch {victim.name});x.sh"
    root = deployment({"compose.yaml": SERVICE, f"scripts/{name}": "#!/bin/sh\necho hi\n"})
    (root / "scripts" / name).chmod(0o755)

    assert found(validate, root) == []
    assert not victim.exists()
    assert not (root / victim.name).exists()
