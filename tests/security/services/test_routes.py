"""Every route of both servers × {none, malformed, expired, wrong role, right role}."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route, WebSocketRoute

from .matrix import ANYONE, MATRIX, ROLES
from .stand import Stand

PREFIXES = ("", "/api/v1")


def walk(stand: Stand) -> list[tuple[str, str, tuple[str, ...] | None]]:
    """(method, a path that exists as a route, who may)."""
    return [
        (method, prefix + re.sub(r"\{.*?\}", "unknown-1", path), who)
        for prefix in PREFIXES
        for name, who in MATRIX[stand.service].items()
        for method, path in [name.split(" ")]
    ]


def test_the_matrix_names_every_route(stand: Stand) -> None:
    served = {
        f"{method} {route.path}"
        for route in stand.app.routes
        if isinstance(route, Route)
        for method in route.methods - {"HEAD"}
    }
    sockets = [route.path for route in stand.app.routes if isinstance(route, WebSocketRoute)]
    documented = MATRIX[stand.service]

    assert served == {name.replace(" ", f" {prefix}") for prefix in PREFIXES for name in documented}
    assert sockets == ([f"{prefix}/ws" for prefix in PREFIXES] if stand.service == "evolution" else [])


CREDENTIALS = {
    "none": ({}, "Missing authentication"),
    "another scheme": ({"Authorization": "Basic YTpi"}, "Invalid authentication"),
    "malformed": ({"Authorization": "Bearer not-a-token"}, "Invalid or expired token"),
    "empty": ({"Authorization": "Bearer "}, "Invalid or expired token"),
    "unknown key": ({"X-API-Key": "dean_" + "x" * 48}, "Invalid or expired token"),
}


@pytest.mark.parametrize("case", [*CREDENTIALS, "expired"])
def test_who_is_not_known_gets_no_further_than_health(stand: Stand, case: str) -> None:
    expired = (stand.bearer("admin", life=-61), "Invalid or expired token")
    headers, sentence = CREDENTIALS.get(case, expired)
    routes = walk(stand)

    answers = stand.requests([(method, path, headers, {}) for method, path, _ in routes])

    for (method, path, who), answer in zip(routes, answers, strict=True):
        if who is ANYONE:
            assert answer.status_code == 200, (method, path)
            continue
        assert (answer.status_code, answer.json()["detail"]) == (401, sentence), (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("role", ROLES)
def test_any_one_of_the_required_roles_suffices_and_no_other(stand: Stand, role: str) -> None:
    routes = walk(stand)

    answers = stand.requests([(method, path, stand.bearer(role), {}) for method, path, _ in routes])

    for (method, path, who), answer in zip(routes, answers, strict=True):
        if who is ANYONE or role in who:
            assert answer.status_code not in (401, 403), (method, path)
        else:
            assert (answer.status_code, answer.json()["detail"]) == (403, "Insufficient permissions"), (method, path)


def test_what_is_no_route_says_so_only_to_who_is_known(stand: Stand) -> None:
    for path in ("/docs", "/openapi.json", "/redoc", "/evolution", "/api/v1", "/health/deep", "//health"):
        assert stand.request("GET", path).status_code == 401
        assert stand.request("GET", path, stand.bearer("admin")).status_code == 404
    assert stand.request("POST", "/health").status_code == 401
    assert stand.request("POST", "/health", stand.bearer("viewer")).status_code == 405


def test_a_second_role_does_not_hurt(stand: Stand) -> None:
    path = "/evolution/metrics"

    assert stand.request("GET", path, stand.bearer("stranger", "service")).status_code == 200
    assert stand.request("GET", path, stand.bearer()).status_code == 403
