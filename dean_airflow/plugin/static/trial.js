// One trial: where it stands, what it found, and all of its search, as it happens.

import { API, ApiError, ROOT, get, post, whoami } from "./api.js";
import { h } from "./dom.js";
import { effects } from "./drawings.js";
import { count, duration, factor, fixed, interval, noun, repositoryName, seconds } from "./format.js";
import { announce, calmly, empty, live, page, say, show, title } from "./page.js";
import { airflowLink, ask, facts, figures, isFinal, onDate, panel, progress, trialPill, when } from "./parts.js";
import { Candidates } from "./trial_candidates.js";
import { championPanels } from "./trial_champion.js";
import { Search } from "./trial_search.js";
import { verdictPanel } from "./trial_verdicts.js";

const id = document.documentElement.dataset.trial;
const here = `${API}/trials/${encodeURIComponent(id)}`;
const parts = {};
let me = null;
let trial = null;
let removed = false;
let told = null; // counts as the feed tells them, once it does
const early = [];
const NEXT = {
  confirmed: "The whole test suite decides now.",
  validated: "The whole test suite passes; the branch is being made.",
  published: "Tested and published; what it taught is being recorded.",
};
const SUMMED = ["status", "outcome", "stop_reason", "attempt", "started_at", "completed_at", "current_generation", "best_fitness", "error"];

title(id);

const refresh = page({
  async load() {
    const [who, found, generations, verdicts, champion, lineage, patterns] = await Promise.all([
      whoami(),
      get(here),
      get(`${here}/generations`),
      get(`${here}/verdicts`),
      get(`${here}/champion`),
      get(`${here}/lineage`),
      get(`${here}/patterns`),
    ]);
    me = who;
    return { found, generations, verdicts, champion, lineage, patterns };
  },
  draw,
  gone,
});

/** What the feed does not tell piece by piece: verdicts by stage, and candidates as they are sorted and filtered. */
const details = calmly(async () => {
  if (removed || !parts.search) return;
  try {
    parts.verdicts.update(await get(`${here}/verdicts`));
    parts.candidates.grown();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    refresh(); // which says what is the matter, and tries again
  }
}, 4000);

live([`trial:${id}`], hear, { onBack: refresh });

/** A frame of the feed: what it adds is drawn at once, from itself. */
function hear({ type, data }) {
  if (type === "trial_removed") gone();
  else if (type === "snapshot" || type === "trial_progress") add(data, type === "snapshot");
  else if (type === "error" && data?.code === "not_found" && trial) gone();
}

function add(data, whole) {
  if (!parts.search || removed) {
    early.push([data, whole]); // the page itself is still being asked for
    return;
  }
  told ??= { evaluations: 0, verdicts: {} };
  if (whole) told = { evaluations: 0, verdicts: {} };
  told.evaluations += data.evaluations ?? 0;
  for (const [verdict, number] of Object.entries(data.verdicts ?? {})) told.verdicts[verdict] = (told.verdicts[verdict] ?? 0) + number;
  const before = trial;
  if (data.trial) trial = { ...trial, ...pick(data.trial, SUMMED) };
  parts.search.add((data.events ?? []).filter((event) => event.kind === "generation").map((event) => event.data), trial);
  drawHead();
  if (data.evaluations) details();
  const turned = trial.status !== before.status || trial.outcome !== before.outcome || trial.attempt !== before.attempt;
  if (turned || (data.events ?? []).some((event) => event.kind !== "generation")) refresh();
}

const pick = (from, names) => Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));

setInterval(() => trial && !isFinal(trial) && drawHead(), 1000);

