"""What a service is to the deployment: DEAN's own, a user interface, a database that others log in to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import kind, remembered
from dean_airflow.deployment.description.images import parse_image
from dean_airflow.deployment.description.service import Service
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from dean_airflow.deployment.description.deployment import Deployment

_DEAN = re.compile(r"(?:^|[^a-z0-9])(?:dean|indexagent|index-agent|evolution)(?:[^a-z0-9]|$)")
BROWSER_PREFIXES = (
    "VITE_",
    "NEXT_PUBLIC_",
    "REACT_APP_",
    "VUE_APP_",
    "NUXT_PUBLIC_",
    "EXPO_PUBLIC_",
    "GATSBY_",
    "PUBLIC_",
)


def dean_services(deployment: Deployment) -> list[Service]:
    """DEAN's own services, known by their image, else by their name."""
    return remembered(
        deployment, "dean", lambda: [each for each in deployment.services.values() if _is_dean(deployment, each)]
    )


def _is_dean(deployment: Deployment, service: Service) -> bool:
    if kind(deployment, service) or user_interface(service):
        return False
    if service.image and _DEAN.search(parse_image(service.image).repository.lower()):
        return True
    return (service.is_built or not service.image) and bool(_DEAN.search(service.name.lower().replace("_", "-")))


def user_interface(service: Service) -> bool:
    """A service with a browser variable, or named frontend, ui or web."""
    if any(name.startswith(BROWSER_PREFIXES[:-1]) for name in service.environment):
        return True
    args = service.get("build", "args")
    if args is not None and any(name.startswith(BROWSER_PREFIXES[:-1]) for name in args.plain() or ()):
        return True
    return bool({"frontend", "ui", "web"} & set(re.split(r"[-_.]", service.name.lower())))


def names_database(deployment: Deployment, database: Service, variable: str) -> Place | None:
    """Where somebody names another user or database than the image has when its variable is not set.

    Those that the database's init scripts create are there all the same.
    """
    from dean_airflow.deployment.description.databases import servers

    for server in servers(deployment):
        if server.service is database:
            if server.unknown_names:
                return None
            if server.roles - {server.user} or server.databases - {server.database}:
                return None  # they make what others name; a name that they do not make is M23's
    user = database.environment.get("POSTGRES_USER")
    default = user.value if user is not None and user.value else "postgres"
    for service in deployment.services.values():
        for each in service.environment.values():
            for url in find_urls(each.value):
                if deployment.service_called(url.host) is not database or url.family not in ("postgres", "postgresql"):
                    continue
                named = url.user if variable == "POSTGRES_USER" else url.database
                if named and named != default and "$" not in named:
                    return each.source.place
    return None
