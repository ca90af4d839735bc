"""The form of `dean_evolution_trial`: one Airflow param per field of TrialConfig.

Types, ranges, words to choose from and defaults are TrialConfig's own, so that the form cannot drift from what a trial
accepts; here stands only what a person reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow.sdk import Param

from dean_airflow.evolution.trial_config import TrialConfig


class _Text(NamedTuple):
    title: str
    description: str


_SECTIONS: dict[str, dict[str, _Text]] = {
    "Target": {
        "repository": _Text(
            "Repository", "Path or clone URL (https, ssh, file) of a git repository, or the path of a plain folder."
        ),
        "ref": _Text("Ref", "Branch, tag or commit to improve; empty: what the repository's HEAD names."),
        "subfolder": _Text("Subfolder", "Folder of the repository that holds the project; empty: its top."),
        "install": _Text(
            "Install",
            "pip arguments that install the target, for example `.[test]`, one a line; none given: detected; "
            "an empty list installs nothing.",
        ),
        "tests": _Text("Tests", "pytest arguments that select the tests; empty: detected."),
        "deselect": _Text("Deselect", "Ids of tests that you accept as failing before the trial, one a line."),
        "files": _Text("Files", "Globs of the files that may change, one a line; empty: the project's own code."),
    },
    "What better means": {
        "benchmark": _Text(
            "Benchmark",
            "`module:callable` (called with a `seed` if it takes one), `pytest:<arguments>` for pytest-benchmark "
            "tests, `command:<words>` whose last printed number is its cost, or `suite`; empty: detected.",
        ),
        "objectives": _Text(
            "Objectives", "Weights of what is measured (runtime, memory, complexity, size); they must sum to 1."
        ),
        "edits": _Text(
            "Edits",
            "`preserving`: only edits whose conditions for keeping behaviour were checked; `all`: behavioural ones "
            "too, which must survive mutants and recorded inputs.",
        ),
        "edit_sources": _Text("Edit sources", "Where edits come from."),
    },
    "Search": {
        "islands": _Text(
            "Islands", "Populations evolved side by side, each a task; 0: one under `airflow dags test`, else two."
        ),
        "population_size": _Text("Population size", "Candidates of an island's generation."),
        "generations": _Text("Generations", "At most so many of an island."),
        "mutation_rate": _Text("Mutation rate", "Share of offspring that are mutated."),
        "crossover_rate": _Text("Crossover rate", "Share of offspring made from two parents."),
        "diversity_threshold": _Text(
            "Diversity threshold", "Mean distance between genomes below which variation is injected."
        ),
        "migration": _Text("Migration", "Generations between two exchanges of champions among islands; 0: never."),
        "seed": _Text("Seed", "The same seed with the same measurements gives the same trial."),
    },
    "Limits": {
        "fitness_threshold": _Text("Fitness threshold", "Stop at this fitness (0.5: half the cost)."),
        "max_evaluations": _Text("Evaluations", "At most so many candidates are judged, over all islands."),
        "max_runtime_minutes": _Text("Minutes", "How long the islands may search; fractions are allowed."),
        "sandbox": _Text(
            "Sandbox", "`auto` takes the strongest level this machine has and never `off`; the report names it."
        ),
    },
    "Outcome": {
        "publish": _Text(
            "Publish",
            "`branch`: a branch, a patch and the report; `patch`: no branch; `push`: pushes the branch too, with the "
            "dean_git connection; `none`: the report alone.",
        ),
    },
}


def trial_params() -> dict[str, Param]:
    """Params by name, in the order of the form. A trial needs only `repository`; `trial_id` attaches to a trial."""
    schema = TrialConfig.model_json_schema()
    params = {
        name: _param(schema["properties"][name], section, text)
        for section, fields in _SECTIONS.items()
        for name, text in fields.items()
    }
    params["trial_id"] = Param(
        None,
        "Go on with the trial of this id, or start one of this id; empty: the trial of this run.",
        type=["null", "string"],
        pattern="^[A-Za-z0-9][A-Za-z0-9_-]{3,63}$",
        title="Trial",
        section="Outcome",
    )
    return params


def remote_trial_params() -> dict[str, Param]:
    """The same, and how the trial is followed at the other DEAN; ranges and defaults are RemoteOptions' own."""
    return trial_params() | {
        "timeout_seconds": Param(
            None,
            "How long the whole trial may take, in seconds; empty: 120 for each of its minutes.",
            type=["null", "number"],
            exclusiveMinimum=0,
            title="Timeout",
            section="Remote",
        ),
        "poll_seconds": Param(
            10.0,
            "At least so often the trial is looked at, in seconds.",
            type="number",
            exclusiveMinimum=0,
            maximum=600,
            title="Poll",
            section="Remote",
        ),
        "population": Param(
            True,
            "Make a population for the trial at IndexAgent, where the dean_indexagent connection exists.",
            type="boolean",
            title="Population",
            section="Remote",
        ),
    }


def _param(field: dict[str, Any], section: str, text: _Text) -> Param:
    rules = {name: value for name, value in field.items() if name not in ("default", "title", "description", "anyOf")}
    if "anyOf" in field:  # an optional value: JSON schema knows a list of types, which Airflow's form renders
        rules["type"] = [choice["type"] for choice in field["anyOf"]]
        rules["items"] = next(choice["items"] for choice in field["anyOf"] if "items" in choice)
    rules.update(title=text.title, section=section)
    if "default" in field:
        return Param(field["default"], text.description, **rules)
    return Param(description=text.description, **rules)
