"""What must not be read in an error or a log: passwords in URLs, tokens, keys."""

from __future__ import annotations

import re

_HIDDEN = "***"
_BODY_SHOWN = 500
"""Characters of an answer's body that an error carries."""

_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_NAMED = re.compile(
    r"""(?ix)
    ( ["']? \b [\w-]{0,40}
      (?: password | passwd | secret | token | api[_-]?key | authorization | signing[_-]?key )
      (?! [_-]? (?: budget | usage | type | s?_used ) ) [\w-]{0,40}
      ["']? \s* [:=] \s* )
    ( "[^"]*" | '[^']*' | [^\s,;&}\]"']+ )"""
)


def mask(text: str) -> str:
    """`text` with everything in it that looks like a credential replaced by `***`."""
    text = _URL_LOGIN.sub(f"{_HIDDEN}@", text)
    text = _TOKEN.sub(_HIDDEN, text)
    text = _BEARER.sub(rf"\1 {_HIDDEN}", text)
    return _NAMED.sub(_hide_value, text)


def shown_body(body: bytes | str | None) -> str:
    """The beginning of an answer's body, masked: what an error may carry of it."""
    if not body:
        return ""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    # Masked before it is cut: a cut token would no longer look like one.
    return mask(text[: 8 * _BODY_SHOWN])[:_BODY_SHOWN]


def _hide_value(found: re.Match[str]) -> str:
    value = found.group(2)
    if value.isdigit() or value in ("null", "true", "false", "None"):
        return found.group(0)
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found.group(1)}{quote}{_HIDDEN}{quote}"
