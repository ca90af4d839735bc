"""The compose project: its files found, read, filled in, extended, included and merged into one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dean_airflow.deployment.description.environment import EnvFile, Variable, parse_env_file
from dean_airflow.deployment.description.interpolation import Use, fill
from dean_airflow.deployment.description.merge import merged
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.tree import MAX_BYTES, Tree, absolute
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place, Problem

STANDARD_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
SECTIONS = ("services", "networks", "volumes", "secrets", "configs")
_MAX_FILES = 100


@dataclass(frozen=True)
class Reference:
    """One use of a variable in a compose file, and where. `service` is the one it is in, if any."""

    use: Use
    place: Place
    service: str = ""


@dataclass
class Layer:
    """One compose file as it was read, before it was merged: `root` is filled in, `base` what its paths start at."""

    path: Path
    name: str
    root: Node
    base: Path
    variables: Mapping[str, Variable]


@dataclass
class MissingEnvFile:
    """An env file that something asks for and that is not there."""

    path: Path
    place: Place


@dataclass
class Compose:
    """The merged project. `services` and the other sections hold nodes by name, each knowing its own file."""

    root: Node
    layers: list[Layer] = field(default_factory=list)
    included: list[Layer] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    missing_env_files: list[MissingEnvFile] = field(default_factory=list)
    bases: dict[str, Path] = field(default_factory=dict)
    extended: list[Layer] = field(default_factory=list)
    broken: bool = False

    @property
    def every(self) -> list[Layer]:
        """The files of the project, those that it includes, and those that a service extends; each once."""
        return list({layer.path: layer for layer in (*self.layers, *self.included, *self.extended)}.values())

    def section(self, name: str) -> dict[str, Node]:
        node = self.root.get(name)
        return dict(node.items()) if node is not None else {}


def project_files(tree: Tree, named: str) -> list[Path]:
    """The files compose would read: those `named` (a COMPOSE_FILE value), else the standard ones."""
    if named:
        return [tree.resolve(part) for part in named.replace(";", ":").split(":") if part]
    for name in STANDARD_NAMES:
        path = tree.root / name
        if os.path.lexists(path):
            stem, suffix = name.rsplit(".", 1)
            others = ("yml", "yaml") if suffix == "yml" else ("yaml", "yml")
            overrides = (tree.root / f"{stem}.override.{other}" for other in others)
            return [path, *[override for override in overrides if override.is_file()][:1]]
    alone = (tree.root / name.replace(".y", ".override.y") for name in STANDARD_NAMES)
    return [path for path in alone if path.is_file()][:1]


class ComposeReader:
    """Reads a project. What is wrong becomes a problem of it; nothing is raised."""

    def __init__(self, tree: Tree, variables: Mapping[str, Variable]) -> None:
        self.tree = tree
        self.variables = variables
        self.project = Compose(Node({}, Place("")))
        self._read: dict[tuple[Path, int], Layer | None] = {}
        self._extending: list[tuple[Path, str]] = []
        self._cycles: list[frozenset[tuple[Path, str]]] = []

    def read(self, files: list[Path], asked_at: Place) -> Compose:
        base = files[0].parent if files else self.tree.root
        root: Node | None = None
        for path in files:
            layer = self._layer(path, self.variables, asked_at, base)
            if layer is None:
                continue
            self.project.layers.append(layer)
            extended = self._with_extends(layer)
            root = extended if root is None else merged(root, extended)
        if root is not None:
            self.project.root = root if root.is_map else Node({}, root.place)
            for layer in list(self.project.layers):
                self._include(layer, (layer.path,))
        return self.project

    def _problem(self, check: str, place: Place, what: str) -> None:
        self.project.problems.append(Problem(check, place, what))

    def _layer(self, path: Path, variables: Mapping[str, Variable], asked_at: Place, base: Path) -> Layer | None:
        key = (path, id(variables))
        if key not in self._read:
            self._read[key] = self._read_layer(path, variables, asked_at, base)
        return self._read[key]

    def _read_layer(self, path: Path, variables: Mapping[str, Variable], asked_at: Place, base: Path) -> Layer | None:
        name = self.tree.name(path)
        source = self.tree.source(path)
        if source is None:
            self.project.broken = True
            self._problem("M08", asked_at, _why_unreadable(self.tree, path, name))
            return None
        document = parse_yaml(source)
        self.project.problems += document.problems
        if document.root is None:
            self.project.broken = True
            if not document.broken:
                self._problem("M44", source.at(1), f"{name} is empty; a compose file defines services.")
            return None
        if not document.root.is_map:
            self.project.broken = True
            self._problem("M44", document.root.place, f"{name} is no mapping; a compose file defines services.")
            return None
        root = self._filled(document.root, variables, ())
        return Layer(path, name, root, base, variables)

    def _filled(self, node: Node, variables: Mapping[str, Variable], path: tuple[str, ...]) -> Node:
        if node.is_map:
            value = {name: self._filled(child, variables, (*path, name)) for name, child in node.items()}
            return Node(value, node.place, node.key, node.tag)
        if node.is_list:
            return Node([self._filled(child, variables, path) for child in node.value], node.place, node.key, node.tag)
        if not isinstance(node.value, str) or "$" not in node.value or (path and path[0].startswith("x-")):
            return node
        filled = fill(node.value, variables)
        if filled.error:
            self._problem("M44", node.place, f"Variables of {node.place.file} cannot be filled in: {filled.error}.")
        service = path[1] if len(path) > 1 and path[0] == "services" else ""
        self.project.references += [Reference(use, node.place, service) for use in filled.uses]
        return Node(filled.text, node.place, node.key, node.tag, node.value, filled.uses)

    def _with_extends(self, layer: Layer) -> Node:
        services = layer.root.get("services")
        if services is None or not services.is_map:
            return layer.root
        value: dict[str, Node] = {}
        for name in services.value:
            value[name] = self._extended(layer, name)
            self.project.bases[name] = layer.base
        return layer.root.with_value({**layer.root.value, "services": services.with_value(value)})

    def _extended(self, layer: Layer, name: str) -> Node:
        services = layer.root.get("services")
        service: Node = services.value[name] if services is not None else layer.root
        extends = service.get("extends")
        if extends is None:
            return service
        wanted = extends.get("service") if extends.is_map else extends
        file = extends.get("file")
        step = (layer.path, name)
        if wanted is None or not wanted.text:
            self._problem("M44", extends.place, f"`extends` of {name} names no service.")
            return service
        if step in self._extending:
            if not any(step in cycle for cycle in self._cycles):
                self._cycles.append(frozenset(self._extending))
                self._problem("M44", extends.place, f"{name} extends itself, by way of {wanted.text}.")
            return service
        self._extending.append(step)
        try:
            base = self._base_service(layer, extends, wanted, file)
        finally:
            self._extending.pop()
        if base is None:
            return service
        own = service.with_value({key: child for key, child in service.items() if key != "extends"})
        kept = {key: child for key, child in base.items() if key not in ("depends_on", "extends")}
        laid = merged(base.with_value(kept), own, depth=1)
        return Node(laid.value, service.place, service.key)

    def _base_service(self, layer: Layer, extends: Node, wanted: Node, file: Node | None) -> Node | None:
        other: Layer | None = layer
        if file is not None and file.text:
            path = self.tree.resolve(file.text, layer.path.parent)
            other = self._layer(path, layer.variables, file.place, path.parent)
        if other is None:
            return None
        if other not in (*self.project.layers, *self.project.extended, layer):
            self.project.extended.append(other)
        services = other.root.get("services")
        if services is None or wanted.text not in (services.value or {}):
            self._problem("M44", wanted.place, f"{other.name} has no service {wanted.text} to extend.")
            return None
        extended = self._extended(other, wanted.text)
        return _rebased(extended, other.path.parent) if other is not layer else extended

    def _include(self, layer: Layer, trail: tuple[Path, ...]) -> None:
        include = layer.root.get("include")
        if include is None or len(trail) > _MAX_FILES:
            return
        for entry in include.entries():
            for part in self._included_paths(entry):
                self._include_one(layer, entry, part, trail)

    def _included_paths(self, entry: Node) -> Iterator[Node]:
        path = entry.get("path") if entry.is_map else entry
        if path is None:
            self._problem("M44", entry.place, "An `include` names no path.")
            return
        yield from path.entries()

    def _include_one(self, layer: Layer, entry: Node, part: Node, trail: tuple[Path, ...]) -> None:
        if "://" in part.text or part.text.startswith("git@"):
            return  # from a registry or repository: not here, and not judged
        path = self.tree.resolve(part.text, layer.path.parent)
        if path in trail:
            self._problem("M44", part.place, f"{part.text} is included by itself.")
            return
        given = entry.get("project_directory") if entry.is_map else None
        base = self.tree.resolve(given.text, layer.path.parent) if given is not None else path.parent
        variables = self._variables_of_include(entry, layer, base)
        included = self._layer(path, variables, part.place, base)
        if included is None:
            return
        self.project.included.append(included)
        other = self._with_extends(included)
        for section in SECTIONS:
            theirs, ours = other.get(section), self.project.root.get(section)
            if theirs is None or not theirs.is_map:
                continue
            both = {**theirs.value, **(ours.value if ours is not None and ours.is_map else {})}
            self.project.root.value[section] = Node(both, theirs.place, theirs.key)
        self._include(included, (*trail, path))

    def _variables_of_include(self, entry: Node, layer: Layer, base: Path) -> Mapping[str, Variable]:
        """Those of its own env file, or of the `.env` beside it; then the project's."""
        own: dict[str, Variable] = {}
        asked = entry.get("env_file") if entry.is_map else None
        files = [(self.tree.resolve(n.text, layer.path.parent), n.place) for n in asked.entries()] if asked else []
        wanted: list[tuple[Path, Place | None]] = [*files] or [(base / ".env", None)]
        for path, place in wanted:
            source = self.tree.source(path)
            if source is not None:
                parsed: EnvFile = parse_env_file(source, self.variables)
                own.update(parsed.by_name)
            elif place is not None:
                self.project.missing_env_files.append(MissingEnvFile(path, place))
        return {**self.variables, **own} if own else self.variables


