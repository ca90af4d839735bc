"""One service of the compose project as checks see it: typed, with the place of every part."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.tree import absolute
from dean_airflow.deployment.place import Place

_PORT = re.compile(
    r"^(?:(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^:\[\]]*?)):)?"
    r"(?:(?P<published>[^:/]*):)?(?P<target>[^:/]+)(?:/(?P<protocol>\w+))?$"
)
_SEPARATOR = re.compile(r"^(?:[A-Za-z]:[\\/][^:]*|[^:]*)")


@dataclass(frozen=True)
class Port:
    """A published port or range as written; numbers are filled in by `ranges`."""

    place: Place
    host: str
    published: str
    target: str
    protocol: str

    @property
    def published_numbers(self) -> list[int]:
        return _numbers(self.published)

    @property
    def target_numbers(self) -> list[int]:
        return _numbers(self.target)


@dataclass(frozen=True)
class Mount:
    """`kind` is bind, volume, tmpfs or another of compose's; `source` as written, `path` a bind's place on the host."""

    place: Place
    kind: str
    source: str
    target: str
    read_only: bool
    path: Path | None = None
    create: bool | None = None


@dataclass(frozen=True)
class EnvFileUse:
    """An env file that a service asks for."""

    path: Path
    place: Place
    required: bool
    raw: bool


@dataclass
class Service:
    """A merged service. `base` is what its relative paths start at, `environment` what its container gets."""

    name: str
    node: Node
    base: Path
    environment: dict[str, Variable] = field(default_factory=dict)
    own_environment: dict[str, Variable] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return self.node.named

    def get(self, *names: str) -> Node | None:
        return self.node.get(*names)

    def at(self, *names: str) -> Place:
        """Where a part stands, or the service's name where it has none."""
        node = self.node.get(*names)
        return node.place if node is not None else self.place

    @property
    def image(self) -> str:
        node = self.node.get("image")
        return node.text if node is not None else ""

    @property
    def is_built(self) -> bool:
        return self.node.get("build") is not None

    @cached_property
    def ports(self) -> list[Port]:
        node = self.node.get("ports")
        return [port for entry in node.entries() if (port := _port(entry)) is not None] if node else []

    @cached_property
    def exposed(self) -> list[int]:
        node = self.node.get("expose")
        return [number for entry in node.entries() for number in _numbers(entry.text.split("/")[0])] if node else []

    @cached_property
    def mounts(self) -> list[Mount]:
        node = self.node.get("volumes")
        return [mount for entry in node.entries() if (mount := self._mount(entry))] if node else []

    @cached_property
    def env_files(self) -> list[EnvFileUse]:
        node = self.node.get("env_file")
        if node is None:
            return []
        uses = []
        for entry in [node] if node.is_map else list(node.entries()):
            path = entry.get("path") if entry.is_map else entry
            if path is None or not path.text:
                continue
            required, kind = entry.get("required"), entry.get("format")
            optional = required is not None and required.text.lower() == "false"
            raw = kind is not None and kind.text == "raw"
            uses.append(EnvFileUse(self._path(path.text), path.place, not optional, raw))
        return uses

    @cached_property
    def depends_on(self) -> dict[str, Node]:
        node = self.node.get("depends_on")
        return dict(as_mapping(node).items()) if node is not None else {}

    @cached_property
    def networks(self) -> dict[str, Node]:
        """Networks by name; `default` where it names none; none at all with a `network_mode`."""
        if self.node.get("network_mode") is not None:
            return {}
        node = self.node.get("networks")
        if node is None or not (node.is_list or node.is_map) or not node.value:
            return {"default": Node(None, self.place, self.place)}
        return dict(as_mapping(node).items())

    @cached_property
    def names(self) -> set[str]:
        """What it is called on its networks."""
        names = {self.name}
        for part in ("container_name", "hostname"):
            if (node := self.node.get(part)) is not None and node.text:
                names.add(node.text)
        for network in self.networks.values():
            if (aliases := network.get("aliases")) is not None:
                names.update(aliases.words())
        return names

    @cached_property
    def links(self) -> dict[str, str]:
        """Services by the names that `links: [service:name]` gives them for this one."""
        node = self.node.get("links")
        pairs = [word.partition(":") for word in node.words()] if node is not None else []
        return {alias: name for name, _, alias in pairs if alias}

    @cached_property
    def profiles(self) -> set[str]:
        node = self.node.get("profiles")
        return set(node.words()) if node is not None else set()

    @cached_property
    def replicas(self) -> int:
        for path in (("deploy", "replicas"), ("scale",)):
            if (node := self.node.get(*path)) is not None and node.text.isdigit():
                return int(node.text)
        return 1

    def words_of(self, *names: str) -> list[str]:
        """A command as words, whichever form it is written in; `$$` has become `$` already."""
        node = self.node.get(*names)
        if node is None:
            return []
        if node.is_list:
            return node.words()
        try:
            return shlex.split(node.text)
        except ValueError:
            return node.text.split()

    @cached_property
    def command(self) -> list[str]:
        return self.words_of("entrypoint") + self.words_of("command")

    @cached_property
    def command_text(self) -> str:
        return " ".join(self.command)

    @cached_property
    def health_test(self) -> Node | None:
        """The test of a health check that is on, else None."""
        check = self.node.get("healthcheck")
        if check is None or ((off := check.get("disable")) is not None and off.text == "true"):
            return None
        test = check.get("test")
        return None if test is None or test.words()[:1] == ["NONE"] else test

    @property
    def health_disabled(self) -> bool:
        return self.node.get("healthcheck") is not None and self.health_test is None

    def expand(self, text: str) -> str:
        """`$X` and `${X}` of a shell in the container, from its environment; unknown ones stay."""
        return expand(text, self.environment)

    def _path(self, text: str) -> Path:
        return absolute(self.base, text)

    def _mount(self, entry: Node) -> Mount | None:
        if entry.is_map:
            return self._long_mount(entry)
        text = entry.text
        head = _SEPARATOR.match(text)
        source = head.group() if head else text
        rest = text[len(source) + 1 :]
        if not rest:
            return Mount(entry.place, "volume", "", source, False)
        target, _, options = rest.partition(":")
        read_only = "ro" in options.split(",")
        if source.startswith((".", "/", "~", "\\")) or re.match(r"[A-Za-z]:[\\/]", source):
            return Mount(entry.place, "bind", source, target, read_only, self._path(source))
        return Mount(entry.place, "volume", source, target, read_only)

    def _long_mount(self, entry: Node) -> Mount | None:
        def text(name: str) -> str:
            node = entry.get(name)
            return node.text if node is not None else ""

        kind, source = text("type") or "volume", text("source")
        path = self._path(source) if kind == "bind" and source else None
        create = entry.get("bind", "create_host_path")
        made = None if create is None else create.text == "true"
        where = entry.get("source") or entry
        return Mount(where.place, kind, source, text("target"), text("read_only") == "true", path, made)


