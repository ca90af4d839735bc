"""An alert's message: text with `{label}`, `{value:.1f}` and the like, filled in without ever running anything."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping

FIGURES = ("value", "threshold")
TEXTS = ("alert", "severity", "for")
"""What a message may name beside the labels of its alert."""

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMAT = re.compile(r"(?:\.\d{1,2})?[efg%]?|,(?:\.\d{1,2})?[f%]?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
LONGEST_LABEL = 500
"""Characters of a label that a message repeats; what a service reports about itself may be anything."""


def check_template(text: str) -> str | None:
    """What is wrong with a message, None if nothing is."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        return f"the message does not parse: {error}"
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not _LABEL.fullmatch(name):
            return f"{{{name}}} is not a label, nor one of {', '.join((*FIGURES, *TEXTS))}"
        if conversion:
            return f"{{{name}!{conversion}}}: conversions are not supported"
        if spec and name not in FIGURES:
            return f"{{{name}:{spec}}}: only {' and '.join(FIGURES)} take a format"
        if spec and not _FORMAT.fullmatch(spec):
            return f"{{{name}:{spec}}}: the format must look like .2f, .1%, .3g or ,.0f"
    return None


def fill(text: str, labels: Mapping[str, str], figures: Mapping[str, float], texts: Mapping[str, str]) -> str:
    """The message for one alert. A label the alert has not becomes `?`; control characters become spaces."""
    return "".join(_filled(text, labels, figures, texts))


def to_go_template(text: str) -> str:
    """The message as Prometheus writes it; the figures' formats, of which it has none, are left out."""
    parts = []
    for literal, name, _, _ in string.Formatter().parse(text):
        parts.append(literal.replace("{{", '{{ "{{" }}'))
        if name == "value":
            parts.append("{{ $value }}")
        elif name is not None and name not in (*FIGURES, *TEXTS):
            parts.append(f"{{{{ $labels.{name} }}}}")
        elif name is not None:
            parts.append(f"<{name}>")
    return "".join(parts)


def _filled(
    text: str, labels: Mapping[str, str], figures: Mapping[str, float], texts: Mapping[str, str]
) -> Iterator[str]:
    for literal, name, spec, _ in string.Formatter().parse(text):
        yield literal
        if name is None:
            continue
        if name in figures:
            yield format(figures[name], spec or ".6g")
        else:
            known = texts.get(name) or labels.get(name) or "?"
            yield _CONTROL.sub(" ", known)[:LONGEST_LABEL]
