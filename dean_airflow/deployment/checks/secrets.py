"""M13 to M17: secrets that are placeholders, well known, weak, open to others, or used twice."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from dean_airflow.deployment.checks.registry import Hit, check
from dean_airflow.deployment.description.deployment import Deployment, is_template
from dean_airflow.deployment.description.environment import Variable
from dean_airflow.deployment.description.facts import each_variable, remembered, tracked
from dean_airflow.deployment.description.naming import is_airflow_key, is_fernet, is_secret_name, is_signing_key, role
from dean_airflow.deployment.description.secrets import Secret, secret_files, secrets_of
from dean_airflow.deployment.description.url import find_urls
from dean_airflow.deployment.place import Place

SHORTEST_SECRET = 32
SHORTEST_SIGNING_KEY = 64
LEAST_BITS_A_CHARACTER = 3.0
_RUN = 8

_PLACEHOLDER = re.compile(
    r"change[-_ ]?(?:me|this|it)|replace[-_ ]?(?:me|this|with|it)|(?:^|[-_])your[-_ ]|^<.*>$|^\[.+\]$|^\{\{.*\}\}$"
    r"|^x{3,}$|^\*{3,}$|^\.{3}$|placeholder|^(?:todo|tbd|fixme|dummy|set[-_]?me|fill[-_]?me(?:[-_]in)?)$"
    r"|^(?:insert|put|enter|add|fill)[-_].+[-_](?:here|in)$|^example$|to[-_]?be[-_]?(?:set|changed|replaced)",
    re.IGNORECASE,
)
_DEMO = frozenset(
    [
        "password",
        "passw0rd",
        "password1",
        "password123",
        "passwd",
        "secret",
        "secret123",
        "demo",
        "demo123",
        "demopass",
        "demopassword",
        "demo-password",
        "demo_password",
        "test",
        "test123",
        "testpass",
        "testpassword",
        "test-password",
        "letmein",
        "qwerty",
        "123456",
        "12345678",
        "1234567890",
        "welcome",
        "welcome1",
        "pass",
        "pass123",
        "admin123",
        "dev",
        "devpass",
        "devpassword",
        "dev-password",
        "default",
        "mysecretpassword",
        "mysecret",
        "supersecret",
        "supersecretkey",
        "super-secret-key",
        "s3cr3t",
        "sample",
        "hunter2",
        "foobar",
        "changeit",
        "secretkey",
        "secret-key",
        "secret_key",
        "notasecret",
        "insecure",
        "topsecret",
    ]
)
_PAIRS = frozenset(
    {("admin", "password"), ("admin", "admin123"), ("admin", "123456"), ("root", "toor"), ("root", "password")}
    | {("postgres", "password"), ("airflow", "password"), ("sa", "password"), ("user", "password"), ("user", "pass")}
    | {("elastic", "changeme"), ("admin", "changeme"), ("admin", "secret"), ("root", "example"), ("admin", "pass")}
)
_DEFAULT_USERS = (
    ("POSTGRES_PASSWORD", "postgres"), ("MYSQL_ROOT_PASSWORD", "root"), ("MARIADB_ROOT_PASSWORD", "root"),
    ("RABBITMQ_DEFAULT_PASS", "guest"), ("_AIRFLOW_WWW_USER_PASSWORD", "airflow"),
    ("MINIO_ROOT_PASSWORD", "minioadmin"),
    ("ADMIN_PASSWORD", "admin"), ("DASHBOARD_PASSWORD", "admin"), ("ADMIN_PASS", "admin"),
)  # fmt: skip
_REQUIRED_NAMES = frozenset({"POSTGRES_USER", "POSTGRES_DB", "DATABASE_URL"})


def _is_placeholder(value: str, *, demo: bool = True) -> bool:
    text = value.strip()
    return bool(_PLACEHOLDER.search(text)) or (demo and text.lower() in _DEMO)


def placeholders(deployment: Deployment) -> dict[Place, str]:
    """Where a placeholder stands for a secret, and the name it stands under."""
    return remembered(deployment, "placeholders", lambda: _placeholders(deployment))


def _placeholders(deployment: Deployment) -> dict[Place, str]:
    well_known = {place for place, _ in _well_known(deployment)}
    found: dict[Place, str] = {}
    for secret in secrets_of(deployment):
        if _is_placeholder(secret.value) and secret.place not in well_known:
            found[secret.place] = secret.name
    required = set(_REQUIRED_NAMES)
    required.update(node.text for node in deployment.file.entries("required_env"))
    for variable, _ in each_variable(deployment):
        source = variable.source
        if source.place in found or source.place in well_known or is_template(source.place.file):
            continue
        if variable.name in required and _is_placeholder(source.value, demo=False) and "://" not in source.value:
            found[source.place] = variable.name
        for url in find_urls(source.value):
            if url.raw_password and source.literal(*url.password_span) and _is_placeholder(url.password):
                found[source.place] = f"the password in {variable.name}"
    for service in deployment.services.values():
        for part in ("command", "entrypoint"):
            node = service.get(part)
            for entry in node.entries() if node is not None else []:
                for url in find_urls(entry.text):
                    if url.raw_password and not entry.uses and _is_placeholder(url.password):
                        found[entry.place] = f"the password in a URL of {service.name}"
    return found


@check(
    "M13", "error", "Placeholder instead of a secret",
    why="Everybody who has read the template knows it.",
    fix="Put a real value, generated from the operating system's randomness.",
)  # fmt: skip
def placeholder(deployment: Deployment) -> Iterator[Hit]:
    for place, name in placeholders(deployment).items():
        yield Hit(place, f"{name} is still a placeholder or a demo password.")


def user_beside(name: str, scope: Mapping[str, Variable]) -> str:
    """The user that a password variable belongs to, by the variables beside it; empty where there is none."""
    known = _user_variable(name, scope)
    return known.value if known is not None else ""


def _user_variable(name: str, scope: Mapping[str, Variable]) -> Variable | None:
    stem = re.sub(r"(?:PASSWORD|PASSWD|PASS)$", "", name.upper())
    if stem == name.upper():
        return None
    by_upper = {key.upper(): variable for key, variable in scope.items()}
    for ending in ("USER", "USERNAME", "USER_NAME", "LOGIN", "EMAIL", "NAME"):
        known = by_upper.get(stem + ending)
        if known is not None and known.value:
            return known
    return by_upper.get(stem.rstrip("_") + "_USER") or by_upper.get(stem.rstrip("_"))


def users_of(secret: Secret) -> set[str]:
    """The users that a secret is the password of, under any of its names."""
    return {user for name, scope in secret.bearers if (user := user_beside(name, scope))}


def _is_well_known(user: str, password: str) -> bool:
    user, password = user.lower().partition("@")[0], password.strip().lower()
    return bool(password) and (user == password or (user, password) in _PAIRS)


def well_known(deployment: Deployment) -> list[tuple[Place, str]]:
    return remembered(deployment, "well-known", lambda: list(_well_known(deployment)))


def _well_known(deployment: Deployment) -> Iterator[tuple[Place, str]]:
    if not deployment.in_production:
        return
    seen: set[Place] = set()
    for secret in secrets_of(deployment):
        users = users_of(secret)
        users |= {
            default
            for name, _ in secret.bearers
            for ending, default in _DEFAULT_USERS
            if not users and name.upper().endswith(ending)
        }
        if not users and secret.in_file and role(secret.name)[:1] == ("DB",):
            users = {"postgres"}
        if any(_is_well_known(user, secret.value) for user in users) and secret.place not in seen:
            seen.add(secret.place)
            yield secret.place, secret.name
    for variable, _ in each_variable(deployment):
        source = variable.source
        for url in find_urls(source.value):
            literal = source.literal(*url.password_span)
            if url.raw_password and literal and _is_well_known(url.user, url.password) and source.place not in seen:
                seen.add(source.place)
                yield source.place, f"the login in {variable.name}"
    for service in deployment.services.values():
        text = service.command_text
        match = re.search(r"(?:--username|-u)[ =](\S+).*?(?:--password|-p)[ =](\S+)", text)
        if match and "$" not in match[2] and _is_well_known(match[1], match[2]):
            yield service.at("command"), f"the login in the command of {service.name}"
        for node in (service.get("command"), service.get("healthcheck", "test")):
            for entry in node.entries() if node is not None else []:
                for url in find_urls(entry.text):
                    if not entry.uses and _is_well_known(url.user, url.password) and entry.place not in seen:
                        seen.add(entry.place)
                        yield entry.place, f"the login in a URL of {service.name}"


@check(
    "M15", "error", "Well-known credentials",
    why="They are the first that an attacker tries.",
    fix="Change user and password.",
)  # fmt: skip
def well_known_credentials(deployment: Deployment) -> Iterator[Hit]:
    sides: dict[Place, set[Place]] = {}
    for secret in secrets_of(deployment):
        users = [user for name, scope in secret.bearers if (user := _user_variable(name, scope)) is not None]
        sides.setdefault(secret.place, set()).update(user.source.place for user in users if user.value)
    for place, name in well_known(deployment):
        also = tuple(sorted(sides.get(place, ()), key=lambda p: (p.file, p.line or 0)))
        yield Hit(place, f"{name} is a well-known pair of user and password, in production.", also=also)


@check(
    "M14", "error", "Weak secret",
    why="It can be guessed or searched for.",
    fix="Generate it from the operating system's randomness: 32 characters or more, 64 for signing keys.",
)  # fmt: skip
def weak_secret(deployment: Deployment) -> Iterator[Hit]:
    excused = set(placeholders(deployment)) | {place for place, _ in well_known(deployment)}
    for secret in secrets_of(deployment):
        if secret.place in excused or is_fernet(secret.name) or is_template(secret.place.file):
            continue
        if is_airflow_key(secret.name) and len(secret.value) < 8:
            continue  # malformed: M81's
        length = len(secret.value)
        if length < SHORTEST_SECRET:
            yield Hit(secret.place, f"{secret.name} has {length} characters; {SHORTEST_SECRET} are the least.", "error")
        elif is_signing_key(secret.name) and length < SHORTEST_SIGNING_KEY:
            what = f"The signing key {secret.name} has {length} characters; it should have {SHORTEST_SIGNING_KEY}."
            yield Hit(secret.place, what, "warning")
        elif has_low_entropy(secret.value):
            yield Hit(
                secret.place, f"{secret.name} is long but easy to guess: few characters, or a pattern.", "warning"
            )


def has_low_entropy(value: str) -> bool:
    """Under 3 bits a character over the whole value, or a pattern repeated or counted through."""
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    if bits < LEAST_BITS_A_CHARACTER or re.fullmatch(r"(.{1,64}?)\1+", value, re.DOTALL):
        return True
    if re.fullmatch(r"(.{1,16}?)\1{2,}(.{0,15})", value, re.DOTALL):
        return True
    run = longest = 1
    step = 0
    for before, after in itertools.pairwise(value):
        now = ord(after) - ord(before)
        run = run + 1 if now == step and now in (1, -1) else (2 if now in (1, -1) else 1)
        step = now
        longest = max(longest, run)
    return longest >= _RUN


@check(
    "M16", "error", "Secret file open to others",
    why="Whoever can read it, or has the repository, has the secret.",
    fix="chmod 600 it; where git tracks it: untrack it, and rotate what it holds.",
)  # fmt: skip
def secret_file_open(deployment: Deployment) -> Iterator[Hit]:
    modes = tracked(deployment)
    for path in secret_files(deployment):
        source = deployment.tree.source(path)
        if source is None:
            continue
        if modes is not None and source.name in modes:
            yield Hit(source.at(), f"{source.name} holds secrets and is tracked by git.")
        elif source.mode not in (0o600, 0o400):
            yield Hit(source.at(), f"{source.name} holds secrets and has mode {source.mode:o}; it should have 600.")


@check(
    "M17", "warning", "One secret in two roles",
    why="Whoever learns one has the other, and neither can be rotated alone.",
    fix="Give each its own.",
)  # fmt: skip
def secret_used_twice(deployment: Deployment) -> Iterator[Hit]:
    excused = set(placeholders(deployment)) | {place for place, _ in well_known(deployment)}
    by_value: dict[str, list[Secret]] = {}
    for secret in secrets_of(deployment):
        if secret.place not in excused and len(secret.value.strip()) > 3 and is_secret_or_file(secret):
            by_value.setdefault(hashlib.sha256(secret.value.strip().encode()).hexdigest(), []).append(secret)
    for group in by_value.values():
        kept: list[Secret] = []
        for secret in group:
            other = next((each for each in kept if not _same_role(each, secret)), None)
            if other is not None and not any(_same_role(each, secret) for each in kept):
                what = f"{secret.name} and {other.name} have the same value, and are two things."
                yield Hit(secret.place, what, also=(other.place,))
            kept.append(secret)


def is_secret_or_file(secret: Secret) -> bool:
    return secret.in_file or is_secret_name(secret.name)


def _same_role(one: Secret, other: Secret) -> bool:
    left, right = role(one.name), role(other.name)
    if left == right:
        return True
    if one.in_file != other.in_file and (set(left) <= set(right) or set(right) <= set(left)):
        return True
    if one.in_file != other.in_file and "PASSWORD" in left and "PASSWORD" in right:
        return len(set(left) ^ set(right)) == 0
    if {role(name) for name, _ in one.bearers} & {role(name) for name, _ in other.bearers}:
        return True
    return bool(users_of(one) & users_of(other)) and "ROOT" not in (*left, *right) and _same_kind(left, right)


_OTHER_SERVERS = (
    "CACHE",
    "RABBIT",
    "RABBITMQ",
    "BROKER",
    "MQ",
    "AMQP",
    "MONGO",
    "MONGODB",
    "SMTP",
    "MAIL",
    "LDAP",
    "MINIO",
)


def _same_kind(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Two logins of one database: a user of the same name at a cache or a broker is another."""
    return all((kind in left) == (kind in right) for kind in _OTHER_SERVERS)
