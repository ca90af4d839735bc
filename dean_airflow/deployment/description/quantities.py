"""Amounts of memory and CPU as compose writes them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def memory_of(text: str) -> float | None:
    """Bytes of `512m`, `1.5GB`, `2gi`; None for what is none of these."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgtb]?)i?b?\s*", text.lower())
    return float(match[1]) * _UNITS[match[2]] if match else None


def cpus_of(text: str) -> float | None:
    """CPUs of `0.5` or `500m`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)(m?)\s*", text)
    return float(match[1]) / (1000 if match[2] else 1) if match else None
