"""A figure: one measured number with its target, as a line of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `better` says which direction is good; `target` is what it must reach, None if free."""

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]
    target: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether the target is met; always so without one."""
        if self.target is None:
            return True
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    @property
    def shortfall(self) -> str:
        """One sentence if the target is missed, else empty."""
        if self.reached:
            return ""
        bound = "at least" if self.better == "higher" else "at most"
        return f"{self.name} misses its target: {self.value:g} {self.unit}, and it must be {bound} {self.target:g}."
