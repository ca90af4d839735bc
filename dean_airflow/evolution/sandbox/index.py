"""Network to the package index and nowhere else: what a jailed pip may reach, from pip's own settings.

A jail reads none of the user's files, so pip's configuration is read here and handed in as `PIP_*` variables.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.readable import home_directory

_DEFAULT_INDEX = "https://pypi.org/simple"
_FILES_OF = {"pypi.org": ("files.pythonhosted.org",)}
"""Index host → hosts that its pages link to."""
_SECTIONS = ("global", "download", "install")
"""Of pip's configuration file; what comes later wins."""
_PASSED_ON = ("timeout", "retries", "no-index", "prefer-binary", "only-binary", "no-binary", "pre")
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True)
class IndexAccess:
    """What a jail with network gets. Holds no credential but `upstream`'s, which stays outside."""

    hosts: tuple[str, ...]
    """`host` (port 443) or `host:port`, reached over TLS only."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """pip's settings as variables; the jail's own environment goes over them."""
    readable: tuple[Path, ...] = ()
    """Local package folders and certificate bundles that the settings name."""
    upstream: str = ""
    """URL of the HTTP proxy through which this machine reaches the index; empty: directly."""


def index_access(
    index_url: str = "", index_hosts: Sequence[str] = (), environ: Mapping[str, str] = os.environ
) -> IndexAccess:
    """Access to `index_url`, or to the index pip is configured with here (its files and `PIP_*` variables).

    `index_hosts` are further hosts, such as the one an index keeps its files on. Raises SandboxError for an index
    that is neither https nor a local folder, or that needs credentials: a target could read them.
    """
    options = _pip_options(environ)
    if index_url:
        options["index-url"] = index_url
    locations = [options.setdefault("index-url", _DEFAULT_INDEX), *options.get("extra-index-url", "").split()]
    folders = options.get("find-links", "").split()
    readable: list[Path] = []
    hosts = list(index_hosts)
    for location in [*locations, *folders]:
        where = _local(location)
        if where is None:
            hosts += _hosts(location)
        else:
            # A static index keeps its files beside its `simple` folder.
            readable.append(where.parent if where.name == "simple" else where)
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    for name in ("index-url", "extra-index-url", "find-links", *_PASSED_ON):
        if options.get(name):
            environment[_variable(name)] = options[name]
    certificates = {name: environ[name] for name in _CA_VARIABLES if environ.get(name)}
    if options.get("cert"):
        certificates["PIP_CERT"] = options["cert"]
    readable += [Path(path) for path in certificates.values()]
    return IndexAccess(
        hosts=tuple(dict.fromkeys(hosts)),
        environment=environment | certificates,
        readable=tuple(path for path in dict.fromkeys(readable) if path.exists()),
        upstream=next((environ[name] for name in _PROXY_VARIABLES if environ.get(name)), ""),
    )


def _pip_options(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's options from the files it reads, in its order of precedence, then from its variables."""
    options: dict[str, str] = {}
    named = environ.get("PIP_CONFIG_FILE", "")
    if named != os.devnull:
        config_home = Path(environ.get("XDG_CONFIG_HOME") or home_directory() / ".config")
        files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home_directory() / ".pip/pip.conf"]
        files += [config_home / "pip/pip.conf", Path(sys.prefix, "pip.conf"), *([Path(named)] if named else [])]
        for file in files:
            options |= _pip_file(file)
    for name in ("index-url", "extra-index-url", "find-links", "cert", *_PASSED_ON):
        if _variable(name) in environ:
            options[name] = environ[_variable(name)]
    return options


def _pip_file(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text())
    except OSError:
        return {}
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SandboxError(f"pip's configuration file {path} cannot be read: {error}.") from error
    found: dict[str, str] = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    return found


def _variable(option: str) -> str:
    return "PIP_" + option.upper().replace("-", "_")


def _local(location: str) -> Path | None:
    if location.startswith("file:"):
        return Path(unquote(urlsplit(location).path))
    return None if "://" in location else Path(location).absolute()


def _hosts(location: str) -> list[str]:
    parts = urlsplit(location)
    shown = f"{parts.scheme}://{parts.hostname}"
    if parts.username or parts.password:
        raise SandboxError(
            f"The package index {shown} needs credentials, which a target's installation could read; "
            "give an index without any, or a local folder of wheels."
        )
    if parts.scheme != "https" or not parts.hostname:
        raise SandboxError(f"The package index {shown} is not https; give one that is, or a local folder of wheels.")
    host = parts.hostname if parts.port in (None, 443) else f"{parts.hostname}:{parts.port}"
    return [host, *_FILES_OF.get(host, ())]
