"""What the name of a variable or a secret file says about it: a secret, a signing key, whose login, for whom."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_KEY|SECRET_KEY|SECRET_ACCESS_KEY|PRIVATE_KEY|MASTER_KEY|SIGNING_KEY"
    r"|FERNET_KEY)$",
    re.IGNORECASE,
)
_BOOLEAN = re.compile(r"(?:true|false|yes|no|on|off|[01])", re.IGNORECASE)
_DATABASE_WORDS = frozenset({"POSTGRES", "POSTGRESQL", "PG", "DB", "DATABASE", "MYSQL", "MARIADB", "SQL"})
_CACHE_WORDS = frozenset({"REDIS", "CACHE", "VALKEY", "REDISCLI"})
_PASSWORD_WORDS = frozenset({"PASSWORD", "PASSWD", "PASS", "PW", "PWD", "AUTH"})
MODEL_KEYS = frozenset(
    {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY", "COHERE_API_KEY"}
    | {"AZURE_OPENAI_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"}
)
ALIASES = (("JWT_SECRET", "JWT_SECRET_KEY"), ("CORS_ORIGINS", "CORS_ALLOWED_ORIGINS"))
TRUE = frozenset({"true", "1", "yes", "on", "t", "y", "enabled"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n", "disabled"})


def is_secret_name(name: str) -> bool:
    """By the end of the name, in any case; not for `_FILE` and `_CMD`."""
    return _SECRET.search(name) is not None


def is_boolean(value: str) -> bool:
    return _BOOLEAN.fullmatch(value.strip()) is not None


def is_fernet(name: str) -> bool:
    return name.upper().endswith("FERNET_KEY")


def is_signing_key(name: str) -> bool:
    """Those with JWT or SIGNING in the name, or that end in SECRET_KEY."""
    upper = _plain(name)
    return "JWT" in upper or "SIGNING" in upper or upper.endswith("SECRET_KEY")


def is_airflow_key(name: str) -> bool:
    """Airflow's own keys: Fernet, API secret key, JWT secret."""
    upper = name.upper()
    return is_fernet(upper) or upper in (
        "AIRFLOW__API__SECRET_KEY", "AIRFLOW__WEBSERVER__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW_SECRET_KEY", "AIRFLOW_API_SECRET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_WEBSERVER_SECRET_KEY",
    )  # fmt: skip


def role(name: str) -> tuple[str, ...]:
    """What a secret is for, as words, so that names of one purpose are equal: `POSTGRES_PASSWORD` and `db_password`."""
    upper = _plain(name)
    if upper == "PGPASSWORD":
        return ("DB", "PASSWORD")
    if is_fernet(upper):
        return ("FERNET",)
    for left, right in ALIASES:
        if upper in (left, right):
            return (right,)
    if upper in ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__WEBSERVER__SECRET_KEY", "AIRFLOW_SECRET_KEY"):
        return ("AIRFLOW", "SECRET_KEY")
    words = []
    for word in re.split(r"[_\W]+", upper):
        if word in _DATABASE_WORDS:
            word = "DB"
        elif word in _CACHE_WORDS:
            word = "CACHE"
        elif word in _PASSWORD_WORDS:
            word = "PASSWORD"
        if word and word not in words and word not in ("TXT", "FILE", "DEFAULT"):
            words.append(word)
    return tuple(words)


def _plain(name: str) -> str:
    """A file's name without its suffix, in capitals with underscores."""
    return re.sub(r"[-.\s]", "_", re.sub(r"\.(txt|key|secret)$", "", name.rpartition("/")[2])).upper()
