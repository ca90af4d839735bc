"""M80 to M82, M89, M90, M92, M97 to M99: what runs, asked where it runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from dean_airflow.deployment.checks.airflow import SHIPPED_DAGS
from dean_airflow.deployment.checks.dean import _operations, satisfies
from dean_airflow.deployment.checks.registry import Hit, NotChecked, probe
from dean_airflow.deployment.description.addresses import LOCALHOST
from dean_airflow.deployment.description.airflow import airflow_services, names_of_dags, reads_of_dags
from dean_airflow.deployment.description.contracts import contract_of
from dean_airflow.deployment.description.databases import url_uses
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import each_variable
from dean_airflow.deployment.description.roles import dean_services
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.place import Place
from dean_airflow.deployment.probes.docker import in_compose, needs_docker
from dean_airflow.deployment.probes.probes import Probes

RELEASE_RECORD = ".dean/release.json"
"""What the last release was made of: image digests by service, and SHA-256 of each rendered file by name."""


def _published(service: Service) -> int | None:
    return next((number for port in service.ports for number in port.published_numbers), None)


def _in_airflow(deployment: Deployment, probes: Probes, *words: str) -> Any:
    """The JSON that an `airflow` command prints in the running deployment's own Airflow."""
    services = airflow_services(deployment)
    if not services:
        raise NotChecked("the deployment has no Airflow")
    ran = in_compose(deployment, probes, "exec", "-T", services[0].name, "airflow", *words, "-o", "json")
    start = ran.output.find("[")
    try:
        return json.loads(ran.output[start:]) if start >= 0 else []
    except ValueError:
        raise NotChecked("Airflow's answer is no JSON") from None


