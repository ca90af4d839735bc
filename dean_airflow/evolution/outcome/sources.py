"""The sources a trial started from, kept with its artefacts, so that what a candidate changed can be shown later.

Whoever shows it need not reach the repository, the worker's caches, or the target's environment.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence

from upath import UPath

from dean_airflow.errors import EditError

NAME = "sources.zip"
SECONDS = 20.0
"""For making one diff: the process is then ended."""


def keep_sources(folder: UPath, tree: Mapping[str, str]) -> None:
    """Writes the files that may change to the trial's folder of artefacts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(tree):
            archive.writestr(zipfile.ZipInfo(path), tree[path].encode("utf-8", "surrogatepass"))
    (folder / NAME).write_bytes(packed.getvalue())


def read_sources(packed: bytes) -> dict[str, str]:
    """Path → text. Raises zipfile.BadZipFile."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name).decode("utf-8", "surrogatepass") for name in archive.namelist()}


def candidate_diff(packed: bytes, genome: Sequence[str], edit_sources: Sequence[str]) -> bytes:
    """The unified diff of a candidate against the sources, in UTF-8.

    Made by a process of its own, bounded in time and memory, because others' code is parsed for it, though none of it
    is run. Raises EditError where it cannot be made: an edit does not apply, a bound is reached.
    """
    asked = json.dumps({"genome": list(genome), "edit_sources": list(edit_sources)}).encode()
    command = [sys.executable, "-I", "-m", "dean_airflow.evolution.outcome.candidate_diff"]
    try:
        done = subprocess.run(command, input=asked + b"\n" + packed, capture_output=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise EditError(f"The diff could not be made within {SECONDS:g} s.") from None
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EditError(f"The diff could not be made: {last[:500] or 'its process ended early'}.")
    return done.stdout
