"""New secrets, from the system's randomness."""

from __future__ import annotations

import secrets
import string

from dean_airflow.errors import DeploymentError

SHORTEST = 32
USUAL = 48
LONGEST = 1024
_LETTERS = string.ascii_letters + string.digits
"""None that a URL, a shell, YAML or an env file would read as something else; 48 of them are 285 bits."""


def new_secret(length: int = USUAL) -> str:
    """So many letters and digits. Raises DeploymentError for fewer than 32, and for more than 1024."""
    if not SHORTEST <= length <= LONGEST:
        raise DeploymentError(f"A secret of {length} characters was asked for; from {SHORTEST} to {LONGEST} are made.")
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