def expand(text: str, environment: Mapping[str, Variable]) -> str:
    """Shell references filled in from an environment; unknown ones stay as they are."""

    def value(match: re.Match[str]) -> str:
        known = environment.get(match[1] or match[2])
        return known.value if known is not None else match[0]

    return re.sub(r"\$\{(\w+)(?::?[-?+][^}]*)?\}|\$(\w+)", value, text)


def _port(entry: Node) -> Port | None:
    if entry.is_map:
        parts = {name: node.text for name, node in entry.items()}
        where = entry.get("published") or entry.get("target") or entry
        published, target = parts.get("published", ""), parts.get("target", "")
        return Port(where.place, parts.get("host_ip", ""), published, target, parts.get("protocol") or "tcp")
    text = entry.raw if isinstance(entry.value, int | float) and entry.raw else entry.text
    match = _PORT.match(text.strip())
    if match is None:
        return Port(entry.place, "", text, "", "tcp") if text else None
    host = match["six"] or match["host"] or ""
    published = match["published"]
    if published is None and host and not match["six"] and "." not in host:
        host, published = "", host
    return Port(entry.place, host, published or "", match["target"], (match["protocol"] or "tcp").lower())


def _numbers(text: str) -> list[int]:
    """`8000` or `8000-8002`; empty for what is no number, and bounded."""
    match = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", text)
    if match is None:
        return []
    first, last = int(match[1]), int(match[2] or match[1])
    return list(range(first, min(last, first + 70_000) + 1))
