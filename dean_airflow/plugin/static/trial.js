// One trial: where it stands, what it found, and all of its search, as it happens.

import { API, ApiError, ROOT, get, post, whoami } from "./api.js";
import { h } from "./dom.js";
import { repositoryName } from "./format.js";
import { announce, calmly, empty, live, page, say, show, title } from "./page.js";
import { airflowLink, ask, isFinal, trialPill, when } from "./parts.js";
import { Candidates } from "./trial_candidates.js";
import { championPanels } from "./trial_champion.js";
import { factPanel, patternPanel } from "./trial_facts.js";
import { Search } from "./trial_search.js";
import { numbers, verdict } from "./trial_verdict.js";
import { verdictPanel } from "./trial_verdicts.js";

const id = document.documentElement.dataset.trial;
const here = `${API}/trials/${encodeURIComponent(id)}`;
const parts = {};
let me = null;
let trial = null;
let removed = false;
let told = null; // counts as the feed tells them, once it does
const early = [];
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
  parts.search.migrations = lineage.migrations;
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
  parts.patterns.replaceChildren(patternPanel(patterns, found));
  parts.facts.replaceChildren(factPanel(found));
  while (early.length) add(...early.shift());
  if (before && before.status !== found.status) announce(`The trial is now ${found.status}.`);
}

function drawHead() {
  const key = JSON.stringify([trial.status, trial.outcome, trial.may, trial.has_patch, trial.has_report, trial.repository]);
  if (key !== parts.headKey) {
    parts.headKey = key;
    parts.head.replaceChildren(heading());
  }
  const seen = { trial, search: parts.search, told, champion: parts.won };
  parts.verdict.replaceChildren(verdict(seen), numbers(seen));
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
