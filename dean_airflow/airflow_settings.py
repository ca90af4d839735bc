"""DEAN's settings as Airflow knows them: its `[dean]` section, its home, and the optional connections."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dean_airflow.config import Settings, load_settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from dean_airflow.evolution.target.git import GitCredentials

STORE_CONNECTION = "dean_store"
GIT_CONNECTION = "dean_git"

_DRIVERS = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}


def settings_from_airflow() -> Settings:
    """The settings without connections: safe where a DAG file is parsed. Raises ConfigurationError."""
    from airflow.configuration import AIRFLOW_HOME, conf

    section = conf.getsection("dean") or {}
    texts = {name: str(value) for name, value in section.items() if value is not None}
    return load_settings({"AIRFLOW_HOME": AIRFLOW_HOME, **os.environ}, section=texts)


def settings_in_process() -> Settings:
    """The settings for work (in a task or a command): the `dean_store` connection, where it exists, names the store."""
    settings = settings_from_airflow()
    connection = connection_or_none(STORE_CONNECTION)
    if connection is None:
        return settings
    return settings.model_copy(update={"store": database_url(connection)})


def connection_or_none(connection_id: str) -> Connection | None:
    """The Airflow connection of that id, or None: every connection of DEAN's is optional."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def git_credentials() -> GitCredentials | None:
    """Login and password (a token) of the `dean_git` connection, for https remotes; None where there is none."""
    from dean_airflow.evolution.target.git import GitCredentials

    connection = connection_or_none(GIT_CONNECTION)
    if connection is None or not connection.password:
        return None
    return GitCredentials(connection.login or "", connection.password)


def database_url(connection: Connection) -> str:
    """The SQLAlchemy URL of a database connection; an `sqlalchemy_url` in its extra is taken as it is."""
    from sqlalchemy.engine import URL

    extra = dict(connection.extra_dejson)
    if "sqlalchemy_url" in extra:
        return str(extra["sqlalchemy_url"])
    kind = connection.conn_type or ""
    if kind == "sqlite":
        return f"sqlite:///{connection.host or connection.schema}"
    url = URL.create(
        _DRIVERS.get(kind, kind),
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={name: str(value) for name, value in extra.items()},
    )
    return url.render_as_string(hide_password=False)
