"""A release: everything that runs of a service, under a name made of its content."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    """When a release counts as healthy: `times` good answers in a row, asked for `every` s, `within` s in all.

    `path` is asked of the release itself, `url` (which wins) wherever it leads; with neither, that it runs is enough.
    `contract` and `capabilities` are what its answer must name, where they are given.
    """

    path: str = ""
    url: str = ""
    times: int = 3
    every: float = 5.0
    within: float = 300.0
    contract: str = ""
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceRelease:
    """`command` runs in `directory`, or among its own copy of `files` where that is empty.

    `files` are the content hashes of what is copied, by name, and `sources` where it is copied from; `texts` are those
    that were made of templates. They and `environment` may hold secrets, and are in no text form of this.
    `listen` is the address whose socket is held for it.
    """

    service: str
    release: str
    command: tuple[str, ...]
    directory: str
    listen: tuple[str, int] | None
    image: str = ""
    stop_seconds: float = 30.0
    check: Check = Check()
    files: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Path] = field(default_factory=dict, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """What may be shown and kept: the names of variables, never their values."""
        return {
            "service": self.service,
            "release": self.release,
            "command": list(self.command),
            "directory": self.directory,
            "listen": list(self.listen) if self.listen else None,
            "image": self.image,
            "stop_seconds": self.stop_seconds,
            "check": asdict(self.check),
            "files": dict(self.files),
            "variables": sorted(self.environment),
        }


def named_by_content(release: ServiceRelease, key: bytes) -> ServiceRelease:
    """The release with its name: 12 hex digits of what runs.

    Values of variables count too, but only through `key`, so that a weak secret cannot be guessed from the name.
    """
    facts = release.as_json() | {"release": ""}
    facts.pop("check")  # how it is looked at is no part of what runs
    values = json.dumps([sorted(release.environment.items()), sorted(release.texts.items())])
    facts["values"] = hmac.new(key, values.encode(), hashlib.sha256).hexdigest()
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    return ServiceRelease(**{**_parts(release), "release": name})


def read_release(facts: Mapping[str, Any]) -> ServiceRelease:
    """A release from `as_json`, without its environment and sources."""
    listen = facts["listen"]
    check = {**facts["check"], "capabilities": tuple(facts["check"]["capabilities"])}
    return ServiceRelease(
        service=facts["service"],
        release=facts["release"],
        command=tuple(facts["command"]),
        directory=facts["directory"],
        listen=(listen[0], listen[1]) if listen else None,
        image=facts["image"],
        stop_seconds=facts["stop_seconds"],
        check=Check(**check),
        files=facts["files"],
    )


def _parts(release: ServiceRelease) -> dict[str, Any]:
    return {name: getattr(release, name) for name in release.__dataclass_fields__}
