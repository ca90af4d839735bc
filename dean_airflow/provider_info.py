"""What Airflow learns about this package from its `apache_airflow_provider` entry point."""

from __future__ import annotations

from typing import Any

from dean_airflow.connection_forms import connection_types

_HOOK_MODULES = ["dean_airflow.hooks.evolution", "dean_airflow.hooks.indexagent", "dean_airflow.hooks.airflow_api"]
_OPERATOR_MODULES = [
    "dean_airflow.operators.trial",
    "dean_airflow.operators.maintenance",
    "dean_airflow.operators.deployment",
    "dean_airflow.operators.deploy",
    "dean_airflow.operators.rotation",
    "dean_airflow.operators.champion",
    "dean_airflow.operators.alerts",
    "dean_airflow.operators.metrics",
    "dean_airflow.operators.remote_trial",
    "dean_airflow.operators.service_data",
]
_SENSOR_MODULES = ["dean_airflow.sensors.service_health"]
_TRIGGER_MODULES = [
    "dean_airflow.triggers.trial",
    "dean_airflow.triggers.trial_finished",
    "dean_airflow.triggers.service_health",
    "dean_airflow.triggers.metrics",
]


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, after Airflow's provider_info schema."""
    return {
        "package-name": "dean-airflow",
        "name": "DEAN",
        "description": "Improves a git repository's code by evolution and proves that the result is better.",
        "integrations": [
            {
                "integration-name": "DEAN",
                "external-doc-url": "https://pypi.org/project/dean-airflow/",
                "tags": ["software"],
            }
        ],
        "operators": [{"integration-name": "DEAN", "python-modules": _OPERATOR_MODULES}],
        "sensors": [{"integration-name": "DEAN", "python-modules": _SENSOR_MODULES}],
        "triggers": [{"integration-name": "DEAN", "python-modules": _TRIGGER_MODULES}],
        "hooks": [{"integration-name": "DEAN", "python-modules": _HOOK_MODULES}],
        "connection-types": connection_types(),
        "notifications": ["dean_airflow.notifications.alert.AlertNotifier"],
        "extra-links": [
            "dean_airflow.links.DeploymentPageLink",
            "dean_airflow.links.TrialPageLink",
            "dean_airflow.links.TrialReportLink",
        ],
        "bundles": [{"integration-name": "DEAN", "python-modules": ["dean_airflow.dag_bundle"]}],
        "cli": ["dean_airflow.cli.definition.get_dean_cli_commands"],
        "config": {
            "dean": {
                "description": "Settings of DEAN.",
                "options": {"config": _CONFIG_FILE_OPTION, **_setting_options()},
            }
        },
    }


_CONFIG_FILE_OPTION = {
    "description": "A YAML or JSON file of the settings below; values in Airflow's configuration win over it.",
    "version_added": None,
    "type": "string",
    "example": "/etc/dean.yaml",
    "default": None,
}


def _setting_options() -> dict[str, dict[str, Any]]:
    """One option per setting. Without defaults here: a default known to Airflow would win over the settings file."""
    from dean_airflow.config import Settings

    return {
        name: {
            "description": field.description,
            "version_added": None,
            "type": "integer" if field.annotation is int else "string",
            "example": None if field.default in ("", None) else str(field.default),
            "default": None,
            # A database URL may hold a password; so Airflow masks it and accepts its _CMD and _SECRET forms.
            "sensitive": name in ("store", "alert_receivers"),
        }
        for name, field in Settings.model_fields.items()
    }
