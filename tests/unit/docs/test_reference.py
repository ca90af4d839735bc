"""The reference pages name exactly what there is: nothing is missing, nothing is made up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from starlette.routing import Route

from dean_airflow.config import Settings
from dean_airflow.evolution.target.settings_file import OwnSettings
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.provider_info import get_provider_info

from .pages import REFERENCE, ROOT, first_column, prose


def test_every_param() -> None:
    assert sorted(first_column("dag-params.md")) == sorted([*TrialConfig.model_fields, "trial_id"])


@pytest.mark.parametrize("field", TrialConfig.model_fields)
def test_a_params_default_and_range(field: str) -> None:
    row = _row("dag-params.md", field)
    schema = TrialConfig.model_json_schema()["properties"][field]
    if field == "repository":
        assert "required" in row
        return
    default = schema["default"]
    shown = "null" if default is None else repr(default).replace("'", '"').replace("True", "true")
    assert shown in row or f"`{default}`" in row or (isinstance(default, float) and f"`{default:g}`" in row)
    for bound in ("minimum", "maximum", "exclusiveMaximum"):
        if bound in schema:
            assert f"{schema[bound]:,g}".replace(",", " ") in row.replace("1 000 000", f"{1e6:,g}")
    for word in schema.get("enum", ()):
        assert f"`{word}`" in row


def test_every_setting() -> None:
    assert sorted(first_column("settings.md")) == sorted(Settings.model_fields)


@pytest.mark.parametrize("setting", [name for name, field in Settings.model_fields.items() if field.annotation is int])
def test_a_settings_default(setting: str) -> None:
    assert f"`{Settings.model_fields[setting].default}`" in _row("settings.md", setting)


def test_every_key_of_a_targets_own_settings() -> None:
    assert sorted(first_column("target-settings.md")) == sorted(OwnSettings.model_fields)


def test_every_field_of_the_result() -> None:
    from dean_airflow.evolution.stages.close_trial import _never_opened

    result = first_column("result.md")[: len(_never_opened("trial-x"))]
    assert sorted(result) == sorted(_never_opened("trial-x"))


def test_every_stop_reason() -> None:
    from dean_airflow.evolution.report.verdict import STOP_REASONS

    assert sorted(first_column("result.md", "Stop reasons")) == sorted(STOP_REASONS)


def test_every_part_of_the_reports_details() -> None:
    from dean_airflow.evolution.report.data import ReportData

    page = prose(REFERENCE / "result.md")
    details = [field.name for field in fields(ReportData) if field.name != "result"]  # its fields are on top
    assert [part for part in details if f"`{part}`" not in page] == []


def test_every_operator_and_what_it_takes() -> None:
    operators = [node for module in _operator_modules() for node in _public_operators(module)]
    shown = first_column("operators.md")

    assert {node.name for node in operators} == {word for word in shown if word.endswith("Operator")}
    taken = {argument.arg for module in _operator_modules() for argument in _own_arguments(module)}
    assert taken == {word for word in shown if not word.endswith("Operator")}


def test_every_command() -> None:
    from dean_airflow.cli.definition import get_dean_cli_commands

    shown = {
        re.sub(r" [A-Z_]+$", "", command) for command in first_column("commands.md") if command.startswith("airflow")
    }
    assert shown == {f"airflow {command}" for command in _commands(get_dean_cli_commands())}


def test_every_make_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = {word.split()[1] for word in first_column("commands.md") if word.startswith("make")}

    assert shown == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def test_every_route() -> None:
    from dean_airflow.plugin.app import build_app

    own = [route for route in build_app().routes if isinstance(route, Route)]
    routes = {(method, route.path) for route in own for method in route.methods if method != "HEAD"}
    shown = {re.sub(r"\{\w+\}", "{}", word) for word in first_column("rest.md") if "/dean/" in word}

    assert shown == {f"{method} /dean" + re.sub(r"\{\w+\}", "{}", path) for method, path in routes}


@pytest.mark.parametrize("service", ["evolution", "indexagent"])
def test_every_route_of_a_service_and_who_may_call_it(service: str) -> None:
    from tests.security.services.matrix import MATRIX

    rows = re.findall(
        r"^\| `((?:GET|POST|PUT|PATCH|DELETE) \S+)` \| ([^|]+) \|", prose(REFERENCE / f"{service}-api.md"), re.M
    )
    roles = {name: None if who == "anyone" else {role.strip() for role in who.split(",")} for name, who in rows}
    least = {name: None if who is None else set(who) for name, who in MATRIX[service].items()}

    # The page names the least role; those that include it go without saying.
    includes = {"viewer": {"viewer", "user", "admin"}, "user": {"user", "admin"}, "service": {"service"}}
    assert {
        name: None if who is None else set().union(*(includes[role] for role in who)) for name, who in roles.items()
    } == least


def test_every_field_of_an_alert_rule() -> None:
    from dean_airflow.metrics.alerts.rule_fields import RULE_FIELDS
    from dean_airflow.metrics.alerts.rules import MEASURES
    from dean_airflow.metrics.alerts.rules_file import TOP_FIELDS
    from dean_airflow.metrics.alerts.series_file import TOP_FIELDS as SERIES_FILE_FIELDS

    assert first_column("alert-rules.md", "The file") == list(TOP_FIELDS)
    assert sorted(first_column("alert-rules.md", "A rule")) == sorted(RULE_FIELDS)
    assert first_column("alert-rules.md", "Measures") == list(MEASURES)
    assert first_column("alert-rules.md", "A series file") == list(SERIES_FILE_FIELDS)


def test_every_shipped_alert_rule() -> None:
    from dean_airflow.metrics.alerts.durations import format_duration
    from dean_airflow.metrics.alerts.promql import to_promql
    from dean_airflow.metrics.alerts.rules_file import default_rules

    expected = [
        f"| `{rule.name}` | `{to_promql(rule.condition)}` | {format_duration(rule.hold)} "
        f"| {format_duration(rule.keep_firing)} | {rule.severity} |"
        for rule in default_rules().rules
    ]
    page = (REFERENCE / "alert-rules.md").read_text(encoding="utf-8").replace(r"\|", "|")
    assert [row for row in expected if row not in page] == []
    assert len(first_column("alert-rules.md", "Shipped rules")) == len(expected)


def test_every_field_of_an_alert_receiver() -> None:
    from dean_airflow.alert_receivers import AlertReceiver

    page = (ROOT / "docs" / "how-to" / "get-notified.md").read_text(encoding="utf-8")
    assert [name for name in AlertReceiver.model_fields if f"| `{name}` |" not in page] == []


def test_every_table_of_the_store() -> None:
    from dean_airflow.store.migrate import VERSION_TABLE
    from dean_airflow.store.models import Base

    assert sorted(first_column("store.md", "Tables")) == sorted([*Base.metadata.tables, VERSION_TABLE])


def test_every_option_of_a_remote_trial() -> None:
    from dean_airflow.services.remote.options import OPTION_NAMES, RemoteOptions

    assert sorted(first_column("remote-trials.md", "Other options")) == sorted(OPTION_NAMES)
    page = prose(REFERENCE / "remote-trials.md").partition("## Other options")[2]
    for name, default in vars(RemoteOptions()).items():
        shown = "null" if default is None else f"`{default}`"
        assert re.search(rf"^\| `{name}` \| {re.escape(shown)} \|", page, re.MULTILINE), name


def test_every_step_of_a_remote_trial() -> None:
    from dean_airflow.services.remote.steps import SETTING_UP

    assert first_column("remote-trials.md", "Steps") == [*SETTING_UP, "monitor", "collect", "persist"]


def test_every_sensor_and_trigger() -> None:
    info = get_provider_info()
    modules = [*info["sensors"][0]["python-modules"], *info["triggers"][0]["python-modules"]]
    classes = {
        node.name
        for module in modules
        for node in ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    shown = [*first_column("remote-trials.md", "What waits"), *first_column("metrics.md", "Collecting all the time")]
    assert set(shown) == classes


def test_every_cache() -> None:
    from dean_airflow.services.caches import LIFETIMES

    assert sorted(first_column("remote-trials.md", "Caches")) == sorted(LIFETIMES)
    page = prose(REFERENCE / "remote-trials.md")
    assert all(re.search(rf"^\| `{name}` .*\| {seconds:g} s \|", page, re.M) for name, seconds in LIFETIMES.items())


def test_every_metric_of_deans_own() -> None:
    from dean_airflow.metrics.names import METRICS

    page = prose(REFERENCE / "metrics.md")
    rows = re.findall(r"^\| `(dean_\w+)` \| (\w+) \| (.*?) \|", page, re.MULTILINE)
    shown = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert shown == {name: (metric.type, metric.labels) for name, metric in METRICS.items()}


def test_every_key_of_a_source_of_metrics() -> None:
    from dean_airflow.metric_sources import WatchedEndpoint

    assert sorted(first_column("metrics.md", "Sources of your own")) == sorted(WatchedEndpoint.model_fields)


def test_every_stage_function() -> None:
    from dean_airflow.evolution import trial

    shown = {word.partition("(")[0] for word in first_column("python-api.md", "The stages")}
    assert shown == set(trial.__all__) - {"Engine", "open_engine"}


def test_every_connection_type_and_field() -> None:
    types = get_provider_info()["connection-types"]
    page = prose(REFERENCE / "connections.md")
    fields = {name for one in types for name in one["conn-fields"]}
    choices = {
        word for one in types for word in one["conn-fields"].get("authentication", {}).get("schema", {}).get("enum", ())
    }

    assert [one["connection-type"] for one in types if f"`{one['connection-type']}`" not in page] == []
    assert [name for name in [*fields, *filter(None, choices)] if f"| `{name}` |" not in page] == []


def test_every_error_of_a_service() -> None:
    from dean_airflow.services import errors

    kinds = {
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.ServiceError)
    }
    page = prose(REFERENCE / "python-api.md")
    assert [name for name in sorted(kinds) if f"`{name}`" not in page] == []


def test_every_deployment_check() -> None:
    from dean_airflow.deployment.checks.registry import shipped_checks

    page = prose(REFERENCE / "deployment-checks.md")
    assert first_column("deployment-checks.md") == sorted({check.id for check in shipped_checks()})
    for check in shipped_checks():
        row = _row("deployment-checks.md", check.id)
        assert ("probe" if check.probe else "files") in row
        assert check.severity in row
    missing = [check.id for check in shipped_checks() if not check.probe and check.title not in page]
    assert missing == []


def test_every_key_of_the_deployment_file() -> None:
    from dean_airflow.deployment.canary import policy
    from dean_airflow.deployment.description.deployment_file import KEYS
    from dean_airflow.deployment.plan import services
    from dean_airflow.deployment.secrets import section

    secrets = [f"secrets.*.{name}" for name in section.KEYS]
    canary = [f"canary.{name}" for name in (*policy._POLICY, "metrics")]
    metrics = [f"canary.metrics.*.{name}" for name in policy._METRIC]
    process = [f"services.*.process.{name}" for name in services.PROCESS_KEYS]
    verify = [f"services.*.verify.{name}" for name in services.VERIFY_KEYS]
    own = [f"services.*.{name}" for name in ("requires", "strategy", "process", "verify")]
    every = [*KEYS, *canary, *metrics, *own, *process, *verify, *secrets]
    assert sorted(first_column("deployment-file.md")) == sorted(every)


def test_every_param_and_task_of_a_deployment() -> None:
    from dean_airflow.shipped_dags.dean_deployment import dean_deployment

    assert sorted(first_column("deployments.md", "Params")) == sorted(dean_deployment.params)
    assert sorted(first_column("deployments.md", "Tasks")) == sorted(dean_deployment.task_ids)


def test_every_kind_of_edit() -> None:
    from dean_airflow.evolution.edits.catalogue.registry import CATALOGUE

    page = prose(REFERENCE / "edits.md")
    assert [kind for kind in CATALOGUE if f"`{kind}`" not in page] == []


BASES = (
    "TrialStageOperator",
    "DeploymentStageOperator",
    "SecretRotationOperator",
    "ConfiguredStageOperator",
    "ServiceDataOperator",
)


def _row(page: str, word: str) -> str:
    rows = re.findall(rf"^\| `{word}` .*$", prose(REFERENCE / page), re.MULTILINE)
    assert len(rows) == 1
    return str(rows[0])


def _operator_modules() -> list[Path]:
    named = get_provider_info()["operators"][0]["python-modules"]
    modules = {*named, "dean_airflow.operators.stage", "dean_airflow.operators.schedule"}
    return [ROOT / (module.replace(".", "/") + ".py") for module in sorted(modules)]


def _public_operators(module: Path) -> Iterator[ast.ClassDef]:
    """Without the bases, of which a DAG makes no task. Read, not imported: airflow takes seconds."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Operator") and node.name not in BASES:
            yield node