def _why_unreadable(tree: Tree, path: Path, name: str) -> str:
    if tree.is_escape(path):
        return f"{name} is a symbolic link that leads out of the deployment, and is not followed."
    if path.is_dir():
        return f"{name} is a directory where a compose file is expected."
    if path.exists():
        return f"{name} cannot be read as a file of at most {MAX_BYTES // 1024 // 1024} MB."
    return f"{name} is missing."


def _rebased(service: Node, base: Path) -> Node:
    """The paths of a service from another file, made absolute: they start at that file's directory."""
    value = dict(service.value) if service.is_map else {}
    if (build := value.get("build")) is not None:
        if build.is_map and (context := build.get("context")) is not None:
            value["build"] = build.with_value({**build.value, "context": _absolute(context, base)})
        elif not build.is_map:
            value["build"] = _absolute(build, base)
    for name in ("env_file", "volumes"):
        if (node := value.get(name)) is not None and node.is_list:
            value[name] = node.with_value([_absolute_entry(entry, base) for entry in node.value])
        elif node is not None and name == "env_file" and not node.is_map:
            value[name] = _absolute(node, base)
    return service.with_value(value)


def _absolute_entry(entry: Node, base: Path) -> Node:
    if entry.is_map:
        key = "path" if entry.get("path") is not None else "source"
        part = entry.get(key)
        return entry.with_value({**entry.value, key: _absolute(part, base)}) if part is not None else entry
    return _absolute(entry, base)


def _absolute(node: Node, base: Path) -> Node:
    text = node.text
    head, colon, rest = text.partition(":")
    there = absolute(base, head)
    if not head.startswith(".") and (colon or "/" in head or "://" in text) and not there.exists():
        return node
    if head.startswith(("/", "~")) or "://" in text or "@" in head:
        return node
    return node.with_value(f"{there}{colon}{rest}")
