"""The forms of DEAN's connection types in Airflow's UI, as its provider metadata has them."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["number", "null"]}
_FLAG = {"type": ["boolean", "null"]}

_COMMON: dict[str, dict[str, Any]] = {
    "timeout": {
        "label": "Timeout",
        "description": "Seconds a whole call may take, retries included.",
        "schema": {**_NUMBER, "exclusiveMinimum": 0},
    },
    "prefix": {
        "label": "Path prefix",
        "description": "What comes before the contract's paths, for example /api/v1; nothing by default.",
        "schema": _TEXT,
    },
    "required": {
        "label": "Required",
        "description": "Whether DEAN as a whole is unhealthy while this service is.",
        "schema": {**_FLAG, "default": True},
    },
    "ca_file": {
        "label": "CA file",
        "description": "File with the CA that signed the service's certificate, on every worker; by default the "
        "system's CAs.",
        "schema": _TEXT,
    },
}

_AUTHENTICATION = {
    "label": "Authentication",
    "description": "api-key: the password is an API key. service-token: it holds the service's signing keys, from "
    "which DEAN makes its tokens; empty for those of this installation. bearer: it is a token made elsewhere. airflow: "
    "login and password of the Airflow that the service is mounted in. By default api-key, or airflow where there is "
    "a login.",
    "schema": {
        "type": ["string", "null"],
        "enum": [None, "none", "api-key", "service-token", "bearer", "airflow"],
        "values_display": {
            "None": "by what is given",
            "none": "none",
            "api-key": "API key",
            "service-token": "service token",
            "bearer": "bearer token",
            "airflow": "Airflow login",
        },
    },
}
_AUDIENCE = {
    "label": "Audience",
    "description": "Audience of service tokens; by default the kind of the service.",
    "schema": _TEXT,
}
_OWN_HEADER = {
    "label": "Token in its own header",
    "description": "Send service tokens as X-DEAN-Service-Token, which leaves Authorization to a proxy.",
    "schema": _FLAG,
}
_SERVICE_FIELDS = {"authentication": _AUTHENTICATION, **_COMMON, "audience": _AUDIENCE, "own_header": _OWN_HEADER}


def connection_types() -> list[dict[str, Any]]:
    """After Airflow's provider_info schema."""
    return [
        _form("dean_evolution", "evolution.EvolutionHook", "DEAN Evolution API", _SERVICE_FIELDS, "dean.internal"),
        _form("dean_indexagent", "indexagent.IndexAgentHook", "DEAN IndexAgent", _SERVICE_FIELDS, "index.internal"),
        _form("dean_airflow_api", "airflow_api.AirflowApiHook", "Airflow REST API (DEAN)", _COMMON, "airflow.internal"),
    ]


def _form(kind: str, hook: str, name: str, fields: dict[str, dict[str, Any]], host: str) -> dict[str, Any]:
    own_login = kind == "dean_airflow_api"
    return {
        "connection-type": kind,
        "hook-class-name": f"dean_airflow.hooks.{hook}",
        "hook-name": name,
        "ui-field-behaviour": {
            "hidden-fields": [],
            "relabeling": {
                "host": "Host or URL",
                "schema": "Scheme",
                "login": "User" if own_login else "User (for Airflow login)",
                "password": "Password" if own_login else "API key, token, signing keys or password",
            },
            "placeholders": {
                "host": f"https://{host}",
                "schema": "http, where the host names none",
                "port": "where it is not part of the host",
                "timeout": {"dean_evolution": "120", "dean_indexagent": "30"}.get(kind, "60"),
                "prefix": "/api/v1",
            },
        },
        "conn-fields": fields,
    }
