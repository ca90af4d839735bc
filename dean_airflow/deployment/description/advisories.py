"""Releases of widely used Python packages with holes that are known and were mended, as of the bundled list.

From the Python Packaging Advisory Database (pypa/advisory-database). Only grave holes of packages that deployments pin
are listed; a scanner with a fresh database finds more.
"""

from __future__ import annotations

import re

_FIRST_SAFE = {
    "aiohttp": "3.9.2", "celery": "5.2.2", "certifi": "2022.12.7", "cryptography": "41.0.0", "django": "3.2.25",
    "fastapi": "0.65.2", "flask": "2.2.5", "gitpython": "3.1.41", "gunicorn": "20.0.4",
    "httpx": "0.23.0", "idna": "2.9",
    "jinja2": "3.1.3", "lxml": "4.9.1", "mako": "1.2.2", "markdown": "2.7", "mistune": "2.0.3", "numpy": "1.22.0",
    "paramiko": "2.10.1", "pillow": "10.0.1", "pip": "21.1", "protobuf": "3.18.3", "psutil": "5.6.6", "pyjwt": "2.4.0",
    "pymongo": "4.6.3", "python-jose": "3.3.0", "python-multipart": "0.0.7", "pyyaml": "5.4", "redis": "4.5.3",
    "requests": "2.31.0", "rsa": "4.7", "scikit-learn": "1.0.1", "setuptools": "65.5.1", "sqlalchemy": "1.3.3",
    "sqlparse": "0.4.4", "starlette": "0.25.0", "tornado": "6.3.3", "tqdm": "4.66.3", "twisted": "22.10.0",
    "ujson": "5.4.0", "urllib3": "1.26.17", "uvicorn": "0.11.7", "waitress": "2.1.1",
    "werkzeug": "2.2.3", "wheel": "0.38.1",
}  # fmt: skip


def first_safe(package: str, version: str) -> str:
    """The first release without the known hole, where `version` is older; empty otherwise."""
    safe = _FIRST_SAFE.get(package)
    if safe is None:
        return ""
    return safe if _key(version) < _key(safe) else ""


def _key(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[a-z+!-]", version)[0])]
    return tuple([*numbers, 0, 0, 0, 0][:4])
