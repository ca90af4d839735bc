"""What the contract tests share."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("PACT_DO_NOT_TRACK", "true")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
