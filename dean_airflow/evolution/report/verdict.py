"""The report in words: what the trial found, how sure that is, and what nobody checked."""

from __future__ import annotations

from dataclasses import dataclass

from dean_airflow.evolution.report.data import ReportData

STOP_REASONS = {
    "fitness": "the fitness threshold was reached",
    "generations": "the last generation was done",
    "evaluations": "the evaluations were used up",
    "runtime": "the time was used up",
    "converged": "the population had converged",
    "cancelled": "it was stopped",
    "error": "of an error",
}


@dataclass(frozen=True)
class Verdict:
    """Headline of the page; `kind` is its colour: `good`, `neutral` or `bad`."""

    kind: str
    headline: str
    summary: tuple[str, ...]
    """Sentences."""


def verdict(data: ReportData) -> Verdict:
    """What came of the trial, in the words of its own figures."""
    status, outcome = data.result.get("status"), data.result.get("outcome")
    if status == "completed" and outcome == "improved":
        return Verdict("good", f"{data.result['speedup']:.2f}× as fast", _improved(data))
    if status == "completed":
        return Verdict("neutral", "No improvement", _not_improved(data))
    if status == "cancelled":
        return Verdict(
            "neutral", "Stopped", ("The trial was stopped before it ended; no branch was made.", *_search(data))
        )
    errors = data.errors or ("The trial failed; its log says why.",)
    return Verdict("bad", "Failed", (*errors, *_search(data)))


def unchecked(data: ReportData) -> tuple[str, ...]:
    """What a reader should not take the report to say; each a sentence."""
    found = list(data.target.get("notes", ()))
    skipped = data.baseline.get("skipped", ())
    if skipped:
        found.append(f"{_count(len(skipped), 'test')} did not run (skipped or deselected), listed below.")
    if data.settings and not data.baseline.get("tests"):
        found.append("The target has no tests: only the benchmark's output was compared.")
    found += data.settings.get("skipped_files", ())
    behavioural = sum(edit.label == "behavioural" for edit in data.edits)
    if behavioural:
        found.append(
            f"{_count(behavioural, 'edit')} may change behaviour that neither the tests nor the recorded inputs reach; "
            "read them with care."
        )
    unsure = len(data.edits) - _needed(data)
    if unsure and len(data.edits) > 1:
        found.append(
            f"What {_count(unsure, 'edit')} of the {len(data.edits)} {'is' if unsure == 1 else 'are'} worth alone was "
            "not told from nothing; the gain was confirmed for all of them together."
        )
    if data.sandbox == "basic":
        found.append("The sandbox level was `basic`, which contains less than `full`; the documentation lists what.")
    if data.sandbox == "off":
        found.append("The sandbox was off: the target's code ran with all rights of the worker.")
    if data.settings:
        found.append("Speed was measured on the benchmark named here and on this machine, and nowhere else.")
    return tuple(found)


def seconds_text(seconds: float | None) -> str:
    """A duration with three digits in a unit that suits it."""
    if seconds is None:
        return "–"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if seconds < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 60:.3g} min"


def _improved(data: ReportData) -> tuple[str, ...]:
    result = data.result
    sentences = []
    interval = result.get("speedup_interval")
    if interval:
        sentences.append(f"The 95 % interval of the speed-up is {interval[0]:.2f}× to {interval[1]:.2f}×.")
    edits, needed = len(result.get("champion_edits") or data.edits), _needed(data)
    makes = "makes" if edits == 1 else "make"
    alone = ", and none of them can be left out" if edits > 1 and needed == edits else ""
    sentences.append(f"{_count(edits, 'edit')} {makes} the difference{alone}.")
    tests = len(data.baseline.get("tests", ()))
    if tests:
        sentences.append(f"All {_count(tests, 'test')} that passed before pass with them.")
    if data.measurement:
        pairs = sum(len(ratios) for ratios in data.measurement.log_ratios)
        sentences.append(
            f"Measured afresh on {_count(pairs, 'interleaved pair')} in {len(data.measurement.log_ratios)} pairs of "
            "new processes, on inputs that nothing was selected on."
        )
    return tuple(sentences)


def _needed(data: ReportData) -> int:
    """Edits without which the champion is slower, by the whole 95 % interval of their effect."""
    return sum(edit.effect_interval is not None and edit.effect_interval[0] > 1.0 for edit in data.edits)


def _not_improved(data: ReportData) -> tuple[str, ...]:
    sentences = ["Nothing was found that is faster beyond doubt, so nothing is claimed and no branch was made."]
    sentences += _search(data)
    won = sum(tally.count for tally in data.tallies if tally.verdict == "win")
    faced = len(data.confirmations)
    if won:
        sentences.append(f"{_count(won, 'candidate')} looked faster in the first test.")
    if faced:
        sentences.append(
            f"{_count(faced, 'champion')} faced a fresh measurement, and {'it' if faced == 1 else 'they'} did not hold."
        )
    elif won:
        sentences.append("None of them passed the whole test suite.")
    return tuple(sentences)


def _search(data: ReportData) -> tuple[str, ...]:
    evaluations = data.result.get("evaluations") or 0
    if not evaluations:
        return ("No candidate was judged.",)
    kinds = len(data.kinds)
    tried = f", {kinds} kinds of edits among them" if kinds else ""
    reason = STOP_REASONS.get(str(data.result.get("stop_reason")), "")
    ended = f"; the search ended because {reason}" if reason and data.result.get("status") == "completed" else ""
    return (f"{_count(evaluations, 'candidate')} {'was' if evaluations == 1 else 'were'} judged{tried}{ended}.",)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
