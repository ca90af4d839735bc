"""Certificates and keys as they lie in files."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dean_airflow.deployment.description.facts import remembered
from dean_airflow.deployment.description.tree import Source

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from dean_airflow.deployment.description.deployment import Deployment

CERTIFICATE_SUFFIXES = (".crt", ".pem", ".cer", ".cert", ".chain")
KEY_SUFFIXES = (".key", ".pem")
PFX_SUFFIXES = (".pfx", ".p12")


@dataclass
class CertificateFile:
    """The certificates of one file in order; `is_pfx` where it is no PEM but PKCS#12 or DER."""

    source: Source
    certificates: list[x509.Certificate]
    is_pfx: bool = False

    @property
    def first(self) -> x509.Certificate | None:
        return self.certificates[0] if self.certificates else None


def certificate_file(deployment: Deployment, source: Source) -> CertificateFile | None:
    """What a file holds, None where it is nothing of the kind."""
    known: dict[str, CertificateFile | None] = remembered(deployment, "certificate files", dict)
    if source.name not in known:
        known[source.name] = _read(source)
    return known[source.name]


def _read(source: Source) -> CertificateFile | None:
    from cryptography import x509

    if b"-----BEGIN CERTIFICATE-----" in source.data:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return CertificateFile(source, list(x509.load_pem_x509_certificates(source.data)))
        except ValueError:
            return CertificateFile(source, [])
    if source.path.suffix.lower() in PFX_SUFFIXES:
        return CertificateFile(source, [], is_pfx=True)
    if source.path.suffix.lower() in (*CERTIFICATE_SUFFIXES, ".der") and source.data[:1] == b"\x30":
        return CertificateFile(source, [], is_pfx=True)
    return None


def private_key(source: Source) -> PrivateKeyTypes | None:
    """The key of a PEM file, None where there is none that can be read without a password."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in source.data:
        return None
    begin = source.data.index(b"-----BEGIN", max(0, source.data.index(b"PRIVATE KEY-----") - 40))
    try:
        return load_pem_private_key(source.data[begin:], None)
    except (ValueError, TypeError, NotImplementedError):
        return None
    except Exception:  # cryptography's own errors for algorithms this build lacks
        return None


def public_bytes(holder: object) -> bytes:
    """The public key of a certificate or private key, to compare."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = holder.public_key()  # type: ignore[attr-defined]
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names and addresses it is for; its common name where it has none."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in common]
    names = [str(name) for name in san.get_values_for_type(x509.DNSName)]
    return names + [str(address) for address in san.get_values_for_type(x509.IPAddress)]


def is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's name is a host's: `*.x` is one level below `x`, and not `x`."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and rest == pattern[2:]
    return pattern == host
