"""TLS: certificates are verified, by a CA of one's own where the endpoint names it, and the handshake is timed."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import ServiceUnavailable
from dean_airflow.services.pool import ServicePool

from .conftest import QUICK

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def port(certificate: Path) -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"here": True})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_a_ca_of_ones_own_is_believed_and_the_handshake_timed(port: int, certificate: Path) -> None:
    endpoint = ServiceEndpoint("x", "http", f"https://localhost:{port}", ca_file=str(certificate))
    async with ServicePool([endpoint]) as pool:
        first = await pool.http("x").get()
        second = await pool.http("x").get()
    assert first.json() == {"here": True}
    assert first.phases.dns is not None and first.phases.connect is not None and first.phases.tls
    assert first.phases.connect + first.phases.tls < first.phases.total
    assert second.phases.reused and second.phases.tls is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_that_proves_nothing_is_refused(port: int, certificate: Path, host: str) -> None:
    ca_file = str(certificate) if host == "127.0.0.1" else None  # the right CA, another name; and the name, no CA
    async with ServicePool([ServiceEndpoint("x", "http", f"https://{host}:{port}", ca_file=ca_file)]) as pool:
        with pytest.raises(ServiceUnavailable, match="name that in the connection's ca_file") as raised:
            await pool.http("x").get()
    assert not raised.value.may_have_arrived


async def test_a_ca_file_that_is_not_there_is_said_to_be(port: int, tmp_path: Path) -> None:
    endpoint = ServiceEndpoint("x", "http", f"https://localhost:{port}", ca_file=str(tmp_path / "none.pem"))
    async with ServicePool([endpoint], retry=QUICK) as pool:
        with pytest.raises(ServiceUnavailable, match="CA file"):
            await pool.http("x").get()
