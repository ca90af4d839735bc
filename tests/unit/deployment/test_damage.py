"""Deployments damaged at random: whatever is broken, no check breaks with it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ...deployments.build import files_of, names, write
from ...deployments.defect import Files
from .conftest import Validate

NONSENSE = ["", "[]", "{}", "null", "- x", "${", "${X", "\t", "'", '"', "0", "-1", ":", "http://", "@", "a: b: c"]


def damaged(files: Files, rng: random.Random) -> Files:
    """A line is dropped, doubled, cut, or its value replaced by something that does not belong there."""
    texts = [name for name, file in files.items() if file.text.strip()]
    if not texts:
        return files
    name = rng.choice(texts)
    lines = files[name].text.splitlines()
    at = rng.randrange(len(lines))
    way = rng.choice(["drop", "double", "cut", "value", "indent", "truncate"])
    if way == "drop":
        del lines[at]
    elif way == "double":
        lines.insert(at, lines[at])
    elif way == "cut":
        lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    elif way == "value":
        head, separator, _ = lines[at].partition(rng.choice([": ", "=", " "]))
        lines[at] = head + separator + rng.choice(NONSENSE)
    elif way == "indent":
        lines[at] = "  " + lines[at]
    else:
        del lines[at:]
    return {**files, name: replace(files[name], text="\n".join(lines) + "\n")}


@pytest.mark.parametrize("name", names())
def test_no_check_breaks(validate: Validate, tmp_path: Path, name: str) -> None:
    rng = random.Random(name)
    for number in range(12):
        files = dict(files_of(name))
        for _ in range(rng.randint(1, 4)):
            files = damaged(files, rng)
        result = validate(write(tmp_path / str(number), files), environment=rng.choice(["local", "production"]))

        broken = [f"{each.id}: {each.message}" for each in result.not_checked if "itself failed" in each.message]
        assert broken == [], files
