"""What an installation says it installed is not believed beyond its own folder."""

from __future__ import annotations

import json
from pathlib import Path

from dean_airflow.evolution.target.overlay import collect_overlay
from tests.unit.evolution.repositories import every_file
from tests.unit.evolution.target.files import project


def installed(site_packages: Path, source: Path, record: list[str], name: str = "calc") -> None:
    info = site_packages / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text(json.dumps({"url": source.as_uri(), "dir_info": {}}))
    (info / "RECORD").write_text("".join(f"{line},,\n" for line in record))


def test_generated_files_are_taken_and_nothing_else(tmp_path: Path) -> None:
    source = project(tmp_path / "source", {"src/calc/__init__.py": "", "src/calc/data/x.txt": ""}).project
    site = project(
        tmp_path / "site",
        {
            **{f"calc/{name}": "made" for name in ("__init__.py", "_version.py", "data/y.bin", "__pycache__/a.pyc")},
            **{"other/mod.py": "not of this project", "_calc.so": "top-level, found where it is"},
        },
    ).project
    record = [*every_file(site), "../../../bin/calc", "calc/gone.py", "/etc/passwd", "calc/../../outside"]
    installed(site, source, record)
    collect_overlay(site, source, source, ("src", ""), tmp_path / "overlay")
    assert set(every_file(tmp_path / "overlay")) == {"src/calc/_version.py", "src/calc/data/y.bin"}


def test_links_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("sesame")
    source = project(tmp_path / "source", {"calc/__init__.py": ""}).project
    site = project(tmp_path / "site", {"calc/__init__.py": ""}).project
    (site / "calc/link.txt").symlink_to(tmp_path / "secret")
    (site / "calc/linked").symlink_to(tmp_path / "secrets")
    installed(site, source, ["calc/link.txt", "calc/linked/key", "calc/__init__.py"])
    collect_overlay(site, source, source, ("",), tmp_path / "overlay")
    assert not (tmp_path / "overlay").exists()


def test_other_distributions_do_not_count(tmp_path: Path) -> None:
    source = project(tmp_path / "source", {"calc/__init__.py": ""}).project
    site = project(tmp_path / "site", {"calc/plugin.py": ""}).project
    installed(site, tmp_path / "elsewhere", ["calc/plugin.py"], "plugin")
    (site / "broken-1.0.dist-info").mkdir()
    (site / "broken-1.0.dist-info/RECORD").write_text("calc/plugin.py,,\n")
    (site / "broken-1.0.dist-info/direct_url.json").write_text("{")
    collect_overlay(site, source, source, ("",), tmp_path / "overlay")
    assert not (tmp_path / "overlay").exists()
