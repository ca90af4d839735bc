"""The DAG bundle of the DAGs that this package ships."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

BUNDLE_NAME = "dean"


class ShippedDagBundle(LocalDagBundle):
    """A local bundle that knows its own folder, so its entry in `[dag_processor] dag_bundle_config_list` names no path
    and holds on every machine where the package is installed.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(path=str(shipped_dags_folder()), **kwargs)


def bundle_entry() -> dict[str, Any]:
    """The entry to add to `[dag_processor] dag_bundle_config_list`."""
    return {"name": BUNDLE_NAME, "classpath": f"{__name__}.{ShippedDagBundle.__name__}", "kwargs": {}}


def shipped_dags_folder() -> Path:
    """Where the installed package keeps its DAG files."""
    spec = find_spec("dean_airflow.shipped_dags")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("dean_airflow.shipped_dags is not installed: install dean-airflow as a package.")
    return Path(next(iter(spec.submodule_search_locations)))
