"""M20 and M21: values of variables, by what their names say they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import each_variable
from dean_airflow.deployment.description.naming import FALSE, TRUE
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.place import Place

_ON = re.compile(
    r"^(?:.*_)?DEBUG(?:_MODE|_ENABLED)?$|^(?:.*_)?(?:AUTH(?:ENTICATION)?_DISABLED|DISABLE_AUTH(?:ENTICATION)?|SKIP_AUTH"
    r"|NO_AUTH|ALLOW_ANONYMOUS(?:_ACCESS)?|AUTH_ANONYMOUS_ENABLED|ALLOW_EMPTY_PASSWORD|ANONYMOUS_ACCESS)$"
    r"|^(?:.*_)?(?:INSECURE_SKIP_VERIFY|SSL_NO_VERIFY|TLS_NO_VERIFY|NO_SSL_VERIFY|SKIP_TLS_VERIFY|TLS_SKIP_VERIFY|SSL_SKIP_VERIFY|TLS_INSECURE|SSL_INSECURE"
    r"|INSECURE_TLS|DISABLE_SSL_VERIFY|DISABLE_TLS_VERIFY)$|^(?:.*_)?(?:USE_STUBS?|STUBS?(?:_ENABLED|_MODE)?|STUB_SERVICES"
    r"|USE_MOCKS?|MOCKS?(?:_ENABLED|_MODE|_SERVICES)?|ENABLE_STUBS|ENABLE_MOCKS)$|^.*SIMPLE_AUTH_MANAGER_ALL_ADMINS$"
)
_OFF = re.compile(
    r"^(?:.*_)?(?:AUTH(?:ENTICATION|ORIZATION)?(?:_ENABLED|_REQUIRED)?|REQUIRE_AUTH(?:ENTICATION)?|ENABLE_AUTH(?:ENTICATION)?"
    r"|SECURITY_ENABLED|LOGIN_REQUIRED)$"
    r"|^(?:.*_)?(?:(?:SSL|TLS|CERT|HTTPS)_VERIFY|VERIFY_(?:SSL|TLS|CERTS?|CERTIFICATES?|HTTPS)|TLS_VERIFICATION|SSL_VERIFICATION"
    r"|VALIDATE_CERTS?|TLS_VERIFY_PEER|VERIFY_PEER)(?:_ENABLED)?$|^NODE_TLS_REJECT_UNAUTHORIZED$|^PYTHONHTTPSVERIFY$"
)
_OFF_WORDS = FALSE | {"none"}


@check(
    "M20", "warning", "Made for development",
    why="Debug pages, missing logins and unverified TLS are open doors in production.",
    fix="Turn it off for production.",
)  # fmt: skip
def development_value(deployment: Deployment) -> Iterator[Hit]:
    if not deployment.in_production:
        return
    seen: set[Place] = set()
    for variable, _ in each_variable(deployment):
        place = variable.source.place
        name, value = variable.name.upper().replace(".", "_"), variable.value.strip().lower()
        wrong = (_ON.match(name) and (value in TRUE or (name.endswith("DEBUG") and value == "*"))) or (
            _OFF.match(name) and value in _OFF_WORDS
        )
        wrong = wrong or (name == "POSTGRES_HOST_AUTH_METHOD" and value == "trust")
        if wrong and place not in seen:
            seen.add(place)
            yield Hit(place, f"{variable.name} is {variable.value!r} in production.")


_PORT = re.compile(r"(?:\d+(?:-\d+)?(?:/(?:tcp|udp))?|(?:\d{1,3}\.){3}\d{1,3}:\d+|\[?[0-9a-f:]*\]?:\d+|tcp://\S+)")
_EMAIL = re.compile(r"[^@\s<>,;]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NAMED_EMAIL = re.compile(rf"(?:\"[^\"]*\"|[^<>@]*)\s*<{_EMAIL.pattern}>")
_HOST = re.compile(r"(?:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%\w+)?|[\w.*+%${}-]+)")
_WORDS = frozenset({"none", "null", "disabled", "off", "false", "auto", "default", "*"})


def malformed(name: str, value: str) -> str:
    """What is wrong with a value, given its variable's name; empty where nothing is, or where it is not judged."""
    upper, text = name.upper(), value.strip()
    if not text or "$" in text or "{{" in text:
        return ""
    if upper.endswith("_PORT") or upper == "PORT":
        return "" if _PORT.fullmatch(text) else "no port number"
    if upper.endswith("_ENABLED"):
        return "" if text.lower() in TRUE | FALSE else "no boolean"
    if upper.endswith(("_URL", "_URI")):
        return _malformed_url(text)
    if upper.endswith("_EMAIL") or (upper.endswith("_FROM") and re.search(r"MAIL|SMTP|ALERT|NOTIF", upper)):
        parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
        return (
            "" if all(_EMAIL.fullmatch(part) or _NAMED_EMAIL.fullmatch(part) for part in parts) else "no e-mail address"
        )
    return ""


