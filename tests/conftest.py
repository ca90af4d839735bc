"""Shared by all tests: one private, migrated Airflow home a session, and no silent skip.

Airflow reads AIRFLOW_HOME when it is first imported, so the home is named here, before any test module is.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_HOME = Path(tempfile.mkdtemp(prefix="dean-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_"))]:
    del os.environ[_name]
os.environ.update(
    AIRFLOW_HOME=str(_HOME),
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(_HOME / "no-dags"),
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=(
        '[{"name": "dean", "classpath": "dean_airflow.dag_bundle.ShippedDagBundle", "kwargs": {}}]'
    ),
    AIRFLOW__DEAN__DATA_DIR=str(_HOME / "dean"),
)


@pytest.fixture(scope="session")
def airflow_home() -> Iterator[Path]:
    """The session's Airflow home, its database migrated in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    yield _HOME


@pytest.hookimpl(hookwrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """With REQUIRE_ALL=1 a skipped test fails the session: what a skip hides is not tested anywhere else."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("REQUIRE_ALL") == "1" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says so where REQUIRE_ALL turned skips into a failure; `-ra` has listed them with their reasons."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("REQUIRE_ALL") == "1" and skipped:
        terminalreporter.write_line(f"REQUIRE_ALL=1: {len(skipped)} skipped tests count as failures.", red=True)
