"""Environments built from a project with a build backend of its own, so that no package index is needed."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dean_airflow.errors import InstallError
from dean_airflow.evolution.sandbox.sandbox import choose_sandbox
from dean_airflow.evolution.target import environment, installer
from dean_airflow.evolution.target.environment import build_environment, environment_key, remove_old_environments
from dean_airflow.evolution.target.file_lock import file_lock
from dean_airflow.evolution.target.installer import Installer, find_installer
from dean_airflow.evolution.target.target import Checkout, Environment, TargetSettings, Workload
from tests.unit.evolution.repositories import every_file
from tests.unit.evolution.target.files import project

BACKEND = """
import base64, hashlib, os, zipfile
from pathlib import Path

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    version = os.environ["SETUPTOOLS_SCM_PRETEND_VERSION"]
    Path("calc/_version.py").write_text(f"version = {version!r}\\n")
    Path("left-behind").write_text("by the build")
    files = {path.as_posix(): path.read_text() for path in Path("calc").rglob("*.py")}
    files["calc/seen.txt"] = "\\n".join(f"{name}={value}" for name, value in os.environ.items())
    info = f"calc-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: calc\\nVersion: {version}\\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/entry_points.txt"] = "[console_scripts]\\ncalc = calc:main\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in files) + f"{info}/RECORD,,\\n"
    name = f"calc-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""
FILES = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "calc"\ndynamic = ["version"]\n',
    "backend.py": BACKEND,
    "calc/__init__.py": "from calc._version import version\n\n\ndef main():\n    print('calc', version)\n",
    "tests/test_calc.py": "import calc\n\n\ndef test_version():\n    assert calc.version == '1.0'\n",
}
SETTINGS = TargetSettings(
    install=(".",),
    tests=("tests",),
    deselect=(),
    workload=Workload("suite", ""),
    files=("calc/__init__.py",),
    source_roots=("",),
)
OFF = choose_sandbox("off")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return project(tmp_path / "checkout", FILES)


@pytest.fixture(scope="module")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has the project's environment already."""
    folder = tmp_path_factory.mktemp("warm")
    build_environment(project(folder / "checkout", FILES), SETTINGS, OFF, folder / "cache")
    return folder / "cache"


def built(checkout: Checkout, cache: Path, settings: TargetSettings = SETTINGS) -> Environment:
    return build_environment(checkout, settings, OFF, cache)


def ran(environment: Environment, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(environment.python), *arguments]
    return subprocess.run(command, cwd=cwd, env={}, capture_output=True, text=True, check=False)


def test_a_project_is_built_in_the_sandbox_and_its_tests_pass(tmp_path: Path, checkout: Checkout) -> None:
    before = every_file(checkout.root)
    made = build_environment(checkout, SETTINGS, choose_sandbox("auto"), tmp_path / "cache")
    assert every_file(checkout.root) == before
    assert ran(made, "-c", "import calc; calc.main()", cwd=tmp_path).stdout == "calc 1.0\n"
    tested = ran(made, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path / "checkout")
    # The checkout has no `_version.py`: that is in the overlay, which goes over it.
    assert "No module named 'calc._version'" in tested.stdout
    assert made.overlay is not None
    assert set(every_file(made.overlay)) == {"calc/_version.py", "calc/seen.txt"}
    (checkout.project / "calc/_version.py").write_bytes((made.overlay / "calc/_version.py").read_bytes())
    tested = ran(made, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path / "checkout")
    assert "1 passed" in tested.stdout


def test_what_is_installed_runs_from_where_it_stays(checkout: Checkout, warm_cache: Path) -> None:
    made = built(checkout, warm_cache)
    script = subprocess.run([made.python.parent / "calc"], env={}, capture_output=True, text=True, check=True)
    assert script.stdout == "calc 1.0\n"


def test_an_install_sees_no_secret_and_no_configuration_of_the_user(
    tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "sesame")
    made = built(checkout, tmp_path / "cache")
    assert made.overlay is not None
    seen = dict(line.split("=", 1) for line in (made.overlay / "calc/seen.txt").read_text().splitlines() if "=" in line)
    assert "sesame" not in seen.values()
    assert seen["HOME"].startswith(str(tmp_path / "cache"))
    assert not any(name.startswith(("AIRFLOW", "AWS")) for name in seen)


def test_equal_content_is_built_once(tmp_path: Path, checkout: Checkout, warm_cache: Path) -> None:
    first = built(checkout, warm_cache)
    marker = first.python.parent.parent / "mine"
    marker.write_text("x")
    again = project(tmp_path / "again", FILES)
    assert built(again, warm_cache) == first
    assert marker.exists()