function draw({ found, generations, verdicts, champion, lineage, patterns }) {
  const before = trial;
  trial = found;
  title(`${repositoryName(found.repository)}: ${found.status}`);
  if (!parts.head) {
    parts.head = h("div", {});
    parts.verdict = h("div", {});
    parts.champion = h("div", { class: "stacked" });
    parts.patterns = h("div", {});
    parts.facts = h("div", {});
    parts.search = new Search(generations, found);
    parts.curves = h("div", { class: "grid" }, parts.search.panels);
    parts.verdicts = verdictPanel(verdicts);
    parts.candidates = new Candidates(here, found);
    show(
      parts.head,
      parts.verdict,
      parts.champion,
      parts.curves,
      parts.verdicts.element,
      parts.candidates.element,
      parts.patterns,
      parts.facts,
    );
    document.getElementById("content").classList.add("stacked");
  } else {
    parts.search.update(generations, found);
    parts.verdicts.update(verdicts);
    parts.candidates.grown();
  }
  parts.won = champion;
  drawHead();
  const key = JSON.stringify([champion, lineage]);
  if (key !== parts.championKey) {
    parts.championKey = key;
    parts.champion.replaceChildren(...championPanels(champion, lineage));
  }
  parts.champion.hidden = !parts.champion.firstElementChild;
  // While the search goes on its curves come first; once there is a champion, it does.
  if (champion.state === "none") parts.curves.after(parts.champion);
  else parts.curves.before(parts.champion);
  parts.patterns.replaceChildren(patternPanel(patterns));
  parts.facts.replaceChildren(factPanel());
  while (early.length) add(...early.shift());
  if (before && before.status !== found.status) announce(`The trial is now ${found.status}.`);
}

function drawHead() {
  const key = JSON.stringify([trial.status, trial.outcome, trial.may, trial.has_patch, trial.has_report, trial.repository]);
  if (key !== parts.headKey) {
    parts.headKey = key;
    parts.head.replaceChildren(heading());
  }
  parts.verdict.replaceChildren(verdict(), numbers());
}

function heading() {
  const run = trial.dag_id && trial.run_id ? airflowLink(`/dags/${encodeURIComponent(trial.dag_id)}/runs/${encodeURIComponent(trial.run_id)}`, "Run in Airflow") : null;
  const target = trial.target ?? {};
  const commit = target.commit ? h("code", {}, String(target.commit).slice(0, 12)) : null;
  const tools = [];
  if (trial.may.stop && !isFinal(trial)) tools.push(h("button", { type: "button", class: "danger", id: "stop", on: { click: stop } }, "Stop"));
  if (trial.may.retry && ["failed", "cancelled"].includes(trial.status)) tools.push(h("button", { type: "button", id: "retry", on: { click: retry } }, "Retry"));
  if (trial.has_patch) tools.push(h("a", { class: "button", href: `${here}/patch`, download: `${id}.patch` }, "Download patch"));
  if (trial.has_report) tools.push(h("a", { class: "button", href: `${ROOT}/trials/${encodeURIComponent(id)}/report` }, "Report"));
  return h(
    "div",
    { class: "head" },
    h(
      "div",
      {},
      h("h1", {}, repositoryName(trial.repository)),
      h("p", { class: "sub" }, trialPill(trial), h("span", { class: "mono" }, id), trial.ref ? h("span", {}, trial.ref) : null, commit, h("span", {}, "started ", when(trial.started_at ?? trial.created_at)), run),
    ),
    h("div", { class: "actions" }, tools),
  );
}

function verdict() {
  if (trial.status === "completed" && trial.outcome === "improved") {
    const drawn = effects([{ label: "", effect: trial.speedup, interval: trial.speedup_interval, sure: true }], "Speed-up of the champion with its 95 % interval");
    return band("good", `${factor(trial.speedup)} as fast`, `The 95 % interval is ${interval(trial.speedup_interval)}, measured afresh on inputs that nothing was selected on.`, drawn);
  }
  if (trial.status === "completed") return band("idle", "No improvement", "Nothing was found that is faster beyond doubt, so nothing is claimed and no branch was made.");
  if (trial.status === "failed") return band("bad", "Failed", trial.error || "Its log in Airflow says why.");
  if (trial.status === "cancelled") return band("idle", "Stopped", trial.error || "The trial was stopped before it ended; no branch was made.");
  if (!parts.search?.points.length) {
    const words = trial.status === "pending" ? "It waits for Airflow to start its first task." : "The target is installed, tested and measured; the first candidates follow.";
    return band("busy", trial.status === "pending" ? "Waiting" : "Preparing", words, limits());
  }
  const next = NEXT[parts.won?.state];
  if (next) {
    const { speedup, speedup_interval: range } = parts.won.confirmations.findLast((one) => one.accepted) ?? {};
    return band("good", `${factor(speedup)} as fast`, `Confirmed by fresh measurements, 95 % interval ${interval(range)}. ${next}`, effects([{ label: "", effect: speedup, interval: range, sure: true }], "Speed-up of the champion with its 95 % interval"));
  }
  const best = parts.search.best();
  const words = best > 0 ? "The best candidate so far, as it looked in the search. Fresh measurements decide in the end." : "No candidate has looked faster yet.";
  return band("busy", best > 0 ? `${fixed(best)} fitness` : "Searching", words, limits());
}

