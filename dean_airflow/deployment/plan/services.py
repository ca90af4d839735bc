"""What a deployment's description says should run: the releases of its services, in order."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from dean_airflow.deployment.description.addresses import LOOPBACK
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import kind
from dean_airflow.deployment.description.interpolation import fill
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.plan.order import in_order, usual_rank
from dean_airflow.deployment.plan.release import Check, ServiceRelease, named_by_content
from dean_airflow.deployment.templates.render import render_templates
from dean_airflow.errors import DeploymentError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PROCESS_KEYS = frozenset({"command", "directory", "environment", "listen", "files", "stop_seconds"})
VERIFY_KEYS = frozenset({"path", "url", "times", "every", "within"})
STRATEGIES = ("recreate", "blue_green")
USUALLY = Check()
EXTERNAL = "external"
RUNNING = "running"


@dataclass(frozen=True)
class Wanted:
    """`releases` in the order of their roll-out; `strategies` where a service has one of its own; `external` are those
    that run elsewhere.
    """

    releases: tuple[ServiceRelease, ...]
    strategies: Mapping[str, str]
    external: tuple[str, ...]


def wanted_releases(
    deployment: Deployment, key: bytes, variables: Mapping[str, str] | None = None, check: Check = USUALLY
) -> Wanted:
    """What the description wants to run. `variables` are further ones that it may name, `check` the usual verification.

    Raises DeploymentError: a key nobody reads, a variable that is not set, a circle, an impossible name or address.
    """
    reader = _Reader(deployment, dict(variables or {}), check)
    names = [name for name, service in deployment.services.items() if not service.profiles]
    declared = deployment.file.get("services")
    for name, node in declared.items() if declared is not None else ():
        if name not in deployment.services and node.get("process") is not None:
            names.append(name)
    external = tuple(name for name in names if _text(deployment.declared(name, "process")) == EXTERNAL)
    ours = [name for name in names if name not in external]
    needs = {name: reader.needs(name) - set(external) for name in ours}
    for earlier, later in reader.declared_order(set(names)):
        if earlier in needs and later in needs:
            needs[later].add(earlier)
    ranks = {name: usual_rank(name, reader.kind(name)) for name in ours}
    releases = tuple(named_by_content(reader.release(name), key) for name in in_order(ours, needs, ranks))
    _check_addresses(releases)
    return Wanted(releases, {name: one for name in ours if (one := reader.strategy(name))}, external)


def strategy_of(deployment: Deployment, asked: str | None) -> str:
    """The way to roll out: what was asked for, else `strategy` of the file, else recreate. Raises DeploymentError."""
    chosen = asked or deployment.file.text("strategy") or STRATEGIES[0]
    if chosen not in STRATEGIES:
        raise DeploymentError(f"The strategy is {chosen!r}; it must be one of {', '.join(STRATEGIES)}.")
    return chosen


def _text(node: Node | None) -> str:
    return node.text if node is not None else ""


def _check_addresses(releases: tuple[ServiceRelease, ...]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for release in releases:
        if (
            release.listen is not None
            and (other := taken.setdefault(release.listen, release.service)) != release.service
        ):
            raise DeploymentError(
                f"{release.service} and {other} both listen on {release.listen[0]}:{release.listen[1]}; "
                "give one of them another port."
            )


class _Reader:
    def __init__(self, deployment: Deployment, variables: dict[str, str], check: Check) -> None:
        self._deployment = deployment
        given = {name: Variable(name, value, Place("the deployment")) for name, value in variables.items()}
        self._variables = {**deployment.variables, **given}
        self._check = check

    def kind(self, name: str) -> str:
        service = self._deployment.services.get(name)
        return kind(self._deployment, service) if service is not None else ""

    def needs(self, name: str) -> set[str]:
        service = self._deployment.services.get(name)
        needed = set(service.depends_on) & set(self._deployment.services) if service is not None else set()
        # a service that only some profile starts is not waited for
        needed = {each for each in needed if not self._deployment.services[each].profiles}
        declared = self._deployment.declared(name, "requires")
        return needed | set(declared.words() if declared is not None else ())

    def declared_order(self, known: set[str]) -> list[tuple[str, str]]:
        node = self._deployment.file.get("order")
        if node is None:
            return []
        for entry in node.entries():
            if entry.text not in known:
                raise DeploymentError(f"`order` names {entry.text}, which is no service ({entry.place}).")
        words = node.words()
        return list(pairwise(words))

    def strategy(self, name: str) -> str:
        node = self._deployment.declared(name, "strategy")
        if node is not None and node.text not in STRATEGIES:
            raise DeploymentError(f"`strategy` must be one of {', '.join(STRATEGIES)} ({node.place}).")
        return _text(node)

    def release(self, name: str) -> ServiceRelease:
        if not _NAME.fullmatch(name):
            raise DeploymentError(
                f"A service is called {name!r}; names are letters, digits, dots, dashes and underscores, at most 100."
            )
        service = self._deployment.services.get(name)
        process = self._deployment.declared(name, "process")
        self._known_keys(process, PROCESS_KEYS, "process")
        files = self._files(process.get("files") if process is not None else None)
        command = self._words(process.get("command") if process is not None else None)
        environment = {one.name: one.value for one in service.environment.values()} if service is not None else {}
        directory = self._given(process, "directory")
        return ServiceRelease(
            service=name,
            release="",
            command=tuple(command or (service.command if service is not None else ())),
            directory="" if files and not directory else str(self._deployment.tree.resolve(directory or ".")),
            listen=self._listen(process.get("listen") if process is not None else None),
            image=service.image if service is not None else "",
            stop_seconds=self._number(process.get("stop_seconds") if process is not None else None, 30.0),
            check=self._verification(name),
            files={each: self._hash(each, path) for each, path in files.items()},
            sources=files,
            texts={each: self._rendered[each] for each in files if each in self._rendered},
            environment={**environment, **self._environment(process)},
        )

    def _verification(self, name: str) -> Check:
        node = self._deployment.declared(name, "verify")
        contract = self._deployment.declared(name, "contract")
        capabilities = self._deployment.declared(name, "capabilities")
        check = replace(
            self._check,
            contract=_text(contract),
            capabilities=tuple(capabilities.words()) if capabilities is not None else (),
        )
        process = self._deployment.declared(name, "process", "listen")
        usual = check.path or ("/health" if process is not None else "")
        if node is None:
            return replace(check, path=usual)
        if node.text == RUNNING:
            return replace(check, path="", url="")
        self._known_keys(node, VERIFY_KEYS, "verify")
        return replace(
            check,
            path=self._given(node, "path") or usual,
            url=self._given(node, "url"),
            times=max(1, int(self._number(node.get("times"), check.times))),
            every=self._number(node.get("every"), check.every),
            within=self._number(node.get("within"), check.within),
        )

    def _files(self, node: Node | None) -> dict[str, Path]:
        tree = self._deployment.tree
        found: dict[str, Path] = {}
        for entry in node.entries() if node is not None else ():
            path = tree.resolve(self._filled(entry))
            below = [each for each in tree.files if each == path or each.is_relative_to(path)]
            made = [tree.root / each for each in self._rendered]
            below = [each for each in below if each not in made and each.with_suffix("") not in made] + [
                each for each in made if each == path or each.is_relative_to(path)
            ]
            if not below or not path.is_relative_to(tree.root):
                raise DeploymentError(f"`files` names {entry.text}, which is not in the deployment ({entry.place}).")
            found |= {each.relative_to(tree.root).as_posix(): each for each in below}
        return found

    @cached_property
    def _rendered(self) -> dict[str, str]:
        given = {name: variable.value for name, variable in self._variables.items()}
        return {each.name: each.text for each in render_templates(self._deployment, given)}

    def _hash(self, name: str, path: Path) -> str:
        """Of a file's content; of a rendered one nothing, since it may hold secrets that could be guessed by it."""
        return "" if name in self._rendered else hashlib.sha256(path.read_bytes()).hexdigest()

    def _environment(self, process: Node | None) -> dict[str, str]:
        node = process.get("environment") if process is not None else None
        if node is None:
            return {}
        if node.is_map:
            return {name: self._filled(value) for name, value in node.items()}
        pairs = [self._filled(entry).partition("=") for entry in node.entries()]
        return {name: value for name, _, value in pairs}

    def _listen(self, node: Node | None) -> tuple[str, int] | None:
        if node is None:
            return None
        host, _, port = self._filled(node).rpartition(":")
        if not port.isdigit() or not 1 <= int(port) <= 65535:
            raise DeploymentError(f"`listen` must be a port or host:port ({node.place}).")
        return (host.strip("[]") or LOOPBACK, int(port))

    def _words(self, node: Node | None) -> list[str]:
        if node is None:
            return []
        if node.is_list:
            return [self._filled(entry) for entry in node.entries()]
        import shlex

        try:
            return shlex.split(self._filled(node))
        except ValueError:
            raise DeploymentError(f"`command` has a quote that is not closed ({node.place}).") from None

    def _number(self, node: Node | None, usual: float) -> float:
        if node is None:
            return usual
        try:
            number = float(self._filled(node))
        except ValueError:
            number = -1.0
        if not 0 <= number <= 86_400 or not math.isfinite(number):
            raise DeploymentError(f"{node.text!r} is no number of seconds or times ({node.place}).")
        return number

    def _given(self, node: Node | None, name: str) -> str:
        part = node.get(name) if node is not None else None
        return self._filled(part) if part is not None else ""

    def _filled(self, node: Node) -> str:
        filled = fill(node.text, self._variables)
        if filled.error:
            raise DeploymentError(f"{filled.error[0].upper()}{filled.error[1:]} ({node.place}).")
        for use in filled.uses:
            if use.outcome == "unset":
                raise DeploymentError(f"The variable {use.name} is not set ({node.place}).")
        return filled.text

    def _known_keys(self, node: Node | None, keys: frozenset[str], where: str) -> None:
        if node is None:
            return
        if not node.is_map:
            raise DeploymentError(f"`{where}` must be a mapping ({node.place}).")
        for name, part in node.items():
            if name not in keys:
                raise DeploymentError(
                    f"`{where}` has a key `{name}` that nothing reads; it may have {', '.join(sorted(keys))} "
                    f"({part.named})."
                )
