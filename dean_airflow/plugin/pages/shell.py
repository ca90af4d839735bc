"""Renders a page's shell: its head, its navigation and a place that its module fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined

from dean_airflow.plugin.pages.assets import assets

HEADERS = {"Cache-Control": "private, no-store", "Referrer-Policy": "same-origin"}


@dataclass(frozen=True)
class Page:
    """`module` is a file of `static/`; `section` the entry of the navigation that the page stands below."""

    module: str
    title: str
    section: str
    charts: bool = False
    """Whether it draws charts, and so needs the library that does."""


NAVIGATION = (
    ("overview", "Overview", ""),
    ("trials", "Trials", "/trials"),
    ("patterns", "Patterns", "/patterns"),
    ("metrics", "Metrics", "/metrics"),
    ("deployments", "Deployments", "/deployments"),
)
"""Section, label, and path below `/dashboard`."""


STYLES = ("tokens", "base", "layout", "figures", "controls", "tables", "diffs", "states", "charts")
"""The style sheets of every page, in the order in which they hold."""


def render(request: Request, page: Page, subject: Mapping[str, str] | None = None, status: int = 200) -> HTMLResponse:
    """The page; `subject` (ids from its address) reaches its module as data attributes."""
    root = request.scope.get("root_path", "").rstrip("/")
    known = assets()
    html = (
        _templates()
        .get_template("page.html.j2")
        .render(
            page=page,
            root=root,
            static=f"{root}/static/v-{known.version}",
            navigation=NAVIGATION,
            styles=STYLES,
            modules=known.modules_of(page.module),
            subject=dict(subject or {}),
        )
    )
    return HTMLResponse(html, status_code=status, headers=HEADERS)


@cache
def _templates() -> Environment:
    folder = resources.files("dean_airflow.plugin") / "templates"
    # Autoescape is on for every name: ids in an address are a stranger's text.
    return Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
