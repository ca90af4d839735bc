"""Writes a deployment to a directory from its text form.

A text is files one after another, each begun by `=== path [mode] [kind arguments]`. In contents `@secret:N:seed@`
becomes N random characters, the same for the same seed, `@fernet:seed@` a Fernet key, `@date:-20@` the day 20 days ago.
A kind makes the content: `cert NAME...` a certificate (issued by the root of the deployment's `ca` file, else with an
intermediate), `key PATH` the key of that certificate, `pem NAME...` both in one file, `ca` a root.
"""

from __future__ import annotations

import base64
import random
import re
import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .certificates import Authority, KeyPair

DATA = Path(__file__).resolve().parents[1] / "data" / "deployments"
_HEADER = re.compile(r"^=== (\S+)(?: ([0-7]{3}))?(?: (cert|key|pem|ca)\b(.*))?$")
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class File:
    """One file of a deployment's text form."""

    name: str
    text: str
    mode: int | None = None
    kind: str = ""
    arguments: str = ""


def names() -> list[str]:
    """Every valid deployment, by name."""
    return sorted(path.stem for path in DATA.glob("*.txt"))


def files_of(name: str) -> dict[str, File]:
    """The files of a valid deployment, by path."""
    return parse((DATA / f"{name}.txt").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, File]:
    found: dict[str, File] = {}
    current: File | None = None
    for line in text.splitlines(keepends=True):
        match = _HEADER.match(line.rstrip("\n"))
        if match:
            mode = int(match[2], 8) if match[2] else None
            current = File(match[1], "", mode, match[3] or "", (match[4] or "").strip())
        elif current is not None:
            current = replace(current, text=current.text + line)
        if current is not None:
            found[current.name] = current
    return {name: replace(file, text=fill(file.text)) for name, file in found.items()}


def fill(text: str) -> str:
    """Secrets, Fernet keys and days in their places."""
    text = re.sub(r"@secret:(\d+):(\w+)@", lambda m: secret(int(m[1]), m[2]), text)
    text = re.sub(r"@fernet:(\w+)@", lambda m: fernet(m[1]), text)
    return re.sub(
        r"@date:(-?\d+)@", lambda m: (datetime.now(UTC) + timedelta(days=int(m[1]))).strftime("%Y-%m-%d"), text
    )


def secret(length: int, seed: str) -> str:
    """Characters that look drawn from the operating system, and are the same every time."""
    return "".join(random.Random(f"secret {seed}").choices(_ALPHABET, k=length))


def fernet(seed: str) -> str:
    return base64.urlsafe_b64encode(random.Random(f"fernet {seed}").randbytes(32)).decode()


def write(root: Path, files: dict[str, File]) -> Path:
    """Writes the files below `root`, which is made."""
    authority = Authority.root() if any(file.kind == "ca" for file in files.values()) else None
    pairs: dict[str, KeyPair] = {}
    for file in files.values():
        if file.kind in ("cert", "pem"):
            issuer = authority or Authority.intermediate()
            pairs[file.name] = issuer.issue(file.arguments.split(), with_chain=authority is None)
    for file in files.values():
        path = root / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(file, pairs, authority))
        path.chmod(file.mode if file.mode is not None else 0o644)
    return root


def _content(file: File, pairs: dict[str, KeyPair], authority: Authority | None) -> bytes:
    if file.kind == "cert":
        return pairs[file.name].certificate
    if file.kind == "pem":
        return pairs[file.name].certificate + pairs[file.name].key
    if file.kind == "key":
        return pairs[file.arguments].key
    if file.kind == "ca" and authority is not None:
        return authority.certificate
    return file.text.encode("utf-8", "surrogateescape")


def build(root: Path, name: str) -> Path:
    """A valid deployment, written."""
    return write(root, files_of(name))
