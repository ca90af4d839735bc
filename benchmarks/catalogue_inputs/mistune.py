"""mistune on plain and marked text."""

from __future__ import annotations

import random

import mistune  # type: ignore[import-not-found,import-untyped,unused-ignore]

WORDS = "the quick brown fox jumps over a lazy dog while nobody looks".split()  # noqa: SIM905


def paragraphs(seed: int) -> str:
    """Long plain paragraphs with a little emphasis, as HTML."""
    rng = random.Random(seed)
    blocks = [" ".join(rng.choices(WORDS, k=150)) + " *so* " + " ".join(rng.choices(WORDS, k=150)) for _ in range(3)]
    return str(mistune.html("\n\n".join(blocks)))
