"""Logging in at Airflow: user and password for a token, which is good for Airflow's API and for DEAN mounted in it."""

from __future__ import annotations

from dataclasses import replace

from dean_airflow.services.call import Call
from dean_airflow.services.calling.authentication import RenewedToken
from dean_airflow.services.calling.refusals import refusal
from dean_airflow.services.calling.transport import Transport
from dean_airflow.services.contract.airflow import LOGIN_PATH, AccessToken, Login
from dean_airflow.services.credentials import AirflowLogin
from dean_airflow.services.endpoint import ServiceEndpoint

MOUNTED_AT = "/dean/services/"
"""Where Airflow's web server has DEAN's services: their login is that of the Airflow around them."""
_SECONDS = 30.0


def logged_in(endpoint: ServiceEndpoint, credential: AirflowLogin, transport: Transport) -> RenewedToken:
    """Fetches by POST /auth/token; Airflow has no refresh."""
    airflow = replace(endpoint, url=endpoint.url.partition(MOUNTED_AT)[0], prefix="")
    call = Call("POST", LOGIN_PATH, body=Login(username=credential.username, password=credential.password))

    async def fetch() -> str:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        reply = await transport.send(airflow, call, headers, min(_SECONDS, endpoint.deadline))
        if not reply.ok:
            raise refusal(reply)
        return reply.read_as(AccessToken, reply.json()).access_token

    return RenewedToken(fetch)
