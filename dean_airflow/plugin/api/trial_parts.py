"""The parts of one trial: its curves, candidates, lineage, champion, verdicts and patterns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from dean_airflow.evolution.judge.evaluation import Verdict
from dean_airflow.evolution.report.tallies import Counted, kinds
from dean_airflow.evolution.trial_config import TrialConfig
from dean_airflow.plugin.api.answers import candidate_fields, candidate_row, distribution, edit_shown, finite
from dean_airflow.plugin.api.artifacts import patch_of
from dean_airflow.plugin.api.champion import champion_of
from dean_airflow.plugin.api.common import Limit, Offset, answers, download, failures
from dean_airflow.plugin.api.diffs import Diffs, cut
from dean_airflow.plugin.api.generations import generations_of
from dean_airflow.plugin.api.lineage import MIGRATIONS_AT_MOST, WINNERS_AT_MOST, lineage_of
from dean_airflow.plugin.api.models import (
    Candidate,
    Candidates,
    Champion,
    Diff,
    Generations,
    KindShown,
    Lineage,
    ReasonShown,
    TallyShown,
    Verdicts,
)
from dean_airflow.plugin.api.patterns import PatternsOfTrial, pattern_in_trial
from dean_airflow.plugin.api.trials import Visible, threshold_of
from dean_airflow.plugin.permissions import stored_of
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.candidates import CandidateFilter, CandidateOrder
from dean_airflow.store.store import Store
from dean_airflow.store.trials import Trial as StoredTrial

router = APIRouter(prefix="/trials/{trial_id}", tags=["trials"])

MOST_KINDS = 200
DETAILS_AT_MOST = 64 * 1024

Island = Annotated[int, Path(ge=0, le=2**31 - 1)]
Sequence = Annotated[int, Path(ge=0, le=2**31 - 1)]


@router.get("/generations", responses=failures(404))
async def generations(request: Request, trial: Visible) -> Generations:
    """The trial's curves, by island and generation, those that still go on included."""
    events, tallies = await stored_of(request)(
        lambda store: (store.candidates.generations(trial.id), store.candidates.tallies(trial.id))
    )
    return generations_of(events, tallies, threshold_of(trial))


