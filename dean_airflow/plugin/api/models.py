"""What the routes of trials answer. Times are UTC; a field that is null is not known, or not there."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dean_airflow.services.contract.base import UtcTime
from dean_airflow.services.contract.trials import TrialStatus

Interval = tuple[float, float]


class Model(BaseModel):
    """A body that a route answers: these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Model):
    """`total` counts what the filters let through, before paging."""

    total: int
    limit: int
    offset: int


class TrialRow(Model):
    """`speedup` (times as fast; its 95 % interval) and `evaluations` are known once a trial has ended."""

    trial_id: str
    repository: str
    ref: str
    status: TrialStatus
    outcome: str | None
    stop_reason: str | None
    attempt: int
    created_at: UtcTime
    started_at: UtcTime | None
    completed_at: UtcTime | None
    current_generation: int
    generations: int | None
    islands: int | None = Field(description="As asked for; 0: as many as Airflow's executor makes sensible.")
    population_size: int | None
    best_fitness: float
    speedup: float | None
    speedup_interval: Interval | None
    evaluations: int | None
    dag_id: str | None
    run_id: str | None
    error: str | None


class Trials(Page):
    trials: list[TrialRow]


class MayOfTrial(Model):
    stop: bool
    retry: bool


class BaselineFacts(Model):
    """Of the target before any change: `seconds` of one run, `noise` as a share of it."""

    tests: int | None
    sites: int | None
    seconds: float | None
    repeats: int | None
    noise: float | None
    mode: str | None
    sandbox: str | None
    environment: dict[str, Any] | None


class Trial(TrialRow):
    """`diversity_threshold` is the line below which variation is injected. `newest_event` is the number of the
    trial's last event: what a feed goes on from. `opened_islands` is how many there really are.
    """

    config: dict[str, Any]
    target: dict[str, Any] | None
    baseline: BaselineFacts | None
    opened_islands: int | None
    diversity_threshold: float
    verdicts: dict[str, int]
    result: dict[str, Any] | None
    has_patch: bool
    has_report: bool
    may: MayOfTrial
    newest_event: int
    updated_at: UtcTime


class GenerationPoint(Model):
    """One island's generation; 0 is what its sweep found. `best_cost` is of all until then, the baseline's is 1.
    `diversity` is null while the generation goes on.
    """

    island: int
    number: int
    best_fitness: float | None
    mean_fitness: float | None
    best_cost: float | None
    diversity: float | None
    diversity_before: float | None
    evaluations: int = Field(description="Candidates judged until then, over all of the island's generations.")
    injected: int
    verdicts: dict[str, int]
    at: UtcTime | None


class Generations(Model):
    """At most 200 points an island, and 2,000 in all: beyond, every `step`th generation and the last one stand for
    those between, with their verdicts summed, the least diversity, and the best of the rest.
    """

    generations: list[GenerationPoint]
    islands: int
    step: int
    diversity_threshold: float


class CandidateRow(Model):
    """A candidate as judged. `edits` are the first ten of its `edit_count`; the reason is cut at 300 characters."""

    island: int
    sequence: int
    generation: int
    verdict: str
    stage: str
    reason: str
    fitness: float
    cost: float | None
    ratios: dict[str, float | None]
    pairs: int
    seconds: float
    edits: list[str]
    edit_count: int


class Candidates(Page):
    candidates: list[CandidateRow]


class EditShown(Model):
    """One edit: its text form, what it does and why that is allowed; the rest are the parts of the text."""

    text: str
    title: str
    why: str
    label: str
    source: str | None = None
    kind: str | None = None
    path: str | None = None
    function: str | None = None


class Bin(Model):
    low: float
    high: float
    count: int


class Distribution(Model):
    """The paired measurements, ln(candidate / baseline): below 0 is a gain. `values` are at most 500, evenly chosen
    from all in order of time; quartiles and bins are of all.
    """

    count: int
    mean: float
    lowest: float
    quartiles: tuple[float, float, float]
    highest: float
    bins: list[Bin]
    values: list[float]


class Candidate(CandidateRow):
    """All of its edits, and how its measurements lie; `champion` says what became of it if it was put forward."""

    key: str
    explained: list[EditShown]
    distribution: Distribution | None
    details: dict[str, Any]
    champion: str | None


class Diff(Model):
    """A piece of a unified diff: `diff` from the byte `offset`, cut at a line; `next_offset` null at the end."""

    diff: str
    offset: int
    next_offset: int | None
    total_bytes: int
    truncated: bool


class Node(Model):
    """A candidate that won its screening; `key` is island.sequence."""

    key: str
    parents: list[str]
    edits: list[str]
    edit_count: int
    island: int
    generation: int
    sequence: int
    fitness: float
    champion: str | None


class Migration(Model):
    island: int
    generation: int
    from_island: int
    from_generation: int
    fitness: float
    edit_count: int


class ChampionRow(Model):
    island: int
    sequence: int
    generation: int
    fitness: float
    state: str
    edit_count: int


class Lineage(Model):
    """How the champion, or the best candidate so far (`of`), came together. A parent is the largest earlier winner that
    is part of a candidate: edits keep their identity, so descent is read off the genomes. `cut`: there are more.
    """

    of: str | None
    nodes: list[Node]
    migrations: list[Migration]
    champions: list[ChampionRow]
    cut: bool


class ChampionEdit(EditShown):
    """`effect` is cost without it / cost with it, above 1 is faster, with its 95 % interval; null: not measured apart.
    The diff is cut at 64 KiB.
    """

    diff: str
    diff_truncated: bool
    effect: float | None
    effect_interval: Interval | None


class ConfirmationRow(Model):
    edits: int | None
    accepted: bool
    p_value: float | None
    speedup: float | None
    speedup_interval: Interval | None
    problem: str


class MeasurementShown(Model):
    """The last measurement, which nothing was selected on: seconds of each run, and the pairs by process."""

    baseline_seconds: list[float]
    candidate_seconds: list[float]
    log_ratios: list[list[float]]


class Champion(Model):
    """`state`: none yet, refuted (none was confirmed), confirmed, validated or published."""

    state: Literal["none", "refuted", "confirmed", "validated", "published"]
    island: int | None
    sequence: int | None
    edits: list[ChampionEdit]
    speedup: float | None
    speedup_interval: Interval | None
    fitness: float | None
    confirmations: list[ConfirmationRow]
    measurement: MeasurementShown | None
    branch: str | None
    branch_in: str | None
    commit: str | None
    has_patch: bool


class TallyShown(Model):
    verdict: str
    stage: str
    count: int


class ReasonShown(Model):
    text: str
    count: int


class KindShown(Model):
    """Of the candidates that were one edit alone; `best` is the largest measured baseline cost / candidate cost."""

    kind: str
    tried: int
    won: int
    best: float | None


class Verdicts(Model):
    tallies: list[TallyShown]
    reasons: list[ReasonShown]
    kinds: list[KindShown]


class Started(Model):
    trial_id: str
    dag_id: str
    run_id: str
    status: str
    message: str


class Changed(Model):
    trial_id: str
    status: str
    message: str


class FormField(Model):
    """One field of the form, in its order; `json_schema` has type, ranges and words to choose from."""

    name: str
    title: str
    description: str
    section: str
    required: bool
    default: Any
    json_schema: dict[str, Any] = Field(serialization_alias="schema")


class Form(Model):
    fields: list[FormField]
