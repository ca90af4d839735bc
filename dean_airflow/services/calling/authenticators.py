"""Which way of proving who calls belongs to which credential."""

from __future__ import annotations

from dean_airflow.services.calling.airflow_login import logged_in
from dean_airflow.services.calling.authentication import Authenticator, api_key, bearer, minted, nothing
from dean_airflow.services.calling.transport import Transport
from dean_airflow.services.credentials import AirflowLogin, ApiKey, BearerToken, ServiceToken
from dean_airflow.services.endpoint import ServiceEndpoint


def authenticator_of(endpoint: ServiceEndpoint, transport: Transport) -> Authenticator:
    match endpoint.credential:
        case BearerToken(token):
            return bearer(token)
        case ApiKey(key):
            return api_key(key)
        case ServiceToken() as credential:
            return minted(credential)
        case AirflowLogin() as credential:
            return logged_in(endpoint, credential, transport)
        case _:
            return nothing()
