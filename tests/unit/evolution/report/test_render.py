"""The page and the JSON: complete, honest, self-contained, and deaf to markup from a target."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from dean_airflow.errors import PublishError
from dean_airflow.evolution.report.data import EditReport, Measurement, ReportData
from dean_airflow.evolution.report.render import render_html, render_json, write_report
from tests.unit.evolution.report.sample import failed, improved, measurement, without_improvement

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>'\"{{ 7 * 7 }}"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class _Page(HTMLParser):
    """The elements, attributes and words of a page, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("make", [improved, without_improvement, failed])
def test_the_page_is_whole_and_needs_nothing_else(make: Any) -> None:
    html = render_html(make())
    page = _Page(html)
    assert page.open == []
    assert {"script", "img", "iframe", "link", "object", "form"}.isdisjoint(tag for tag, _ in page.elements)
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "href", "srcset", "action") for name in attributes)
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_an_improvement_says_all_there_is_to_know() -> None:
    text = _Page(render_html(improved())).text
    for part in [
        "1.40× as fast",
        "1.38× to 1.43×",
        "dean/trial-0123456789ab",
        "catalogue.hoist_regex shop/orders.py::parse#*",
        "preserving",
        "1.100×",
        "uncommitted changes",
        "syntax error at line 3",
        "tests/test_text.py::test_needs_numpy",
        "Sandbox full",
        "Python"[1:],
        "airflow dags test",
        "kept above 0.3",
        "72 interleaved pairs in 6 pairs of new processes",
    ]:
        assert part in text


def test_no_improvement_says_what_was_tried_and_claims_nothing() -> None:
    text = _Page(render_html(without_improvement())).text
    assert "No improvement" in text
    assert "nothing is claimed and no branch was made" in text
    assert "7 candidates were judged, 4 kinds of edits among them" in text
    assert "1 champion faced a fresh measurement, and it did not hold" in text
    assert "× as fast" not in text
    assert "another output" in text


def test_a_failed_trial_says_why() -> None:
    text = _Page(render_html(failed())).text
    assert "Failed" in text
    assert "The target has 2 failing tests." in text
    assert "No candidate was judged." in text


def test_a_stopped_trial() -> None:
    text = _Page(render_html(failed(result={"trial_id": "trial-1", "status": "cancelled", "outcome": None}))).text
    assert "Stopped The trial was stopped before it ended; no branch was made." in text


def _everything_replaced(value: Any) -> Any:
    """The same structure with every string hostile, but for the words the page decides by."""
    if isinstance(value, str):
        return value if value in ("completed", "improved", "generations", "basic") else HOSTILE
    if isinstance(value, dict):
        return {key: _everything_replaced(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_everything_replaced(item) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        return type(value)(**{name: _everything_replaced(getattr(value, name)) for name in value.__dataclass_fields__})
    return value


def test_nothing_from_a_target_becomes_markup() -> None:
    honest, hostile = _Page(render_html(improved())), render_html(_everything_replaced(improved()))
    page = _Page(hostile)
    assert "<script" not in hostile
    assert "onerror=alert(2)>" not in hostile
    assert "alert(1)" in page.text
    assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b", page.text)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in honest.elements}


def test_hostile_names_of_settings_and_params_are_escaped() -> None:
    html = render_html(replace(improved(), config={HOSTILE: HOSTILE}, environment={HOSTILE: HOSTILE}))
    assert "<script" not in html


def test_diffs_keep_their_lines() -> None:
    data = improved(edits=(EditReport("e", "t", "w", "behavioural", "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n"),))
    html = render_html(data)
    assert '<span class="file">--- a</span><span class="file">+++ b</span><span class="hunk">' in html
    assert '<span class="removed">-old</span><span class="added">+new</span><span class="same"> same</span>' in html
    assert "not measured apart from the others" in html
    assert "1 edit may change behaviour" in _Page(html).text


def test_the_json_has_the_final_result_on_top_and_all_the_rest_below() -> None:
    data = improved()
    report = json.loads(render_json(data))
    for name in [
        "trial_id",
        "status",
        "outcome",
        "stop_reason",
        "speedup",
        "speedup_interval",
        "fitness",
        "evaluations",
    ]:
        assert report[name] == data.result[name]
    for name in ["candidates_per_second", "branch", "patch", "report", "champion_edits"]:
        assert report[name] == data.result[name]
    assert report["details"]["measurement"]["baseline_seconds"] == list(measurement().baseline_seconds)
    assert report["details"]["edits"][0]["diff"] == data.edits[0].diff
    assert set(report["details"]) == {name for name in vars(data) if name != "result"}


def test_no_number_in_the_json_is_infinite() -> None:
    data = improved(measurement=Measurement((math.inf, 1.0), (math.nan, 1.0), ((math.nan, -math.inf, 0.1),)))
    assert json.loads(render_json(data))["details"]["measurement"]["candidate_seconds"] == [None, 1.0]
    _Page(render_html(data))


@pytest.mark.parametrize("level", ["full", "basic", "off"])
def test_the_sandbox_level_is_named(level: str) -> None:
    text = _Page(render_html(improved(sandbox=level))).text
    assert f"Sandbox {level}" in text
    assert ("which contains less than" in text) == (level == "basic")
    assert ("The sandbox was off" in text) == (level == "off")


def test_a_trial_that_never_opened_still_has_a_page() -> None:
    page = _Page(render_html(ReportData(result={"trial_id": "trial-1", "status": "failed"})))
    assert "The trial failed; its log says why." in page.text


def test_both_files_are_written(tmp_path: Path) -> None:
    folder = UPath(tmp_path / "artifacts" / "trial-1")
    address = write_report(improved(), folder)
    assert Path(address).read_text() == render_html(improved())
    assert json.loads((tmp_path / "artifacts/trial-1/report.json").read_text())["speedup"] == 1.404


def test_an_object_store_will_do_too() -> None:
    folder = UPath("memory://reports/trial-1")
    write_report(improved(), folder)
    assert b"1.40" in (folder / "report.html").read_bytes()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file")
    with pytest.raises(PublishError, match=r"The report cannot be written to .*artifacts"):
        write_report(improved(), UPath(tmp_path / "artifacts"))


def test_only_edits_shown_to_matter_are_called_needed() -> None:
    text = _Page(render_html(improved())).text
    assert "3 edits make the difference, and none of them can be left out." in text
    assert "not told from nothing" not in text
    first, second, third = improved().edits
    unsure = (first, replace(second, effect_interval=(0.99, 1.2)), replace(third, effect=None, effect_interval=None))
    text = _Page(render_html(improved(edits=unsure))).text
    assert "3 edits make the difference." in text
    assert "What 2 edits of the 3 are worth alone was not told from nothing" in text


def test_code_in_sentences_is_set_as_code() -> None:
    edit = EditReport("e", "t", "`re.sub(<x>)` is <b>slow</b>; a lone ` stays", "preserving", "")
    html = render_html(improved(edits=(edit,)))
    assert "<p><code>re.sub(&lt;x&gt;)</code> is &lt;b&gt;slow&lt;/b&gt;; a lone ` stays</p>" in html


def test_times_are_given_to_the_minute() -> None:
    text = _Page(render_html(improved(started="2026-11-23T07:43:39.659623+00:00", finished="later"))).text
    assert "Started 2026-11-23 07:43 UTC" in text
    assert "Finished later" in text