@probe(
    "M80", "error", "DAG absent or paused",
    why="It never runs.",
    fix="Unpause it: `airflow dags unpause`.",
)  # fmt: skip
def dag_paused(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    declared = [(node.text, node.place) for node in deployment.file.entries("airflow", "dags")]
    there = {str(d.get("dag_id")): str(d.get("is_paused")) for d in _in_airflow(deployment, probes, "dags", "list")}
    wanted = declared or [(name, Place(".")) for name in SHIPPED_DAGS if name in there]
    for name, place in wanted:
        if name not in there:
            yield Hit(place, f"Airflow does not know the DAG {name}.")
        elif there[name].lower() == "true":
            yield Hit(place, f"The DAG {name} is paused.")


@probe(
    "M81", "error", "Airflow connection or variable missing",
    why="The DAG fails at its first task.",
    fix="Set it in Airflow, or in its secrets backend.",
)  # fmt: skip
def airflow_has_values(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    backend = [v for v, _ in each_variable(deployment) if v.name == "AIRFLOW__SECRETS__BACKEND" and v.value]
    if not backend:
        return
    known = {str(each.get("conn_id")) for each in _in_airflow(deployment, probes, "connections", "list")}
    known_variables = {str(each.get("key")) for each in _in_airflow(deployment, probes, "variables", "list")}
    for read in reads_of_dags(deployment):
        if read.name not in (known if read.kind == "connection" else known_variables):
            yield Hit(read.place, f"Airflow has no {read.kind} {read.name}.")


@probe(
    "M97", "error", "Pool without anybody behind it",
    why="Tasks wait for ever, without an error.",
    fix="Create the pool: `airflow pools set`.",
)  # fmt: skip
def pool_exists(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    wanted = [named for named in names_of_dags(deployment) if named.kind == "pool"]
    if not wanted:
        return
    known = {str(each.get("pool")) for each in _in_airflow(deployment, probes, "pools", "list")}
    for named in wanted:
        if named.name not in known:
            yield Hit(named.place, f"Airflow has no pool {named.name}.")


@probe(
    "M98", "error", "DEAN's plugin not loaded",
    why="Reports and the API of DEAN are not there.",
    fix="Install dean-airflow beside Airflow and restart it.",
)  # fmt: skip
def plugin_loaded(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    loaded = _in_airflow(deployment, probes, "plugins")
    if not any("dean" in str(each.get("name", "")).lower() for each in loaded):
        yield Hit(airflow_services(deployment)[0].place, "Airflow has not loaded DEAN's plugin.")


def _live(deployment: Deployment, probes: Probes, path: str) -> Iterator[tuple[Service, dict[str, Any]]]:
    """A JSON answer of each running service of DEAN's that publishes a port."""
    asked = False
    for service in dean_services(deployment):
        port = _published(service)
        if port is None or probes.connect(LOCALHOST, port):
            continue
        status, body = probes.http_status(f"http://{LOCALHOST}:{port}{path}")
        try:
            answer = json.loads(body)
        except ValueError:
            continue
        if status and isinstance(answer, dict):
            asked = True
            yield service, answer
    if not asked:
        raise NotChecked("no service of DEAN's runs here")


@probe(
    "M82", "error", "Contract version or capability missing",
    why="DEAN calls what the service does not have.",
    fix="Upgrade the service.",
)  # fmt: skip
def live_contract(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for service, health in _live(deployment, probes, "/health"):
        required = deployment.declared(service.name, "contract")
        found = str(health.get("contract_version") or health.get("version") or "")
        if required is not None and not satisfies(found, required.text):
            yield Hit(required.place, f"{service.name} has contract {found}; {required.text} is required.")
        wanted = deployment.declared(service.name, "capabilities")
        for node in wanted.entries() if wanted is not None else ():
            if node.text not in (health.get("capabilities") or ()):
                yield Hit(node.place, f"{service.name} does not offer the capability {node.text}.")


@probe(
    "M99", "error", "Interface differs from the contract",
    why="DEAN's calls to the service fail.",
    fix="Upgrade the service.",
)  # fmt: skip
def live_interface(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    for service, document in _live(deployment, probes, "/openapi.json"):
        operations = _operations(document)
        for method, path, fields in contract_of(service.name) if "paths" in document else ():
            offered = operations.get((method, path))
            shown = path.replace("{}", "{id}")
            if offered is None:
                yield Hit(service.place, f"{service.name} has no {method} {shown}.")
            elif demanded := sorted(offered[0] - fields):
                yield Hit(service.place, f"{method} {shown} of {service.name} demands {', '.join(demanded)}.")


@probe(
    "M89", "warning", "Drift since the last release",
    why="The next deployment undoes by surprise what was changed by hand.",
    fix="Deploy again, or take the change into the files.",
)  # fmt: skip
def drift(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    source = deployment.tree.source(deployment.root / RELEASE_RECORD)
    if source is None:
        raise NotChecked("there is no record of a release")
    record = json.loads(source.text)
    for name, digest in (record.get("files") or {}).items():
        rendered = deployment.tree.source(deployment.tree.resolve(name))
        if rendered is None or hashlib.sha256(rendered.data).hexdigest() != digest:
            yield Hit(Place(name), f"{name} is not what the last release rendered.")
    images = record.get("images") or {}
    if not images:
        return
    ran = in_compose(deployment, probes, "images", "--format", "json")
    try:
        running = {
            str(e.get("Service") or e.get("ContainerName")): str(e.get("ID")) for e in json.loads(ran.output or "[]")
        }
    except ValueError:
        raise NotChecked("Docker's answer is no JSON") from None
    for name, digest in images.items():
        if name in running and running[name] != digest and name in deployment.services:
            yield Hit(deployment.services[name].at("image"), f"{name} runs another image than the last release.")


@probe(
    "M90", "error", "Image not obtainable",
    why="The service is not deployed.",
    fix="Correct registry, name, tag or credentials.",
)  # fmt: skip
def image_obtainable(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    needs_docker(deployment)
    for image, service in {s.image: s for s in deployment.services.values() if s.image and not s.is_built}.items():
        if probes.run(["docker", "image", "inspect", "--format", "{{.Id}}", image]).ok:
            continue
        ran = probes.run(["docker", "manifest", "inspect", image], seconds=8.0)
        if ran.code is None or re.search(r"dial tcp|no such host|timeout|daemon|connection refused", ran.error):
            raise NotChecked("Docker or the registry does not answer")
        if not ran.ok:
            yield Hit(service.at("image"), f"{image} is neither here nor in its registry.")


@probe(
    "M92", "error", "Needed service answers wrongly",
    why="The first request of a user fails.",
    fix="Correct URL, trust or credential.",
)  # fmt: skip
def upstream_answers(deployment: Deployment, probes: Probes) -> Iterator[Hit]:
    seen: set[str] = set()
    for use in url_uses(deployment):
        url = use.url
        if url.family not in ("http", "https") or "." not in url.host or "$" in url.text or url.host in seen:
            continue
        if deployment.service_called(url.host) is not None or url.host.startswith("127."):
            continue
        seen.add(url.host)
        status, reason = probes.http_status(url.text)
        if status == 0 and reason.startswith("TLS"):
            yield Hit(use.place, f"{use.name}: {url.host} is refused, {reason}.")
        elif status >= 500 or status in (401, 403):
            yield Hit(use.place, f"{use.name}: {url.host} answers {status}.")