def _malformed_url(text: str) -> str:
    if text.lower() in _WORDS or text.startswith(("/", "./", "../", "#", "?", "file:", "unix:", "sqlite:", "data:")):
        return ""
    if text.startswith("[") or "=" in text.split("://")[0] or text.startswith("jdbc:"):
        return ""  # a JSON list, a keyword DSN
    if "://" not in text:
        if re.match(r"(?:https?|wss?|postgres(?:ql)?|redis|amqp|mysql):?/", text, re.I) or re.match(
            r"(?:https?|wss?)[;:]\w|\w+//", text
        ):
            return "no URL"
        return "no URL" if re.fullmatch(r"[A-Za-z][\w-]*(?: .*)?", text) or " " in text else ""
    if text.startswith("://") or re.search(r"\s", text):
        return "no URL"
    for url in find_urls(text):
        scheme = url.family
        if scheme in ("unix", "file", "sqlite", "mem", "memory", "plaintext", "sqlite3", "duckdb"):
            continue
        if url.host == "" and scheme in ("http", "https", "ws", "wss"):
            return "a URL without a host"
        if url.port == -1 and "," not in text:
            return "a URL whose port is no number"
        if url.host and not _HOST.fullmatch(url.host):
            return "a URL whose host is no name"
    return "" if find_urls(text) else "no URL"


@check(
    "M21", "error", "Malformed value",
    why="The program that reads it refuses it, or takes it for something else.",
    fix="Correct the value.",
)  # fmt: skip
def malformed_value(deployment: Deployment) -> Iterator[Hit]:
    seen: set[Place] = set()
    for variable, _ in each_variable(deployment):
        source = variable.source
        if source.place in seen:
            continue
        wrong = malformed(variable.name, source.value)
        if wrong and not _is_filled_with_malformed(source):
            seen.add(source.place)
            yield Hit(source.place, f"{variable.name} is {wrong}.")
    yield from _malformed_ports(deployment)


def _is_filled_with_malformed(variable: Variable) -> bool:
    """Whether what is wrong was filled in from a variable that is judged where it stands."""
    return any(use.variable is not None and malformed(use.name, use.variable.value) for use in variable.uses)


def _malformed_ports(deployment: Deployment) -> Iterator[Hit]:
    for service in deployment.services.values():
        for port in service.ports:
            for text in (port.published, port.target):
                if text and not re.fullmatch(r"\d+(?:-\d+)?", text):
                    used = _uses_of_port(deployment, port.place)
                    if not any(malformed(name, value) for name, value in used):
                        yield Hit(port.place, f"A port of {service.name} is no number: {text!r}.")
                    break


def _uses_of_port(deployment: Deployment, place: Place) -> list[tuple[str, str]]:
    return [
        (reference.use.name, reference.use.variable.value)
        for reference in deployment.compose.references
        if reference.place == place and reference.use.variable is not None
    ]
