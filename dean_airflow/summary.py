"""A trial's result in a few lines for people: the end of the task's log and of the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary(result: Mapping[str, Any]) -> str:
    """The trial's result for people: what was found, and where the branch, the patch and the report are."""
    lines = [f"Trial {result['trial_id']}: {_finding(result)}"]
    lines += [f"  edit    {edit}" for edit in result.get("champion_edits") or ()]
    where = {name: result.get(name) for name in ("branch", "patch", "bundle", "report")}
    if where["branch"] and result.get("branch_in"):
        where["branch"] = f"{where['branch']} in {result['branch_in']}"
    lines += [f"  {name:7} {place}" for name, place in where.items() if place]
    judged = f"  {result.get('evaluations') or 0} candidates judged"
    rate = result.get("candidates_per_second")
    return "\n".join([*lines, f"{judged}, {rate:.1f} per second." if rate else f"{judged}."])


def _finding(result: Mapping[str, Any]) -> str:
    if result["status"] != "completed":
        error = result.get("error")
        return f"{result['status']}: {error}" if error else f"{result['status']}."
    if result["outcome"] != "improved":
        return "no improvement could be confirmed; the code stays as it is."
    if not result.get("speedup_interval"):  # a service that is no DEAN does not measure so
        where = (result.get("remote") or {}).get("service", "the service")
        return f"improved, says {where}: fitness {result['fitness']:.3f}."
    low, high = result["speedup_interval"]
    return f"{result['speedup']:.2f} times as fast (95 % interval {low:.2f} to {high:.2f})."
