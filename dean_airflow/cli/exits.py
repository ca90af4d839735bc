"""How a command ends: 0 when it did what was asked, 1 with one sentence on stderr when not, 130 when interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from dean_airflow.errors import DeanError

FAILED = 1
INTERRUPTED = 130


def command(function: Callable[[Any], int]) -> Callable[[Any], None]:
    """A command from a function that answers its exit code and may raise DeanError or KeyboardInterrupt."""

    @wraps(function)
    def run(args: Any) -> None:
        try:
            code = function(args)
        except DeanError as error:
            print(error, file=sys.stderr)
            code = FAILED
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            code = INTERRUPTED
        sys.exit(code)

    return run
