from __future__ import annotations

import pytest

from dean_airflow.metrics.alerts.template import check_template, fill, to_go_template

LABELS = {"service": "evolution", "hostile": "{value} {0.__class__} \x1b[31m\n" + "x" * 900}
FIGURES = {"value": 0.0634, "threshold": 0.05}
TEXTS = {"alert": "ManyErrors", "severity": "error", "for": "5m"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{service}: {value:.1%} above {threshold:.0%} for {for}", "evolution: 6.3% above 5% for 5m"),
        ("{alert} ({severity}) {value}", "ManyErrors (error) 0.0634"),
        ("{nothing} {{literal}}", "? {literal}"),
        ("plain", "plain"),
    ],
)
def test_a_message_is_filled_in(text: str, filled: str) -> None:
    assert check_template(text) is None
    assert fill(text, LABELS, FIGURES, TEXTS) == filled


def test_what_a_label_says_is_never_read_as_a_template() -> None:
    message = fill("{hostile}", LABELS, FIGURES, TEXTS)

    assert message.startswith("{value} {0.__class__}  [31m ")
    assert len(message) == 500


@pytest.mark.parametrize(
    "text",
    [
        "{service.name}",
        "{service[0]}",
        "{0}",
        "{}",
        "{value!r}",
        "{service:>9}",
        "{value:999999}",
        "{value:{x}}",
        "{",
        "}",
    ],
)
def test_what_a_message_may_not_do(text: str) -> None:
    assert check_template(text) is not None


def test_as_prometheus_writes_it() -> None:
    assert to_go_template("{service}: {value:.1%} of {{x}}") == "{{ $labels.service }}: {{ $value }} of {x}"