@router.get("/candidates", responses=failures(404))
async def candidates(
    request: Request,
    trial: Visible,
    island: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    generation: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    verdict: Verdict | None = None,
    sort: CandidateOrder = "fitness",
    order: Literal["asc", "desc"] = "desc",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Candidates:
    """The candidates judged, the fittest first unless asked otherwise."""
    wanted = CandidateFilter(island, generation, verdict)
    found, total = await stored_of(request)(
        lambda store: store.candidates.page(
            trial.id, wanted, order=sort, descending=order == "desc", limit=limit, offset=offset
        )
    )
    rows = [candidate_row(number, one) for number, one in found]
    return Candidates(candidates=rows, total=total, limit=limit, offset=offset)


@router.get("/candidates/{island}/{sequence}", responses=failures(404))
async def candidate(request: Request, trial: Visible, island: Island, sequence: Sequence) -> Candidate:
    """One candidate with its edits in words and the distribution of its measurements."""

    def read(store: Store) -> Candidate | None:
        found = store.candidates.get(trial.id, island, sequence)
        if found is None:
            return None
        states = {(one.island, one.sequence): one.state for one in store.champions.list(trial.id)}
        one = found.evaluation
        return Candidate(
            **candidate_fields(island, found) | {"reason": one.reason[:DETAILS_AT_MOST]},
            key=one.key,
            explained=[edit_shown(text) for text in one.genome],
            distribution=distribution(one.log_ratios),
            details=_small(one.details),
            champion=states.get((island, sequence)),
        )

    found = await stored_of(request)(read)
    if found is None:
        raise ApiError(404, f"Trial {trial.id} has no candidate {sequence} of island {island}.")
    return found


@router.get("/candidates/{island}/{sequence}/diff", responses=failures(404, 409))
async def candidate_diff(
    request: Request,
    trial: Visible,
    island: Island,
    sequence: Sequence,
    offset: Annotated[int, Query(ge=0, le=2**40)] = 0,
) -> Diff:
    """What a candidate changes: 256 KiB of the unified diff at most, from the byte `offset`."""
    return cut(await _diff(request, trial, island, sequence), offset)


@router.get("/candidates/{island}/{sequence}/patch", responses=failures(404, 409) | answers("text/x-patch"))
async def candidate_patch(request: Request, trial: Visible, island: Island, sequence: Sequence) -> Response:
    """The whole of that diff, as a file."""
    content = await _diff(request, trial, island, sequence)
    return download(content, f"{trial.id}-{island}-{sequence}.patch", "text/x-patch")


@router.get("/verdicts", responses=failures(404))
async def verdicts(request: Request, trial: Visible) -> Verdicts:
    """How candidates fared: verdicts by stage, why some were invalid, what each kind of edit gave alone."""
    stages, reasons, singles = await stored_of(request)(
        lambda store: (
            store.candidates.stages(trial.id),
            store.candidates.reasons(trial.id),
            store.candidates.singles(trial.id),
        )
    )
    counted = Counted()
    for one in singles:
        counted.add_kind(one.edit, one.tried, one.won, one.least_cost)
    return Verdicts(
        tallies=[TallyShown(verdict=verdict, stage=stage, count=count) for verdict, stage, count in stages],
        reasons=[ReasonShown(text=text[:1000], count=count) for text, count in reasons],
        kinds=[
            KindShown(kind=one.kind, tried=one.tried, won=one.won, best=finite(one.best))
            for one in kinds(counted)[:MOST_KINDS]
        ],
    )


@router.get("/lineage", responses=failures(404))
async def lineage(request: Request, trial: Visible) -> Lineage:
    """How the champion came together, at most 30 candidates, and what islands took of one another."""
    document, winners, taken, champions = await stored_of(request)(
        lambda store: (
            store.documents.get(trial.id, "champion"),
            store.candidates.winners(trial.id, WINNERS_AT_MOST),
            store.candidates.taken(trial.id, MIGRATIONS_AT_MOST + 1),
            store.champions.list(trial.id),
        )
    )
    return lineage_of(document, winners, taken, champions)


@router.get("/champion", responses=failures(404))
async def champion(request: Request, trial: Visible) -> Champion:
    """The champion's edits with what each is worth, and the measurements behind that."""
    documents = await stored_of(request)(
        lambda store: {name: store.documents.get(trial.id, name) for name in ("champion", "validated", "published")}
    )
    return champion_of(documents, bool((documents["published"] or {}).get("patch")))


@router.get("/patch", responses=failures(404) | answers("text/x-patch"))
async def patch(request: Request, trial: Visible) -> Response:
    """The champion's patch, as a file."""
    stored = stored_of(request)
    settings = await stored.settings()
    content = await stored.threads(patch_of, settings, trial.id)
    if content is None:
        raise ApiError(404, f"Trial {trial.id} has no patch: it found no improvement, or has not ended yet.")
    return download(content, f"{trial.id}.patch", "text/x-patch")


@router.get("/patterns", responses=failures(404))
async def patterns(request: Request, trial: Visible) -> PatternsOfTrial:
    """What the trial saw of each kind of edit, those that won first."""
    found = await stored_of(request)(lambda store: store.trial_pages.patterns(trial.id))
    return PatternsOfTrial(patterns=[pattern_in_trial(one) for one in found], total=len(found))


async def _diff(request: Request, trial: StoredTrial, island: int, sequence: int) -> bytes:
    stored = stored_of(request)
    found = await stored(lambda store: store.candidates.get(trial.id, island, sequence))
    if found is None:
        raise ApiError(404, f"Trial {trial.id} has no candidate {sequence} of island {island}.")
    settings = await stored.settings()
    sources = trial.config.get("edit_sources") or TrialConfig.model_fields["edit_sources"].default
    genome = found.evaluation.genome
    diffs: Diffs = request.app.state.diffs
    return await diffs.get(settings, trial.id, genome, sources)


def _small(details: dict[str, Any]) -> dict[str, Any]:
    """Without the entries that are too large for a page."""
    return {name: value for name, value in details.items() if len(str(value)) <= DETAILS_AT_MOST}
