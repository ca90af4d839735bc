"""M59 to M66: certificates, their keys, and what TLS is allowed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.addresses import LOCALHOST
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.facts import host_path, remembered
from dean_airflow.deployment.description.pem import (
    CERTIFICATE_SUFFIXES,
    KEY_SUFFIXES,
    PFX_SUFFIXES,
    CertificateFile,
    certificate_file,
    covers,
    is_authority,
    names_of,
    private_key,
    public_bytes,
)
from dean_airflow.deployment.description.proxy import Certificate, Proxy, proxies
from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

if TYPE_CHECKING:
    from cryptography import x509

RENEW_SOON = timedelta(days=30)
RENEW_NOW = timedelta(days=7)
LEAST_RSA_BITS = 2048
_WEAK = re.compile(
    r"(?:^|[\s+])(?:SSLv2|SSLv3|TLSv1(?:\.[01])?|tls1\.[01]|VersionSSL30|VersionTLS1[01])(?=[\s;,]|$)", re.IGNORECASE
)
_CA_NAME = re.compile(r"(?:^|[-_.])(?:ca|root|rootca|ca-?bundle|intermediate|chain|cacert)(?:[-_.]|$)", re.IGNORECASE)
_PAIRED = {
    "fullchain": "privkey",
    "cert": "key",
    "certificate": "private",
    "tls": "tls",
    "server": "server",
    "chain": "",
}


@dataclass(frozen=True)
class _Named:
    """A certificate that a proxy's configuration names, found on the host."""

    proxy: Proxy
    certificate: Certificate
    source: Source | None
    can_tell: bool
    path: Path | None


def _named(deployment: Deployment) -> list[_Named]:
    return remembered(deployment, "named certificates", lambda: list(_find_named(deployment)))


def _find_named(deployment: Deployment) -> Iterator[_Named]:
    for proxy in proxies(deployment):
        for certificate in proxy.certificates:
            if proxy.service is None or "$" in certificate.path or not certificate.path:
                continue
            inside = certificate.path
            if not inside.startswith("/"):
                prefix = {"nginx": "/etc/nginx/", "httpd": "/usr/local/apache2/"}.get(proxy.kind)
                if prefix is None:
                    continue
                inside = prefix + inside
            path, can_tell = host_path(deployment, proxy.service, inside)
            source = deployment.tree.source(path) if path is not None else None
            yield _Named(proxy, certificate, source, can_tell, path)


@check(
    "M59", "error", "Certificate or key missing",
    why="The proxy does not start.",
    fix="Correct the name in the configuration, the mount, or the file.",
)  # fmt: skip
def certificate_missing(deployment: Deployment) -> Iterator[Hit]:
    missing: dict[tuple[str, int, str], list[_Named]] = {}
    for named in _named(deployment):
        if named.source is not None or not named.can_tell:
            continue
        if named.path is None and named.certificate.path.startswith(("/etc/ssl/certs/", "/etc/pki/", "/usr/share/")):
            continue
        if named.path is not None and (named.path.is_dir() or not _mount_exists(named)):
            continue
        folder = named.certificate.path.rpartition("/")[0]
        missing.setdefault((named.proxy.source.name, named.certificate.pair, folder), []).append(named)
    for together in missing.values():
        names = " and ".join(dict.fromkeys(named.certificate.path for named in together))
        also = tuple(named.certificate.place for named in together[1:])
        first = together[0]
        verb = "is" if len(together) == 1 else "are"
        yield Hit(
            first.certificate.place, f"{names}, which {first.proxy.source.name} names, {verb} missing.", also=also
        )


def _mount_exists(named: _Named) -> bool:
    """Whether the mount it comes through is there; one that is not is M49's."""
    assert named.proxy.service is not None and named.path is not None
    for mount in named.proxy.service.mounts:
        if mount.path is not None and (named.path == mount.path or named.path.is_relative_to(mount.path)):
            return mount.path.exists()
    return True


def _every(deployment: Deployment) -> list[CertificateFile]:
    """The certificate files of the deployment, of proxies or lying there."""

    def find() -> list[CertificateFile]:
        sources = {named.source.name: named.source for named in _named(deployment) if named.source is not None}
        for source in deployment.tree.sources:
            if source.path.suffix.lower() in (*CERTIFICATE_SUFFIXES, *PFX_SUFFIXES, ".der"):
                sources.setdefault(source.name, source)
        return [found for source in sources.values() if (found := certificate_file(deployment, source)) is not None]

    return remembered(deployment, "certificates", find)


