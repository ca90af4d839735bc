"""textdistance on words, phrases and lists of them."""

from __future__ import annotations

import random

import textdistance  # type: ignore[import-not-found,import-untyped,unused-ignore]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(LETTERS, k=length))


def edit_distances(seed: int) -> list[object]:
    """Levenshtein distances of words of 40 letters."""
    rng = random.Random(seed)
    return [textdistance.levenshtein.distance(_word(rng, 40), _word(rng, 40)) for _ in range(4)]


def names_by_sound(seed: int) -> list[object]:
    """Editex distances of names of 12 letters."""
    rng = random.Random(seed)
    return [textdistance.editex.distance(_word(rng, 12), _word(rng, 12)) for _ in range(2)]


def letters_in_texts(seed: int) -> list[object]:
    """Levenshtein distances of texts of 2,000 letters to a single one."""
    rng = random.Random(seed)
    return [textdistance.levenshtein.distance(_word(rng, 2000), letter) for letter in "xyz"]


def entropy(seed: int) -> list[object]:
    """The entropy distance of lists of 4,000 different numbers."""
    start = seed % 1000
    return [textdistance.entropy_ncd(list(range(start, start + 4000)), list(range(start + 10, start + 4010)))]
