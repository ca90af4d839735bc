"""The pages' own files: what is sent, for how long it is kept, and that what is not ours is as it was published."""

from __future__ import annotations

import hashlib
import re

import pytest

from dean_airflow.plugin.pages.assets import Assets, assets
from tests.unit.plugin.conftest import Plugin

pytestmark = pytest.mark.airflow

VENDORED = {
    "vendor/inter/LICENSE": "3b0a5fca3d17942cde889069889dedbbbd075e9b599968c82a95f4d944e9b345",
    "vendor/inter/inter-latin-wght-normal.woff2": "3100e775e8616cd2611beecfa23a4263d7037586789b43f035236a2e6fbd4c62",
    "vendor/uplot/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "vendor/uplot/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "vendor/uplot/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
MODULE = re.compile(r"""\bfrom\s+["']([^"']+)["']""")


def test_modules_are_found_through_all_they_import() -> None:
    known = Assets(
        {
            "page.js": b'import { a } from "./lib/a.js";\nimport "./theme.js";\n',
            "lib/a.js": b'import { page } from "../page.js";\nexport { b } from "./b.js";\n',
            "lib/b.js": b"// import nothing from nowhere\n",
            "theme.js": b"",
            "other.js": b"",
        }
    )

    assert known.modules_of("page.js") == ["page.js", "lib/a.js", "theme.js", "lib/b.js"]


def test_the_version_follows_every_file() -> None:
    before = Assets({"a.js": b"1", "b.css": b"2"}).version

    assert Assets({"a.js": b"1", "b.css": b"2"}).version == before
    assert len({before, Assets({"a.js": b"1", "b.css": b"3"}).version, Assets({"a.js": b"1"}).version}) == 3


def test_what_modules_import_is_there() -> None:
    known = assets()
    imported = {
        (path, name.removeprefix("./"))
        for path in known.paths()
        if path.endswith(".js") and not path.startswith("vendor/")
        for name in MODULE.findall((known.get(path) or pytest.fail(path)).content.decode())
    }

    assert imported
    assert {(path, name) for path, name in imported if known.get(name) is None} == set()


def test_no_module_writes_html_or_keeps_anything() -> None:
    """Text stays text, and no token is put where another script could find it."""
    written = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setItem\(")
    known = assets()
    own = [path for path in known.paths() if path.endswith(".js") and not path.startswith("vendor/")]

    assert [path for path in own if written.search((known.get(path) or pytest.fail(path)).content.decode())] == []


def test_a_versioned_file_is_kept_and_any_other_asked_for_again(plugin: Plugin) -> None:
    version = assets().version
    kept, checked = plugin.get(f"/static/v-{version}/page.js"), plugin.get("/static/page.js")
    older = plugin.get("/static/v-0123456789ab/page.js")

    assert (kept.status_code, kept.headers["cache-control"]) == (200, "private, max-age=31536000, immutable")
    assert checked.headers["cache-control"] == older.headers["cache-control"] == "private, no-cache"
    assert kept.content == checked.content == older.content
    assert kept.headers["content-type"] == "text/javascript; charset=utf-8"
    tag = {"If-None-Match": checked.headers["etag"]}
    assert plugin.ask("GET", "/static/page.js", headers=tag).status_code == 304


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "v-x/../../app.py", "nothing.js", "", "vendor"])
def test_only_static_files_are_sent(plugin: Plugin, path: str) -> None:
    assert plugin.get(f"/static/{path}").status_code == 404


def test_what_is_not_ours_is_as_it_was_published() -> None:
    found = {
        path: hashlib.sha256(asset.content).hexdigest()
        for path in assets().paths()
        if path.startswith("vendor/") and path != "vendor/README.md" and (asset := assets().get(path))
    }

    assert found == VENDORED