@check(
    "M60", "error", "Certificate not valid now",
    why="Clients refuse the connection.",
    fix="Renew it; look at the clock where it is said to be not yet valid.",
)  # fmt: skip
def certificate_dates(deployment: Deployment) -> Iterator[Hit]:
    for file in _every(deployment):
        for certificate in file.certificates:
            name = certificate.subject.rfc4514_string() or "a certificate"
            if certificate.not_valid_after_utc < deployment.now:
                when = certificate.not_valid_after_utc.date()
                yield Hit(file.source.at(), f"{file.source.name}: {name} expired on {when}.")
                break
            if certificate.not_valid_before_utc > deployment.now:
                when = certificate.not_valid_before_utc.date()
                yield Hit(file.source.at(), f"{file.source.name}: {name} is valid only from {when}.")
                break


@check(
    "M61", "warning", "Certificate expires soon",
    why="In a few days clients will refuse the connection.",
    fix="Renew it.",
)  # fmt: skip
def certificate_expires(deployment: Deployment) -> Iterator[Hit]:
    for file in _every(deployment):
        valid = [c for c in file.certificates if c.not_valid_before_utc <= deployment.now <= c.not_valid_after_utc]
        if not valid or len(valid) < len(file.certificates):
            continue
        left = min(certificate.not_valid_after_utc for certificate in valid) - deployment.now
        if left < RENEW_SOON:
            what = f"{file.source.name} expires in {left.days} days."
            yield Hit(file.source.at(), what, "error" if left < RENEW_NOW else "warning")


@check(
    "M62", "error", "Key does not match the certificate",
    why="The proxy does not start.",
    fix="Put the key and the certificate of one request together.",
)  # fmt: skip
def key_mismatch(deployment: Deployment) -> Iterator[Hit]:
    seen: set[str] = set()
    for certificate, key, place in _pairs(deployment):
        first = certificate.first
        loaded = private_key(key)
        if first is None or loaded is None or key.name in seen:
            continue
        seen.add(key.name)
        if public_bytes(first) != public_bytes(loaded):
            also = (certificate.source.at(), *((place,) if place is not None else ()))
            yield Hit(key.at(), f"{key.name} is not the key of {certificate.source.name}.", also=also)


def _pairs(deployment: Deployment) -> Iterator[tuple[CertificateFile, Source, Place | None]]:
    """Certificates with their keys: as configurations pair them, else by name."""
    paired: set[str] = set()
    named = _named(deployment)
    for one in named:
        if one.certificate.role not in ("certificate", "both") or one.source is None:
            continue
        file = certificate_file(deployment, one.source)
        if file is None:
            continue
        if one.certificate.role == "both":
            paired.add(one.source.name)
            yield file, one.source, one.certificate.place
        for other in named:
            same = other.proxy is one.proxy and other.certificate.pair == one.certificate.pair
            if same and other.certificate.role == "key" and other.source is not None:
                paired.update((one.source.name, other.source.name))
                yield file, other.source, other.certificate.place
    for file in _every(deployment):
        if file.source.name in paired or _CA_NAME.search(file.source.path.stem):
            continue
        key = _key_beside(deployment, file.source)
        if key is not None and key.name not in paired:
            yield file, key, None


def _key_beside(deployment: Deployment, source: Source) -> Source | None:
    stem = source.path.stem
    stems = [
        stem,
        _PAIRED.get(stem, ""),
        f"{stem}-key",
        f"{stem}_key",
        stem.replace("cert", "key"),
        stem.replace("crt", "key"),
    ]
    for name in stems:
        for suffix in KEY_SUFFIXES:
            path = source.path.with_name(name + suffix)
            if name and path != source.path and (found := deployment.tree.source(path)) is not None:
                return found
    return None


