"""Certificates made for tests: a root, an intermediate, what they issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class KeyPair:
    """PEM of a certificate, its chain below it, and its key."""

    certificate: bytes
    key: bytes


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem_key(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Authority:
    """Issues certificates."""

    subject: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: bytes

    @classmethod
    def root(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(
            _name("Test root"), key, _signed(_name("Test root"), _name("Test root"), key, key, [], True, 3650, -1)
        )

    @classmethod
    def intermediate(cls) -> Authority:
        root = cls.root()
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("Test intermediate")
        return cls(subject, key, _signed(subject, root.subject, key, root.key, [], True, 1800, -1))

    def issue(
        self, hosts: list[str], *, with_chain: bool, days: float = 365, since: float = -1, bits: int = 0
    ) -> KeyPair:
        key: Key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        leaf = _signed(_name(hosts[0]), self.subject, key, self.key, hosts, False, days, since)
        return KeyPair(leaf + (self.certificate if with_chain else b""), _pem_key(key))


def self_signed(hosts: list[str], days: float = 365) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    return KeyPair(_signed(_name(hosts[0]), _name(hosts[0]), key, key, hosts, False, days, -1), _pem_key(key))


def _signed(
    subject: x509.Name, issuer: x509.Name, key: Key, by: Key, hosts: list[str], ca: bool, days: float, since: float
) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
        )
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)
