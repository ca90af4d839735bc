"""textdistance on pairs of short words and phrases, as in fuzzy matching and de-duplication of names.

`run(seed)` makes fresh inputs, compares them with one ready-made instance or a configured one of most families, and
returns every result. The algorithms that need numpy take part where it is installed.
"""

from __future__ import annotations

import random

import textdistance  # type: ignore[import-not-found,import-untyped,unused-ignore]

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment,unused-ignore]

WORDS = (  # noqa: SIM905
    "martha marhta dixon dicksonx jellyfish smellyfish language luggage kitten sitting saturday sunday night nacht "
    "context contact colour color organise organize neumann newman schmidt smith catherine katherine robert rupert "
    "analysis analytics elephant relevant abcdef azced phone fone receive recieve separate seperate"
).split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def run(seed: int) -> list[object]:
    """About 15 ms: eight pairs of words through edit, token, sequence, phonetic and simple algorithms."""
    rng = random.Random(seed)
    results: list[object] = []
    for _ in range(8):
        left, right = rng.choice(WORDS), _misspelt(rng.choice(WORDS), rng)
        near = _misspelt(left, rng)
        results += _edit_based(left, right) + _edit_based(left, near)
        results += _token_based(left, right)
        results += _others(left, near)
    first, second = (" ".join(rng.sample(WORDS, 3)) for _ in range(2))
    results += _phrases(first, second)
    if numpy is not None:
        results += [textdistance.needleman_wunsch(left, right), textdistance.smith_waterman(left, near)]
        results += [textdistance.gotoh(left, right)]
    return results


def _edit_based(a: str, b: str) -> list[object]:
    return [
        textdistance.levenshtein(a, b),
        textdistance.levenshtein.normalized_similarity(a, b),
        textdistance.damerau_levenshtein(a, b),
        textdistance.hamming(a, b),
        textdistance.jaro(a, b),
        textdistance.jaro_winkler(a, b),
        textdistance.strcmp95(a, b),
        textdistance.mlipns(a, b),
    ]


def _token_based(a: str, b: str) -> list[object]:
    return [
        textdistance.jaccard(a, b),
        textdistance.Jaccard(qval=2)(a, b),
        textdistance.sorensen_dice(a, b),
        textdistance.cosine(a, b),
        textdistance.overlap(a, b),
        textdistance.bag(a, b),
    ]


def _others(a: str, b: str) -> list[object]:
    return [
        textdistance.lcsseq(a, b),
        textdistance.lcsstr(a, b),
        textdistance.ratcliff_obershelp(a, b),
        textdistance.mra(a, b),
        textdistance.editex(a, b),
        textdistance.prefix(a, b),
        textdistance.postfix(a, b),
        textdistance.entropy_ncd(a, b),
        textdistance.sqrt_ncd(a, b),
    ]


def _phrases(a: str, b: str) -> list[object]:
    return [
        textdistance.Levenshtein(qval=None).distance(a, b),
        textdistance.Jaccard(qval=None)(a, b),
        textdistance.MongeElkan(qval=None)(a, b),
        textdistance.damerau_levenshtein.normalized_distance(a, b),
    ]


def _misspelt(word: str, rng: random.Random) -> str:
    """One or two typing errors: a letter dropped, doubled, replaced, or swapped with the next."""
    letters = list(word)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(letters) - 1)
        error = rng.choice(("drop", "double", "replace", "swap"))
        if error == "drop":
            del letters[at]
        elif error == "double":
            letters.insert(at, letters[at])
        elif error == "replace":
            letters[at] = rng.choice(LETTERS)
        else:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)