def _is_self_signed(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject


@check(
    "M63", "error", "Host name not in the certificate",
    why="Clients refuse the connection.",
    fix="Have the certificate issued for the name.",
)  # fmt: skip
def host_not_covered(deployment: Deployment) -> Iterator[Hit]:
    seen: set[tuple[Place, str]] = set()
    for named in _named(deployment):
        file = certificate_file(deployment, named.source) if named.source is not None else None
        if named.certificate.role not in ("certificate", "both") or file is None or file.first is None:
            continue
        names = names_of(file.first)
        hosts = [(host, place) for host, place in named.certificate.hosts if _is_host(host)]
        declared = deployment.public_hosts if not hosts else []
        for host, place in [*hosts, *declared]:
            if (place, host) not in seen and not any(covers(name, host) for name in names):
                seen.add((place, host))
                what = f"{file.source.name} is not for {host}, but for {', '.join(names) or 'no name'}."
                yield Hit(place, what, also=(file.source.at(), named.certificate.place))
    said = {host for _, host in seen}
    for hit, host in _declared_hosts(deployment):
        if host not in said:
            yield hit


def _declared_hosts(deployment: Deployment) -> Iterator[tuple[Hit, str]]:
    """Public hosts that none of the certificates is for."""
    leaves = [file for file in _every(deployment) if file.first is not None and not is_authority(file.first)]
    leaves = [file for file in leaves if _key_beside(deployment, file.source) is not None] or leaves
    names = [name for file in leaves if file.first is not None for name in names_of(file.first)]
    for host, place in deployment.public_hosts if leaves else ():
        if not any(covers(name, host) for name in names):
            yield Hit(place, f"No certificate is for {host}.", also=tuple(f.source.at() for f in leaves)), host


def _is_host(host: str) -> bool:
    return not (host in ("_", LOCALHOST, "") or host.startswith(("~", "*", ".")) or "$" in host)


@check(
    "M64", "warning", "Self-signed certificate in production",
    why="Browsers warn, and clients must be told not to verify.",
    fix="Use a certificate of an issuer that clients trust.",
)  # fmt: skip
def self_signed(deployment: Deployment) -> Iterator[Hit]:
    if not deployment.in_production:
        return
    served = _served(deployment)
    for file in _every(deployment):
        first = file.first
        if first is None or not _is_self_signed(first) or (file.source.name not in served and _is_root(file, first)):
            continue
        yield Hit(file.source.at(), f"{file.source.name} is signed by itself.")


def _served(deployment: Deployment) -> set[str]:
    return {
        named.source.name
        for named in _named(deployment)
        if named.source is not None and named.certificate.role in ("certificate", "both")
    }


def _is_root(file: CertificateFile, certificate: x509.Certificate) -> bool:
    """An authority's own certificate, which lies there to be trusted."""
    return bool(_CA_NAME.search(file.source.path.stem)) or is_authority(certificate)


@check(
    "M65", "error", "Incomplete chain, or not PEM",
    why="Clients that do not know the intermediate refuse; proxies do not read PFX.",
    fix="Add the intermediates after the certificate; convert PFX with `openssl pkcs12`.",
)  # fmt: skip
def incomplete_chain(deployment: Deployment) -> Iterator[Hit]:
    served = _served(deployment)
    for named in _named(deployment):
        file = certificate_file(deployment, named.source) if named.source is not None else None
        pfx_named = named.certificate.path.lower().endswith(PFX_SUFFIXES)
        if named.certificate.role != "ca" and (
            (file is not None and file.is_pfx) or (pfx_named and named.source is not None)
        ):
            name = named.source.name if named.source is not None else named.certificate.path
            yield Hit(
                named.certificate.place, f"{name} is no PEM, which {named.proxy.kind} expects.", also=(Place(name),)
            )
    roots = [c for file in _every(deployment) for c in file.certificates if _is_self_signed(c)]
    for file in _every(deployment):
        if file.is_pfx or not file.certificates:
            continue
        is_served = file.source.name in served or _key_beside(deployment, file.source) is not None
        if not is_served or (file.source.name not in served and _CA_NAME.search(file.source.path.stem)):
            continue
        if not _is_complete(file.certificates, roots):
            yield Hit(file.source.at(), f"The chain of {file.source.name} is incomplete: an issuer is missing.")


def _is_complete(chain: list[x509.Certificate], roots: list[x509.Certificate]) -> bool:
    for one, following in itertools.pairwise(chain):
        if one.issuer != following.subject:
            return False
    last = chain[-1]
    if _is_self_signed(last) or any(root.subject == last.issuer for root in roots):
        return True
    return len(chain) > 1


@check(
    "M66", "warning", "Weak TLS",
    why="Old protocols and short keys can be broken.",
    fix="Allow TLS 1.2 and 1.3 alone; use RSA of 2048 bits or more, or an elliptic curve.",
)  # fmt: skip
def weak_tls(deployment: Deployment) -> Iterator[Hit]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    for proxy in proxies(deployment):
        for text, place in proxy.protocols:
            allowed = re.sub(r"-\s*(?:SSL|TLS)v[\d.]+", "", text, flags=re.IGNORECASE)
            forgotten = re.match(r"\+?all\b", text.strip(), re.I) and not {"-tlsv1", "-tlsv1.1"} <= set(
                text.lower().split()
            )
            if _WEAK.search(allowed) or forgotten:
                yield Hit(place, f"{proxy.source.name} allows old protocols: {text}.")
    for file in _every(deployment):
        for certificate in file.certificates[:1]:
            try:
                key = certificate.public_key()
            except Exception:  # an algorithm this build does not know is not judged
                continue
            if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
                yield Hit(file.source.at(), f"The key of {file.source.name} has {key.key_size} bits.")
