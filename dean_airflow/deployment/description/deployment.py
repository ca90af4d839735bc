"""A deployment: everything its directory says, read once and judged by the checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dean_airflow.deployment.description.compose import Compose, ComposeReader, project_files
from dean_airflow.deployment.description.deployment_file import DeploymentFile, read_deployment_file
from dean_airflow.deployment.description.environment import EnvFile, Variable, parse_env_file
from dean_airflow.deployment.description.merge import as_mapping
from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.tree import Source, Tree
from dean_airflow.deployment.place import Place, Problem
from dean_airflow.errors import DeploymentError

_RELEASE = re.compile(r"-[0-9a-f]{12}$")
_PROCESS_FILES = ("Procfile", "supervisord.conf")
TEMPLATE_SUFFIXES = (".example", ".template", ".sample", ".dist", ".tmpl", ".tpl", ".j2")


@dataclass
class Deployment:
    """`environment` is production, staging or local; `now` what dates are compared with; `platform` such as amd64."""

    tree: Tree
    environment: str
    environment_from: str
    now: datetime
    file: DeploymentFile
    dotenv: EnvFile | None
    variables: dict[str, Variable]
    compose: Compose
    compose_files: list[Path]
    problems: list[Problem] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.tree.root

    @property
    def in_production(self) -> bool:
        return self.environment == "production"

    @cached_property
    def services(self) -> dict[str, Service]:
        """The services of the merged project, with the environment each container gets."""
        services = {}
        for name, node in self.compose.section("services").items():
            if node.is_map:
                service = Service(name, node, self.compose.bases.get(name, self.root))
                self._fill_environment(service)
                services[name] = service
        return services

    def _fill_environment(self, service: Service) -> None:
        for use in service.env_files:
            source = self.tree.source(use.path)
            if source is not None:
                service.environment.update(self.env_file(source, raw=use.raw).by_name)
        node = service.get("environment")
        for name, value in as_mapping(node).items() if node is not None else []:
            if value.value is None:
                known = self.variables.get(name)
                if known is not None:
                    service.own_environment[name] = known
                continue
            service.own_environment[name] = Variable(name, value.text, value.place, value.raw or value.text, value.uses)
        service.environment.update(service.own_environment)

    def env_file(self, source: Source, *, raw: bool = False) -> EnvFile:
        """An env file parsed, once; its references may name the project's variables."""
        key = (source.name, raw)
        if key not in self._env_files:
            outer = {} if self.dotenv is not None and source.name == self.dotenv.name else self.variables
            self._env_files[key] = parse_env_file(source, outer, raw=raw)
        return self._env_files[key]

    @cached_property
    def _env_files(self) -> dict[tuple[str, bool], EnvFile]:
        return {}

    @cached_property
    def used_env_files(self) -> list[EnvFile]:
        """`.env`, the env files of services, and the others of the tree that are no templates; each once."""
        found: dict[str, EnvFile] = {}
        if self.dotenv is not None:
            found[self.dotenv.name] = self.dotenv
        for service in self.services.values():
            for use in service.env_files:
                source = self.tree.source(use.path)
                if source is not None:
                    found.setdefault(source.name, self.env_file(source, raw=use.raw))
        for source in self.tree.sources:
            if is_env_file(source.path.name):
                found.setdefault(source.name, self.env_file(source))
        return list(found.values())

    @cached_property
    def all_problems(self) -> list[Problem]:
        """What reading came across, each once."""
        every = [*self.problems, *self.file.problems, *self.compose.problems]
        for env_file in self.used_env_files:
            every += env_file.problems
        return list(dict.fromkeys(every))

    @cached_property
    def env_missing(self) -> bool:
        """Whether an env file is missing that would set variables: then unset ones are no finding of their own."""
        from dean_airflow.deployment.description.missing import missing_env_files

        return bool(missing_env_files(self))

    def service_called(self, host: str) -> Service | None:
        """The service that a host name means inside the project."""
        named = self.services.get(host)
        if named is not None:
            return named
        found = next((service for service in self.services.values() if host in service.names), None)
        # A proxy that the deployer has led to a release names it like that.
        return found or self._linked.get(host) or self.services.get(_RELEASE.sub("", host))

    @cached_property
    def _linked(self) -> dict[str, Service]:
        """Services by the names that others' `links` give them."""
        return {
            alias: self.services[name]
            for service in self.services.values()
            for alias, name in service.links.items()
            if name in self.services
        }

    @cached_property
    def public_hosts(self) -> list[tuple[str, Place]]:
        return [(node.text, node.place) for node in self.file.entries("public_hosts")]

    def declared(self, service: str, *names: str) -> Node | None:
        """A fact of `services` in dean-deployment.yaml."""
        return self.file.get("services", service, *names)


