"""How a project is installed, from packaging files of every style, none of them executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.evolution.target.project_metadata import detect_install
from tests.unit.evolution.target.files import project

BUILD = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "x"\n'
SETUP = (
    "from setuptools import setup\nextras = {'test': ['pytest'], 'docs': []}\nsetup(name='x', extras_require=extras)\n"
)


@pytest.mark.parametrize(
    ("files", "install"),
    [
        ({}, ()),
        ({"pyproject.toml": "[tool.black]\n"}, ()),
        ({"pyproject.toml": BUILD}, (".",)),
        ({"pyproject.toml": BUILD + '[project.optional-dependencies]\ntest = ["x"]\ndev = ["y"]\n'}, (".[test]",)),
        (
            {"pyproject.toml": BUILD + '[project.optional-dependencies]\ntests = []\ntest = ["x"]\n'},
            (".[test,tests]",),
        ),
        (
            {"pyproject.toml": BUILD + '[project.optional-dependencies]\ndev = ["numpy", "Ruff>=1", "sphinx_x"]\n'},
            (".", "numpy"),
        ),
        (
            {
                "pyproject.toml": BUILD
                + '[dependency-groups]\ntest = ["hypothesis>=6", {include-group = "base"}]\n'
                + 'base = ["attrs"]\ndev = ["z"]\n'
            },
            (".", "hypothesis>=6", "attrs"),
        ),
        ({"pyproject.toml": BUILD + '[dependency-groups]\ndev = ["mypy", "pytest-mock"]\n'}, (".", "pytest-mock")),
        ({"pyproject.toml": '[dependency-groups]\na = [{include-group = "a"}]\ntest = [{include-group = "a"}]\n'}, ()),
        ({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["attrs>=1"]\n'}, ("attrs>=1",)),
        ({"setup.py": "from setuptools import setup\nsetup(name='x')\n"}, (".",)),
        ({"setup.py": SETUP}, (".[test]",)),
        ({"setup.py": "setup(extras_require={'dev': ['a']})\n"}, (".[dev]",)),
        ({"setup.py": "raise SystemExit('executed')\n"}, (".",)),
        ({"setup.py": "def broken(:\n"}, (".",)),
        (
            {
                "setup.cfg": "[metadata]\nname = x\n[options.extras_require]\ntesting =\n    attrs\n    pytest\n",
                "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n',
            },
            (".[testing]",),
        ),
        (
            {
                "pyproject.toml": '[build-system]\nrequires=["poetry-core"]\n[tool.poetry]\nname="x"\n'
                '[tool.poetry.group.test.dependencies]\npytest-cov = "^4"\n'
            },
            (".", "pytest-cov"),
        ),
        ({"requirements.txt": "attrs\n"}, ("-r", "requirements.txt")),
        (
            {"requirements.txt": "", "requirements-test.txt": "", "docs/requirements.txt": ""},
            ("-r", "requirements.txt", "-r", "requirements-test.txt"),
        ),
        ({"pyproject.toml": BUILD, "requirements.txt": ""}, (".",)),
        ({"pyproject.toml": BUILD, "requirements/test.txt": ""}, (".", "-r", "requirements/test.txt")),
        ({"pyproject.toml": BUILD, "tests/requirements.txt": ""}, (".", "-r", "tests/requirements.txt")),
    ],
)
def test_install_arguments(tmp_path: Path, files: dict[str, str], install: tuple[str, ...]) -> None:
    assert detect_install(project(tmp_path, files).project) == install
