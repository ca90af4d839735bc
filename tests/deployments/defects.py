"""Every seeded defect."""

from __future__ import annotations

from . import (
    defects_blind_apps,
    defects_blind_stacks,
    defects_blind_suites,
    defects_data,
    defects_files,
    defects_more,
    defects_operation,
    defects_services,
)

DEFECTS = [
    *defects_files.DEFECTS,
    *defects_data.DEFECTS,
    *defects_services.DEFECTS,
    *defects_operation.DEFECTS,
    *defects_more.DEFECTS,
    *defects_blind_apps.DEFECTS,
    *defects_blind_stacks.DEFECTS,
    *defects_blind_suites.DEFECTS,
]
PROBED_ALONE = frozenset(
    {"M36", "M42", "M71", "M72", "M73", "M74", "M76", "M87", "M89", "M90", "M91", "M92", "M93", "M95", "M98"}
)
"""Rows that no file can show."""
