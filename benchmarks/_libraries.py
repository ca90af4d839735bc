"""Source distributions of real libraries, as the package index has them, each with a script of ours in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dean_airflow.config import load_settings

SCRIPTS = Path(__file__).parent / "libraries"


@dataclass(frozen=True)
class Library:
    """`params` are those of its trials beside the benchmark; `source` is its folder, once unpacked."""

    name: str
    version: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"

    def unpack(self, room: Path, scripts: Path = SCRIPTS) -> Path:
        """A fresh folder of the library with its file of `scripts` as `dean_benchmark.py`, below `room`.

        Raises CalledProcessError, OSError.
        """
        with tarfile.open(_source_distribution(self)) as archive:
            archive.extractall(room, filter="data")
        folder = (room / f"{self.name}-{self.version}").rename(room / self.name)
        shutil.copy(scripts / f"{self.name}.py", folder / "dean_benchmark.py")
        return folder

    def trial_params(self, folder: Path) -> dict[str, str]:
        return {"repository": str(folder), "benchmark": "dean_benchmark:run", **self.params}


LIBRARIES = (
    Library("textdistance", "4.6.3", {"tests": "tests -m 'not external'"}),  # those compare it with other libraries
    Library("tabulate", "0.10.0"),
    Library("sqlparse", "0.6.1"),
)


def _source_distribution(library: Library) -> Path:
    """Downloaded once, by pip."""
    folder = load_settings().cache_dir / "source-distributions"
    known = list(folder.glob(f"{library.name}-{library.version}.tar.gz"))
    if not known:
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
        subprocess.run([*_pip(folder), "download", *options, library.requirement], check=True)
        known = list(folder.glob(f"{library.name}-{library.version}.tar.gz"))
    return known[0]


def _pip(folder: Path) -> list[str]:
    """pip of this environment, of the PATH, or of an environment made for it (uv downloads no source distributions)."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0:
        return own
    on_path = shutil.which("pip")
    if on_path and subprocess.run([on_path, "--version"], capture_output=True, check=False).returncode == 0:
        return [on_path]
    made = folder / "pip"
    venv.create(made, with_pip=True)
    return [str(made / "bin" / "python"), "-m", "pip"]
