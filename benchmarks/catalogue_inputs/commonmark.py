"""commonmark on documents of some paragraphs."""

from __future__ import annotations

import random

import commonmark  # type: ignore[import-not-found,import-untyped,unused-ignore]
from commonmark.render.rst import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    ReStructuredTextRenderer,
)

WORDS = "the quick brown fox jumps over a lazy dog while nobody looks".split()  # noqa: SIM905


def _sentence(rng: random.Random) -> str:
    words = rng.choices(WORDS, k=9)
    words[3] = f"*{words[3]}*"
    words[6] = f"[{words[6]}](http://example.com/{rng.randrange(99)})"
    return " ".join(words) + "."


def document(seed: int) -> str:
    """Paragraphs, lists and quotes as HTML."""
    rng = random.Random(seed)
    blocks = []
    for number in range(3):
        blocks.append(f"## Part {number}")
        blocks.append(" ".join(_sentence(rng) for _ in range(2)))
        blocks.append("\n".join(f"- {_sentence(rng)}" for _ in range(3)))
        blocks.append(f"> {_sentence(rng)}")
    return str(commonmark.commonmark("\n\n".join(blocks)))


def code(seed: int) -> int:
    """Code of many short lines, indented for reStructuredText."""
    renderer = ReStructuredTextRenderer()
    text = ("{\n}\n" * 3000) + str(seed)
    return sum(len(renderer.indent_lines(text)) for _ in range(3))
