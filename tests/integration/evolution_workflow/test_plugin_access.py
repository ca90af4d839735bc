"""DEAN's pages under a started api-server: who may see them, and what they answer."""

from __future__ import annotations

import httpx
import pytest
from airflow_stack import AirflowStack

pytestmark = pytest.mark.airflow

TRIAL = "trial-0123456789ab"
REPORT = f"/dean/trials/{TRIAL}/report"


@pytest.fixture(scope="module")
def with_report(web_server: AirflowStack) -> AirflowStack:
    folder = web_server.home / "dean" / "artifacts" / TRIAL
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<!doctype html><title>Report</title><p>naïve</p>", encoding="utf-8")
    return web_server


@pytest.mark.parametrize("path", [REPORT, "/dean/health", "/dean/alerts", "/dean/trials/trial-unknown/report"])
def test_access_is_airflows_decision(with_report: AirflowStack, path: str) -> None:
    junk = httpx.get(with_report.url + path, headers={"Authorization": "Bearer junk"})

    assert with_report.request("GET", path, user=None).status_code == 401
    assert junk.status_code == 403
    assert with_report.request("GET", path, user="outsider").status_code == 403


@pytest.mark.parametrize("user", ["viewer", "admin"])
def test_who_may_see_the_trials_runs_sees_the_report(with_report: AirflowStack, user: str) -> None:
    answer = with_report.request("GET", REPORT, user=user)

    assert answer.status_code == 200
    assert "naïve" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_report_can_run_nothing_and_reach_nothing(with_report: AirflowStack) -> None:
    headers = with_report.request("GET", REPORT).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]


@pytest.mark.parametrize("trial", ["trial-unknown", "..%2f..%2fpasswords.json", "%2e%2e", "a" * 300])
def test_an_unknown_trial_is_a_sentence(with_report: AirflowStack, trial: str) -> None:
    answer = with_report.request("GET", f"/dean/trials/{trial}/report")

    assert answer.status_code == 404
    assert with_report.passwords["admin"] not in answer.text


def test_an_unknown_trials_sentence_names_it(with_report: AirflowStack) -> None:
    answer = with_report.request("GET", "/dean/trials/trial-unknown/report")

    assert answer.json()["detail"].startswith("There is no report of a trial 'trial-unknown'")


def test_health_is_of_the_store(with_report: AirflowStack) -> None:
    body = with_report.request("GET", "/dean/health").json()

    assert (body["status"], body["service"], body["checks"]["store"]["status"]) == ("healthy", "dean", "healthy")


NEW_SILENCE = {"labels": {"service": "a"}, "duration": "1h", "reason": "a test"}


@pytest.mark.parametrize(
    ("user", "origin", "code"),
    [
        (None, None, 401),
        ("outsider", None, 403),
        ("viewer", None, 403),
        ("admin", "https://evil.example", 403),
        ("admin", None, 201),
        ("admin", "own", 201),
    ],
)
def test_who_may_trigger_the_metrics_dag_may_silence_from_a_page_of_this_server(
    web_server: AirflowStack, user: str | None, origin: str | None, code: int
) -> None:
    headers = {"Origin": web_server.url if origin == "own" else origin} if origin else {}
    if user is not None:
        headers["Authorization"] = f"Bearer {web_server.token(user)}"

    made = httpx.post(f"{web_server.url}/dean/alerts/silences", json=NEW_SILENCE, headers=headers, timeout=30)

    assert made.status_code == code
    if code == 201:
        assert made.json()["author"] == "admin"
        ended = web_server.request("DELETE", f"/dean/alerts/silences/{made.json()['id']}")
        assert ended.status_code == 200


def test_a_cookie_alone_silences_nothing(web_server: AirflowStack) -> None:
    url = f"{web_server.url}/dean/alerts/silences"
    cookies = {"_token": web_server.token()}

    assert httpx.get(url, cookies=cookies, timeout=30).status_code == 200
    assert httpx.post(url, json=NEW_SILENCE, cookies=cookies, timeout=30).status_code == 403
    own = httpx.post(url, json=NEW_SILENCE, cookies=cookies, headers={"Origin": web_server.url}, timeout=30)
    assert own.status_code == 201
