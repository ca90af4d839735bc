"""The fixtures as a project of somebody else's meets them: the installed plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = """
import subprocess, sys, urllib.request
from pathlib import Path

REMEMBERED = Path(__file__).with_name("remembered")


def health(url):
    return urllib.request.urlopen(url + "/health", timeout=5).status


def test_services_are_there(stub_services):
    assert health(stub_services.evolution.url) == 200
    stub_services.evolution.faults.add("status", status=503, count=None)
    stub_services.kill(stub_services.indexagent)


def test_and_forget_what_an_earlier_test_did(stub_services):
    assert health(stub_services.evolution.url) == 200
    assert health(stub_services.indexagent.url) == 200
    assert len(stub_services.evolution.requests) == 1


def test_a_proxy(stub_services, fault_proxy):
    proxy = fault_proxy(stub_services.evolution.url)
    assert health(proxy.url) == 200
    proxy.refuse()
    try:
        health(proxy.url)
    except OSError:
        pass
    else:
        raise AssertionError("the proxy let it through")


def test_a_store_and_a_repository(dean_store, dean_repository):
    assert dean_store.id
    repository = dean_repository({"shop/a.py": "x = 1\\n"})
    head = subprocess.run(["git", "rev-parse", "main"], cwd=repository, capture_output=True, text=True, check=True)
    REMEMBERED.write_text(f"{repository}\\n{head.stdout}")


def test_which_are_gone_and_made_alike(dean_repository):
    path, head = REMEMBERED.read_text().split()
    assert not Path(path).exists()
    again = dean_repository({"shop/a.py": "x = 1\\n"}, name="other")
    same = subprocess.run(["git", "rev-parse", "main"], cwd=again, capture_output=True, text=True, check=True)
    assert same.stdout.strip() == head
"""

UNUSED = """
import sys


def test_the_plugin_is_there_and_has_imported_nothing(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("dean_airflow")
    heavy = {"airflow", "aiohttp", "fastapi", "uvicorn", "sqlalchemy", "pydantic", "asyncio"}
    assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def run_pytest(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_theirs.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_fixtures_work_in_somebody_elses_project(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, PROJECT)

    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    others = ["anyio", "hypothesispytest", "schemathesis", "pytest_benchmark", "benchmark", "logfire", "cov", "asyncio"]
    done = run_pytest(tmp_path, UNUSED, *[part for name in others for part in ("-p", f"no:{name}")])

    assert done.returncode == 0, done.stdout
