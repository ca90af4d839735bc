"""Writes a trial's report: `report.json`, and `report.html`, which needs no network, no script and no other file."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup, escape
from upath import UPath

from dean_airflow.errors import PublishError
from dean_airflow.evolution.report import charts
from dean_airflow.evolution.report.data import ReportData, to_json
from dean_airflow.evolution.report.verdict import seconds_text, unchecked, verdict

DIVERSITY_THRESHOLD = 0.3
"""Shown where the config does not say otherwise."""


def write_report(data: ReportData, artifacts: UPath) -> str:
    """Write both files into the trial's folder of artefacts; the page's address. Raises PublishError."""
    page = artifacts / "report.html"
    try:
        artifacts.mkdir(parents=True, exist_ok=True)
        (artifacts / "report.json").write_text(render_json(data), encoding="utf-8")
        page.write_text(render_html(data), encoding="utf-8")
    except OSError as error:
        raise PublishError(f"The report cannot be written to {artifacts}: {error.strerror or error}.") from error
    return str(page)


def render_json(data: ReportData) -> str:
    """`report.json`; keys keep their order, every number is finite."""
    return json.dumps(to_json(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_html(data: ReportData) -> str:
    """The whole page. Everything in `data` is escaped: it quotes code and names of the target."""
    threshold = data.config.get("diversity_threshold", DIVERSITY_THRESHOLD)
    measured = data.measurement
    interval = data.result.get("speedup_interval")
    drawn = {
        "costs": charts.costs(measured) if measured else "",
        "pairs": charts.pair_speedups(measured, interval) if measured else "",
        "fitness": charts.fitness(data.generations),
        "diversity": charts.diversity(data.generations, threshold),
        "effects": charts.effects(data.edits),
        "lineage": charts.family_tree(data.lineage),
    }
    page = _templates().get_template("report.html.j2")
    return page.render(data=data, verdict=verdict(data), unchecked=unchecked(data), charts=drawn)


class _Packaged(BaseLoader):
    """Templates as the package carries them, zipped or not."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        file = resources.files(__package__) / "templates" / template
        if not file.is_file():
            raise TemplateNotFound(template)
        return file.read_text("utf-8"), None, lambda: True


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=_Packaged(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"seconds": seconds_text, "moment": _moment, "prose": _prose}
    environment.filters |= {"diff_kind": _diff_kind, "factor": _factor, "json": _json}
    return environment


def _prose(text: str) -> Markup:
    """Words with `code` in them, escaped before anything of it becomes an element."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _moment(text: str) -> str:
    """An ISO 8601 time to the minute; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()


def _diff_kind(line: str) -> str:
    """CSS class of a line of a unified diff."""
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "file"
    return {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1], "same")


def _factor(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}×"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
