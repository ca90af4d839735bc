// Where a trial stands, in one look: its verdict or how far it is, and its numbers.

import { h } from "./dom.js";
import { effects } from "./drawings.js";
import { count, duration, factor, fixed, interval, seconds } from "./format.js";
import { figures, isFinal, progress } from "./parts.js";

const NEXT = {
  confirmed: "The whole test suite decides now.",
  validated: "The whole test suite passes; the branch is being made.",
  published: "Tested and published; what it taught is being recorded.",
};

/** Where the trial stands. `seen`: {trial, search (its curves), told (counts of the feed), champion}. */
export function verdict(seen) {
  const { trial, search, champion } = seen;
  if (trial.status === "completed" && trial.outcome === "improved") {
    const drawn = effects([{ label: "", effect: trial.speedup, interval: trial.speedup_interval, sure: true }], "Speed-up of the champion with its 95 % interval");
    return band("good", `${factor(trial.speedup)} as fast`, `The 95 % interval is ${interval(trial.speedup_interval)}, measured afresh on inputs that nothing was selected on.`, drawn);
  }
  if (trial.status === "completed") return band("idle", "No improvement", "Nothing was found that is faster beyond doubt, so nothing is claimed and no branch was made.");
  if (trial.status === "failed") return band("bad", "Failed", trial.error || "Its log in Airflow says why.");
  if (trial.status === "cancelled") return band("idle", "Stopped", trial.error || "The trial was stopped before it ended; no branch was made.");
  if (!search?.points.length) {
    const words = trial.status === "pending" ? "It waits for Airflow to start its first task." : "The target is installed, tested and measured; the first candidates follow.";
    return band("busy", trial.status === "pending" ? "Waiting" : "Preparing", words, limits(seen));
  }
  const next = NEXT[champion?.state];
  if (next) {
    const { speedup, speedup_interval: range } = champion.confirmations.findLast((one) => one.accepted) ?? {};
    return band("good", `${factor(speedup)} as fast`, `Confirmed by fresh measurements, 95 % interval ${interval(range)}. ${next}`, effects([{ label: "", effect: speedup, interval: range, sure: true }], "Speed-up of the champion with its 95 % interval"));
  }
  const best = search.best();
  const words = best > 0 ? "The best candidate so far, as it looked in the search. Fresh measurements decide in the end." : "No candidate has looked faster yet.";
  return band("busy", best > 0 ? `${fixed(best)} fitness` : "Searching", words, limits(seen));
}

function band(kind, big, words, drawn = null) {
  return h("section", { class: "panel verdict", "data-kind": kind, "aria-label": "Verdict" }, h("div", {}, h("p", { class: "big" }, big), h("p", { class: "say" }, words)), drawn ? h("div", { class: "drawn" }, drawn) : null);
}

/** How far the trial is towards each of its limits; whichever is reached first ends the search. */
function limits({ trial, search, told }) {
  const config = trial.config ?? {};
  const spent = trial.started_at ? seconds(trial.started_at) : 0;
  const allowed = 60 * (config.max_runtime_minutes ?? 0);
  const judged = told?.evaluations ?? search?.judged() ?? 0;
  const rows = [
    ["Generations", trial.current_generation, trial.generations, count],
    ["Candidates", judged, config.max_evaluations, count],
    ["Time", Math.min(spent, allowed || spent), allowed, duration],
  ].filter(([, , most]) => most);
  return h(
    "div",
    { class: "limits" },
    rows.map(([name, value, most, write]) => h("div", {}, h("span", {}, name), progress(value / most, `${name} of their limit`), h("span", {}, `${write(value)} of ${write(most)}`))),
  );
}

export function numbers({ trial, search, told }) {
  const judged = told?.evaluations ?? trial.evaluations ?? search?.judged() ?? 0;
  const won = (told?.verdicts ?? trial.verdicts)?.win ?? 0;
  const spent = trial.started_at ? seconds(trial.started_at, isFinal(trial) ? trial.completed_at : null) : null;
  const diversity = search?.newestDiversity();
  const tokens = trial.result?.tokens_used ?? trial.result?.tokens;
  const healthy = typeof diversity !== "number" ? "" : diversity >= trial.diversity_threshold ? `above its line of ${trial.diversity_threshold}` : `below its line of ${trial.diversity_threshold}`;
  return figures(
    [
      ["Best fitness", fixed(isFinal(trial) && trial.outcome !== "improved" ? (search?.best() ?? trial.best_fitness) : trial.best_fitness), "1 − cost, in the search"],
      ["Candidates judged", count(judged), spent && judged ? `${(judged / spent).toFixed(1)} a second` : ""],
      ["Looked faster", count(won), judged ? `${((100 * won) / judged).toFixed(1)} % of all` : ""],
      ["Diversity", fixed(diversity, 2), healthy],
      [isFinal(trial) ? "Took" : "Running for", spent === null ? "–" : duration(spent), trial.attempt > 1 ? `attempt ${trial.attempt}` : ""],
      typeof tokens === "number" && tokens > 0 ? ["Tokens", count(tokens), "of a language model"] : ["Tokens", "none", "no language model was asked", true],
    ],
    "In numbers",
  );
}