function band(kind, big, words, drawn = null) {
  return h("section", { class: "panel verdict", "data-kind": kind, "aria-label": "Verdict" }, h("div", {}, h("p", { class: "big" }, big), h("p", { class: "say" }, words)), drawn ? h("div", { class: "drawn" }, drawn) : null);
}

/** How far the trial is towards each of its limits; whichever is reached first ends the search. */
function limits() {
  const config = trial.config ?? {};
  const spent = trial.started_at ? seconds(trial.started_at) : 0;
  const allowed = 60 * (config.max_runtime_minutes ?? 0);
  const judged = told?.evaluations ?? parts.search?.judged() ?? 0;
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

function numbers() {
  const search = parts.search;
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

function patternPanel({ patterns }) {
  const body = patterns.length
    ? h(
        "ul",
        { class: "list alerts" },
        patterns.slice(0, 30).map((one) =>
          h(
            "li",
            {},
            h("span", {}, h("code", {}, one.kind), one.context ? h("span", { class: "soft small" }, ` ${one.context}`) : null),
            h("span", { class: "number small" }, `${noun(one.tried ?? one.tries, "try", "tries")}, ${count(one.confirmed ?? one.confirmed_wins)} confirmed`),
          ),
        ),
      )
    : empty("No patterns from this trial", isFinal(trial) ? "It added nothing to what is known of which edits work." : "They are recorded when the trial ends.");
  return panel("Patterns", { flush: true, note: patterns.length ? "what it added to what is known of edits" : null, tools: h("a", { class: "small", href: `${ROOT}/dashboard/patterns` }, "All patterns") }, body);
}

function factPanel() {
  const { baseline, config, target, result } = trial;
  const params = Object.entries(config ?? {}).filter(([, value]) => value !== "" && value !== null && !(Array.isArray(value) && value.length === 0));
  return panel(
    "Target and params",
    {},
    facts([
      ["Repository", h("span", { class: "mono" }, trial.repository)],
      ["Folder", target?.subfolder],
      ["Tests that pass", typeof baseline?.tests === "number" ? count(baseline.tests) : null],
      ["One run", typeof baseline?.seconds === "number" ? duration(baseline.seconds) : null],
      ["Noise", typeof baseline?.noise === "number" ? `${(100 * baseline.noise).toFixed(1)} %` : null],
      ["Judged in", baseline?.mode ? `${baseline.mode} processes` : null],
      ["Sandbox", baseline?.sandbox],
      ["Stop reason", trial.stop_reason],
      ["Branch", result?.branch],
      ["Created", onDate(trial.created_at)],
      ["Ended", trial.completed_at ? onDate(trial.completed_at) : null],
    ]),
    h("details", {}, h("summary", {}, `Params (${params.length})`), facts(params.map(([name, value]) => [name, h("code", {}, typeof value === "string" ? value : JSON.stringify(value))]))),
  );
}

async function stop() {
  const sure = await ask({ heading: `Stop the trial of ${repositoryName(trial.repository)}?`, words: "What was judged is kept, no branch is made. It can be retried later and goes on from there.", button: "Stop the trial", danger: true });
  if (sure) await act("stop", "The trial is being stopped.");
}

async function retry() {
  const sure = await ask({ heading: `Retry the trial of ${repositoryName(trial.repository)}?`, words: "Its run in Airflow is cleared. What was judged before is not judged again.", button: "Retry" });
  if (sure) await act("retry", "The trial goes on.");
}

async function act(what, words) {
  try {
    await post(`${here}/${what}`);
    say("");
    announce(words);
    refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message, "bad");
  }
}

function gone() {
  removed = true;
  const words = trial ? "It was deleted while you watched. What you see is the last of it." : `There is no trial ${id} here, or it is not yours to see.`;
  if (trial) {
    say(words, "bad", h("a", { href: `${ROOT}/dashboard/trials` }, "All trials"));
    document.getElementById("content").classList.add("stale");
    for (const button of document.querySelectorAll(".head .actions > *")) button.remove();
    return;
  }
  show(empty("No such trial", words, h("div", { class: "actions" }, h("a", { class: "button", href: `${ROOT}/dashboard/trials` }, "All trials"))));
}