def _own_arguments(module: Path) -> Iterator[ast.arg]:
    """What constructors take by name, beside what goes to BaseOperator."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield from node.args.kwonlyargs


def _commands(commands: object, before: str = "") -> Iterator[str]:
    for command in commands:  # type: ignore[attr-defined]
        if hasattr(command, "subcommands"):
            yield from _commands(command.subcommands, f"{before}{command.name} ")
        else:
            yield f"{before}{command.name}"


def test_the_testing_package() -> None:
    from typing import get_args

    from dean_airflow import testing
    from dean_airflow.testing import Fault, FaultProxy, pytest_plugin
    from dean_airflow.testing.evolution_stub import EvolutionStub
    from dean_airflow.testing.fault_layer import ADMIN_PREFIX
    from dean_airflow.testing.faults import FaultKind
    from dean_airflow.testing.scenario import StepName

    page = "testing.md"
    fixtures = {name for name, one in vars(pytest_plugin).items() if type(one).__name__ == "FixtureFunctionDefinition"}
    assert set(first_column(page, "Fixtures")) == fixtures
    assert sorted(first_column(page, "Names")) == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)
    assert first_column(page, "Steps") == list(get_args(StepName))
    assert first_column(page, "Faults")[: len(get_args(FaultKind))] == list(get_args(FaultKind))
    assert first_column(page, "Fields of a fault") == list(Fault.model_fields)
    stub = EvolutionStub()
    members = {re.sub(r"\(.*", "", name) for name in first_column(page, "What every stub has")}
    assert {name for name in members if not hasattr(stub, name)} <= {*get_args(StepName)}
    routes = {
        f"{method} {route.path}"
        for route in stub.app.routes
        if getattr(route, "path", "").startswith(ADMIN_PREFIX)
        for method in route.methods
    }
    assert set(first_column(page, "The admin API")) == routes
    methods = {name for name, one in vars(FaultProxy).items() if callable(one) and not name.startswith("_")}
    assert {re.sub(r"\(.*", "", name) for name in first_column(page, "The fault proxy")} == methods
