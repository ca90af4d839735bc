"""The files in `static/`, read once: they are small, and come with the package, zipped or not."""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*?["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}


@dataclass(frozen=True)
class Asset:
    """A file as it is sent; `tag` tells its content apart from any other."""

    content: bytes
    media_type: str
    tag: str


class Assets:
    """Every static file by its path. `version` changes whenever one of them does, and is part of their addresses."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = {
            path: Asset(content, _media_type(path), hashlib.sha256(content).hexdigest()[:16])
            for path, content in files.items()
        }
        tags = "".join(f"{path}={asset.tag};" for path, asset in sorted(self._files.items()))
        self.version = hashlib.sha256(tags.encode()).hexdigest()[:12]

    def get(self, path: str) -> Asset | None:
        """The file of that path, or None: only what was read is ever sent."""
        return self._files.get(path)

    def paths(self) -> list[str]:
        """Every path, sorted."""
        return sorted(self._files)

    def modules_of(self, path: str) -> list[str]:
        """A module and all it imports, so that a browser fetches them at once and not one after the other."""
        found: list[str] = []
        waiting = [path]
        while waiting:
            module = waiting.pop(0)
            asset = self._files.get(module)
            if asset is None or module in found:
                continue
            found.append(module)
            folder = posixpath.dirname(module)
            names = _IMPORT.findall(asset.content.decode("utf-8"))
            waiting += [posixpath.normpath(posixpath.join(folder, name)) for name in names]
        return found


@cache
def assets() -> Assets:
    """Those of this package."""
    return Assets(dict(_read(resources.files("dean_airflow.plugin") / "static", "")))


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _media_type(path: str) -> str:
    suffix = posixpath.splitext(path)[1]
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "text/plain; charset=utf-8"
