"""Secrets that live in Airflow: a variable's value, or a connection's password. Airflow encrypts both."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dean_airflow.deployment.secrets.target import Holder
from dean_airflow.errors import DeanError, DeploymentError


class AirflowVariableHolder:
    """A variable, by its key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def read(self) -> str:
        from airflow.sdk import Variable

        value = Variable.get(self._key, default=None)
        if not value:
            raise DeploymentError(f"There is no Airflow variable {self._key}, so there is nothing to rotate.")
        return str(value)

    def write(self, value: str) -> None:
        from airflow.sdk import Variable

        Variable.set(self._key, value)


class AirflowConnectionHolder:
    """The password of a connection, by its id. Tasks write connections by Airflow's REST API only."""

    def __init__(self, connection_id: str) -> None:
        self._id = connection_id

    def read(self) -> str:
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            password = BaseHook.get_connection(self._id).password
        except AirflowNotFoundException:
            raise DeploymentError(f"There is no Airflow connection {self._id}.") from None
        if not password:
            raise DeploymentError(f"The Airflow connection {self._id} has no password, so there is nothing to rotate.")
        return str(password)

    def write(self, value: str) -> None:
        from airflow.sdk import BaseHook

        from dean_airflow.hooks.airflow_api import AirflowApiHook

        kind = BaseHook.get_connection(self._id).conn_type or ""
        try:
            AirflowApiHook().call(lambda airflow: airflow.set_password(self._id, kind, value))
        except DeanError as error:
            raise DeploymentError(f"The password of the Airflow connection {self._id} cannot be set: {error}") from None


def airflow_holders() -> Mapping[str, Callable[[str], Holder]]:
    """By the kind of the secret."""
    return {"airflow_variable": AirflowVariableHolder, "airflow_connection": AirflowConnectionHolder}