def test_two_trials_at_once_build_once(tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[Path] = []
    build = environment._build
    monkeypatch.setattr(environment, "_build", lambda place, *rest: (builds.append(place), build(place, *rest)))
    made: list[Environment] = []
    threads = [threading.Thread(target=lambda: made.append(built(checkout, tmp_path / "cache"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1
    assert made == [made[0]] * 3


@pytest.mark.parametrize("change", ["file", "version", "install", "link"])
def test_whatever_a_build_could_use_is_part_of_the_key(checkout: Checkout, change: str) -> None:
    settings, before = SETTINGS, environment_key(checkout, SETTINGS)
    if change == "file":
        (checkout.project / "backend.py").write_text(BACKEND + "\n")
    elif change == "version":
        checkout = replace(checkout, version="1.1")
    elif change == "install":
        settings = replace(settings, install=(".", "attrs"))
    else:
        (checkout.project / "link").symlink_to("/nowhere")
    assert environment_key(checkout, settings) != before


def test_with_nothing_to_install_one_environment_serves_all(tmp_path: Path, checkout: Checkout) -> None:
    settings = replace(SETTINGS, install=())
    other = project(tmp_path / "other", {"mod.py": "x = 1\n"})
    assert environment_key(checkout, settings) == environment_key(other, settings)
    made = built(checkout, tmp_path / "cache", settings)
    assert made.overlay is None
    assert ran(made, "-m", "pytest", "--version", cwd=tmp_path).returncode == 0
    assert ran(made, "-m", "coverage", "--version", cwd=tmp_path).returncode == 0
    assert ran(made, "-c", "import dean_airflow", cwd=tmp_path).returncode == 1


def test_a_failing_build_is_one_sentence_and_leaves_nothing(tmp_path: Path, checkout: Checkout) -> None:
    (checkout.project / "backend.py").write_text(
        "def build_wheel(*arguments, **options):\n    raise RuntimeError('the flux capacitor is missing')\n"
    )
    with pytest.raises(
        InstallError, match=r"^The target could not be installed \(\.\): .*flux capacitor.*\.$"
    ) as caught:
        built(checkout, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert [path.suffix for path in (tmp_path / "cache/environments").iterdir()] == [".lock"]
    (checkout.project / "backend.py").write_text(BACKEND)
    assert built(checkout, tmp_path / "cache").python.exists()


def test_a_requirement_that_cannot_be_had(tmp_path: Path, checkout: Checkout) -> None:
    settings = replace(SETTINGS, install=("./gone-1.0-py3-none-any.whl",))
    with pytest.raises(InstallError, match=r"gone-1\.0-py3-none-any\.whl"):
        built(checkout, tmp_path / "cache", settings)


def test_a_build_that_was_killed_is_done_again(tmp_path: Path, checkout: Checkout) -> None:
    made = built(checkout, tmp_path / "cache")
    place = made.python.parent.parent
    (place / "dean-environment.json").unlink()
    (place / "half").write_text("a half-made environment")
    assert built(checkout, tmp_path / "cache") == made
    assert not (place / "half").exists()


def test_editable_installs_become_plain_ones(tmp_path: Path, checkout: Checkout) -> None:
    made = built(checkout, tmp_path / "cache", replace(SETTINGS, install=("-e", ".")))
    assert ran(made, "-c", "import calc; calc.main()", cwd=tmp_path).stdout == "calc 1.0\n"


def test_a_subfolder_is_what_is_installed(tmp_path: Path) -> None:
    whole = project(tmp_path / "checkout", {f"libs/calc/{name}": text for name, text in FILES.items()})
    checkout = Checkout(whole.root, whole.root / "libs/calc", "2.0")
    made = built(checkout, tmp_path / "cache")
    assert ran(made, "-c", "import calc; calc.main()", cwd=tmp_path).stdout == "calc 2.0\n"


INSTALLERS = [name for name in ("pip", "uv", "bundled_pip") if getattr(installer, f"_{name}")() is not None]


@pytest.mark.parametrize("name", INSTALLERS)
def test_any_installer_will_do(tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name != "pip":
        monkeypatch.setattr(installer, "_pip", lambda: None)
    if name == "bundled_pip":
        monkeypatch.setattr(installer, "_uv", lambda: None)
    made = built(checkout, tmp_path / "cache")
    assert ran(made, "-c", "import calc; calc.main()", cwd=tmp_path).stdout == "calc 1.0\n"


def test_without_any_installer(tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_pip", "_uv", "_bundled_pip"):
        monkeypatch.setattr(installer, name, lambda: None)
    with pytest.raises(InstallError, match="Neither pip nor uv is installed beside DEAN"):
        built(checkout, tmp_path / "cache")


def test_a_version_managers_shim_is_not_taken_for_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\nexec manager uv\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setattr(installer.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(installer.sys, "base_prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installer._uv() is None


def test_the_installer_is_run_by_the_targets_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "_pip", lambda: None)
    monkeypatch.setattr(installer, "_uv", lambda: None)
    found = find_installer(tmp_path / "bin/python")
    assert isinstance(found, Installer)
    assert found.command[0] == str(tmp_path / "bin/python")
    assert found.command[-1] == "install"


def test_uv_is_told_what_pip_is_told() -> None:
    told = installer.uv_settings(
        {
            "PIP_INDEX_URL": "https://index.example.org/simple",
            "PIP_EXTRA_INDEX_URL": "https://more.example.org/simple",
            "PIP_FIND_LINKS": "/wheels /other",
            "PIP_CERT": "/etc/ca.pem",
        }
    )
    assert told == {
        "UV_NATIVE_TLS": "1",
        "UV_DEFAULT_INDEX": "https://index.example.org/simple",
        "UV_INDEX": "https://more.example.org/simple",
        "UV_FIND_LINKS": "/wheels,/other",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }


def test_old_environments_are_removed_but_not_those_in_the_making(tmp_path: Path, checkout: Checkout) -> None:
    made = built(checkout, tmp_path / "cache")
    place = made.python.parent.parent
    assert remove_old_environments(tmp_path / "cache", days=1) == []
    with file_lock(place.with_suffix(".lock")):
        assert remove_old_environments(tmp_path / "cache", days=0) == []
    assert remove_old_environments(tmp_path / "cache", days=0) == [place]
    assert not place.exists()


def test_a_cache_that_cannot_be_written(tmp_path: Path, checkout: Checkout) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InstallError, match=r"^Cannot build the target's environment in .*\.$"):
        built(checkout, tmp_path / "cache")
