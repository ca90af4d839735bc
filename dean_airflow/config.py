"""DEAN's settings: what an installation decides once, as opposed to the params of one trial.

Precedence: defaults < the file named by `AIRFLOW__DEAN__CONFIG` < Airflow's `[dean]` section <
`AIRFLOW__DEAN__<NAME>` in the environment. Nothing here imports airflow; `airflow_settings` reads Airflow's
section and connections.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dean_airflow.alert_receivers import AlertReceiver, with_own_names
from dean_airflow.config_file import read_config_file
from dean_airflow.errors import ConfigurationError
from dean_airflow.metric_sources import WatchedEndpoint

ENVIRONMENT_PREFIX = "AIRFLOW__DEAN__"
_CONFIG_NAME = "config"
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]*(?=@)")


class Settings(BaseModel):
    """Immutable; unknown names are refused. An empty `store` or `artifacts` lies in `data_dir`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default=Path(), description="Where the embedded store and the artefacts live.")
    store: str = Field(
        default="",
        description="SQLAlchemy URL of DEAN's own database (SQLite or PostgreSQL), migrated when it is "
        "opened. The dean_store connection, where it exists, wins.",
    )
    artifacts: str = Field(
        default="",
        description="Where reports, patches and bundles go: a path or an object storage URL that every worker reaches.",
    )
    cache_dir: Path = Field(
        default=Path(),
        description="What one machine keeps to be fast: environments of targets, mirrors of repositories.",
    )
    scratch_dir: Path | None = Field(
        default=None,
        description="Where private clones are made; by default the system's temporary directory.",
    )
    pool: str = Field(
        default="default_pool",
        min_length=1,
        description="Airflow pool of DEAN's tasks. One other than default_pool must exist: "
        "`airflow dean init` makes it.",
    )
    pool_slots: int = Field(default=4, ge=1, le=1024, description="Slots of a pool that `airflow dean init` makes.")
    index_url: str = Field(
        default="",
        description="Package index that targets are installed from; by default pip's own configuration.",
    )
    index_hosts: tuple[str, ...] = Field(
        default=(),
        description="Further hosts that installing a target may reach, for example of file downloads.",
    )
    trial_memory_mb: int = Field(default=2048, ge=64, description="Memory limit of a target's processes, in MiB.")
    trial_processes: int = Field(default=256, ge=8, description="How many processes a target may have at once.")
    trial_disk_mb: int = Field(default=1024, ge=16, description="What a target may write to its scratch, in MiB.")
    repositories: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="What dean_scheduled_trials improves: paths or clone URLs, or mappings of trial params "
        "with at least `repository`.",
    )
    deployment: str = Field(
        default="",
        description="Directory of the deployment that dean_deployment_validation looks at daily.",
    )
    validate_champions: bool = Field(
        default=False,
        description="Whether every champion starts dean_champion_validation, which checks the deployment on its "
        "branch.",
    )
    rotated_secret: str = Field(
        default="",
        description="Secret of that deployment which dean_secret_rotation rotates on the first of each month, by its "
        "name in dean-deployment.yaml.",
    )
    deployment_queue: str = Field(
        default="",
        description="Airflow queue of dean_deployment's tasks, which must run on the machine that is deployed to; a "
        "worker of that machine alone serves it. By default Airflow's default queue.",
    )
    keep_trials_days: int = Field(
        default=90, ge=1, description="dean_maintenance removes evaluations and artefacts of older trials."
    )
    keep_patterns_days: int = Field(
        default=90, ge=1, description="dean_maintenance removes patterns that were not seen for so long."
    )
    keep_clones_hours: int = Field(
        default=24,
        ge=1,
        le=168,
        description="dean_maintenance removes private clones that are orphaned for so long.",
    )
    keep_environments_days: int = Field(
        default=30, ge=1, description="dean_maintenance removes environments of targets that were not used for so long."
    )
    metrics_sources: tuple[WatchedEndpoint, ...] = Field(
        default=(),
        description="Further endpoints to collect metrics from: mappings with at least `name` and `url`; "
        "`kind` is http (JSON) or prometheus.",
    )
    metrics_series_limit: int = Field(
        default=5000,
        ge=10,
        description="Series that one source may have at a time; the samples of further ones are left out, with a "
        "warning.",
    )
    metrics_interval: int = Field(
        default=15, ge=1, le=3600, description="Seconds between two collections of the trigger and of the live loop."
    )
    alert_rules: str = Field(
        default="",
        description="YAML file of alert rules, on every worker; they come on top of the shipped ones. "
        "A file with mistakes leaves its last good rules in force.",
    )
    alert_receivers: tuple[AlertReceiver, ...] = Field(
        default=(),
        description="Who is told of alerts: mappings with a name and a webhook, a connection, or an Airflow notifier.",
    )
    evolution_url: str = Field(
        default="",
        description="Address of the Evolution API for remote trials, where no dean_evolution connection says so.",
    )
    indexagent_url: str = Field(
        default="",
        description="Address of the IndexAgent to work with, where no dean_indexagent connection says so.",
    )
    airflow_url: str = Field(
        default="",
        description="Address of Airflow's API server, where no dean_airflow_api connection says so.",
    )
    environment: Literal["production", "development"] = Field(
        default="production",
        description="In production the servers refuse to start with what is only fit for trying things out.",
    )
    signing_keys_file: Path = Field(
        default=Path(),
        description="File with the keys that service tokens are signed by, one `kid:secret` a line, newest first; "
        "`airflow dean auth signing-keys rotate` makes and changes it.",
    )
    server_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that the servers listen on, unless --host says another."
    )
    evolution_port: int = Field(
        default=8083, ge=0, le=65535, description="Port of the Evolution server, unless --port says another; 0: any."
    )
    indexagent_port: int = Field(
        default=8081, ge=0, le=65535, description="Port of the IndexAgent server, unless --port says another; 0: any."
    )
    server_requests_per_minute: int = Field(
        default=1000, ge=0, description="Requests of one caller that a server answers within a minute; 0: no limit."
    )
    server_request_kb: int = Field(
        default=1024, ge=1, description="The largest request body that a server reads, in KiB."
    )
    server_connections: int = Field(
        default=200, ge=1, description="Requests that a server works on at once; those beyond are 503."
    )
    server_sockets: int = Field(default=2000, ge=1, description="WebSockets that a server has open at once.")
    server_sockets_per_user: int = Field(default=10, ge=1, description="WebSockets that one caller has open at once.")
    server_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins (https://host) of other sites whose pages may call the servers; none by default.",
    )
    server_trials: int = Field(
        default=1, ge=1, le=64, description="Trials that an Evolution server runs at once; further ones wait."
    )
    server_max_generations: int = Field(
        default=100, ge=1, le=100, description="The most generations a caller of the Evolution server may ask for."
    )
    server_max_population: int = Field(
        default=100, ge=5, le=100, description="The largest population a caller of the Evolution server may ask for."
    )
    server_max_minutes: int = Field(
        default=120, ge=1, le=120, description="The longest trial a caller of the Evolution server may ask for."
    )
    server_repositories: tuple[str, ...] = Field(
        default=(),
        description="Folders and URL prefixes that callers of the servers may name repositories below; by default any "
        "that the server's user can read.",
    )

    @model_validator(mode="before")
    @classmethod
    def _place_in_data_dir(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        values = dict(given)
        values["data_dir"] = Path(values.get("data_dir") or default_data_dir(os.environ)).expanduser()
        values["store"] = values.get("store") or f"sqlite:///{values['data_dir'] / 'dean.db'}"
        values["artifacts"] = values.get("artifacts") or str(values["data_dir"] / "artifacts")
        values["signing_keys_file"] = Path(
            values.get("signing_keys_file") or values["data_dir"] / "signing-keys"
        ).expanduser()
        values["cache_dir"] = Path(values.get("cache_dir") or values["data_dir"] / "cache").expanduser()
        return values

    @field_validator("store")
    @classmethod
    def _is_database_url(cls, url: str) -> str:
        if not urlsplit(url).scheme or ":/" not in url:
            raise ValueError("must be a SQLAlchemy URL such as sqlite:////path/dean.db or postgresql://host/name")
        return url

    @field_validator("evolution_url", "indexagent_url", "airflow_url")
    @classmethod
    def _is_service_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an address such as http://host:port")
        if parts.username or parts.password:
            raise ValueError("must hold no login; make a connection, which keeps it secret")
        return url

    @field_validator("server_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin such as https://host; every one must be named, `*` is none")
        return origins

    @field_validator("alert_receivers")
    @classmethod
    def _are_receivers(cls, receivers: tuple[AlertReceiver, ...]) -> tuple[AlertReceiver, ...]:
        return with_own_names(receivers)

    @field_validator("repositories", mode="before")
    @classmethod
    def _name_repositories(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            raise ValueError("must be a list of repositories")
        entries = [{"repository": entry} if isinstance(entry, str) else entry for entry in given]
        for number, entry in enumerate(entries, 1):
            name = entry.get("repository") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not name:
                raise ValueError(f"entry {number} must be a path, a URL, or a mapping with `repository`")
        return entries

    def public(self) -> dict[str, Any]:
        """The settings as JSON-able data that may be shown: passwords in URLs are replaced by `***`."""
        shown = self.model_dump(mode="json")
        shown["alert_receivers"] = [receiver.public() for receiver in self.alert_receivers]
        return {name: _redact(value) for name, value in shown.items()}


def default_data_dir(env: Mapping[str, str]) -> Path:
    """`$AIRFLOW_HOME/dean`, or the user's data directory where no Airflow home is set."""
    home = env.get("AIRFLOW_HOME")
    if home:
        return Path(home).expanduser() / "dean"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "dean"


def load_settings(env: Mapping[str, str] | None = None, *, section: Mapping[str, str] | None = None) -> Settings:
    """The settings in force.

    `env` is the process environment unless given; `section` what Airflow's `[dean]` section holds. Values
    from either are text: a list is JSON or comma-separated. Raises ConfigurationError that lists every
    problem at once, each with where it was read (the file and line, the variable, or the section).
    """
    env = os.environ if env is None else env
    from_section = {name: text for name, text in (section or {}).items() if text}
    from_env = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): text
        for name, text in env.items()
        if name.startswith(ENVIRONMENT_PREFIX) and text
    }
    config_file = from_env.pop(_CONFIG_NAME, None) or from_section.get(_CONFIG_NAME)
    from_section.pop(_CONFIG_NAME, None)

    values: dict[str, Any] = {"data_dir": str(default_data_dir(env))}
    origins: dict[str, str] = {}
    if config_file:
        contents = read_config_file(Path(config_file).expanduser(), env)
        values.update(contents.values)
        origins.update(contents.origins)
    for name, text in from_section.items():
        values[name], origins[name] = _from_text(name, text), f"[dean] {name}"
    for name, text in from_env.items():
        values[name], origins[name] = _from_text(name, text), f"{ENVIRONMENT_PREFIX}{name.upper()}"
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_every_problem(error, origins)) from None


def _from_text(name: str, text: str) -> Any:
    field = Settings.model_fields.get(name)
    if field is None or get_origin(field.annotation) is not tuple:
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()]


def _every_problem(error: ValidationError, origins: Mapping[str, str]) -> str:
    problems = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else "settings"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such setting"
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"][1:])
        # What a receiver is given may hold secrets in any form.
        got = "" if name == "alert_receivers" else f" (got {_redact(problem['input'])!r})"
        problems.append(f"{origins.get(name, name)}: {name}{where}: {message}{got}")
    return f"DEAN's settings are not usable: {'; '.join(problems)}."


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1:***", value)
    if isinstance(value, dict):
        return {key: _redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(item) for item in value]
    return value