def is_template(name: str) -> bool:
    return name.endswith(TEMPLATE_SUFFIXES) or ".example." in name or ".sample." in name or ".template." in name


def is_env_file(name: str) -> bool:
    """`.env`, `.env.<environment>` and `<name>.env`, but no template of one."""
    return not is_template(name) and (name == ".env" or name.startswith(".env.") or name.endswith(".env"))


def read_deployment(
    directory: Path | str,
    *,
    environment: str | None = None,
    now: datetime | None = None,
    shell: Mapping[str, str] | None = None,
) -> Deployment:
    """Reads what a directory says.

    `environment` is the caller's choice, else what `dean-deployment.yaml` says, else local; `shell` may hold
    COMPOSE_FILE, and nothing else of it counts. Raises DeploymentError where there is no such directory, nothing to
    deploy in it, or the environment is none of the three; everything else that is wrong becomes a problem.
    """
    tree = Tree(Path(directory))
    file = read_deployment_file(tree)
    chosen, chosen_from = _environment(environment, file)
    problems: list[Problem] = []
    dotenv_source = tree.source(tree.root / ".env")
    dotenv = parse_env_file(dotenv_source) if dotenv_source is not None else None
    variables = dict(dotenv.by_name) if dotenv is not None else {}
    named, asked_at = _compose_file(shell or {}, variables, file)
    files = project_files(tree, named)
    if not files and file.source is None and not _has_processes(tree):
        raise DeploymentError(
            f"{tree.root} holds neither a compose file ({', '.join(('compose.yaml', 'docker-compose.yml'))}) nor "
            "dean-deployment.yaml; name the directory of a deployment."
        )
    if files and files[0].parent != tree.root and (beside := tree.source(files[0].parent / ".env")) is not None:
        variables = {**parse_env_file(beside).by_name, **variables}
    for name, value in _given_by_compose(tree, files).items():
        variables.setdefault(name, Variable(name, value, Place("compose")))
    compose = ComposeReader(tree, variables).read(files, asked_at)
    return Deployment(
        tree=tree,
        environment=chosen,
        environment_from=chosen_from,
        now=now or datetime.now(UTC),
        file=file,
        dotenv=dotenv,
        variables=variables,
        compose=compose,
        compose_files=files,
        problems=problems,
    )


def holds_deployment(directory: Path) -> bool:
    """Whether there is anything in a directory that would be deployed. Raises DeploymentError for no directory."""
    tree = Tree(directory)
    return bool(project_files(tree, "")) or read_deployment_file(tree).source is not None or _has_processes(tree)


def _given_by_compose(tree: Tree, files: list[Path]) -> dict[str, str]:
    """Variables that are always set where compose runs, whoever calls it."""
    folder = files[0].parent if files else tree.root
    return {"PWD": str(tree.root), "HOME": str(Path.home()), "COMPOSE_PROJECT_NAME": folder.name.lower()}


def _environment(asked: str | None, file: DeploymentFile) -> tuple[str, str]:
    from dean_airflow.deployment.description.deployment_file import ENVIRONMENTS

    if asked:
        if asked not in ENVIRONMENTS:
            raise DeploymentError(f"The environment is {asked!r}; it must be one of {', '.join(ENVIRONMENTS)}.")
        return asked, "asked for"
    declared = file.text("environment")
    if declared in ENVIRONMENTS:
        return declared, "dean-deployment.yaml"
    return "local", "by default"


def _compose_file(
    shell: Mapping[str, str], variables: Mapping[str, Variable], file: DeploymentFile
) -> tuple[str, Place]:
    declared = file.get("compose_files")
    if declared is not None and declared.words():
        return ":".join(declared.words()), declared.place
    if shell.get("COMPOSE_FILE"):
        return shell["COMPOSE_FILE"], Place("COMPOSE_FILE")
    known = variables.get("COMPOSE_FILE")
    return (known.value, known.place) if known is not None else ("", Place("compose.yaml"))


def _has_processes(tree: Tree) -> bool:
    return any((tree.root / name).is_file() for name in _PROCESS_FILES) or bool(tree.matching(".service"))
