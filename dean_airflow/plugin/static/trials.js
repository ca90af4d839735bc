// Every trial: filtered, sorted, a page at a time. What is chosen stands in the address, so that it can be passed on.

import { API, ROOT, get, whoami } from "./api.js";
import { h } from "./dom.js";
import { count, duration, fixed, repositoryName, seconds } from "./format.js";
import { announce, calmly, empty, live, page, show, title } from "./page.js";
import { isFinal, onDate, pager, panel, speedup, table, trialLink, trialPill } from "./parts.js";

title("Trials");

const LIMIT = 50;
const STATES = [
  ["", "All"],
  ["running", "Under way"],
  ["improved", "Improved"],
  ["no_improvement", "No improvement"],
  ["failed", "Failed"],
  ["cancelled", "Stopped"],
];
const UNDER_WAY = ["pending", "initializing", "running", "monitoring"];

const asked = new URLSearchParams(location.search);
const view = {
  q: asked.get("q") ?? "",
  state: STATES.some(([name]) => name === asked.get("state")) ? asked.get("state") : "",
  sort: asked.get("sort") ?? "created_at",
  order: asked.get("order") === "asc" ? "asc" : "desc",
  offset: Math.max(0, Number.parseInt(asked.get("offset") ?? "0", 10) || 0),
};
let bar = null;

const refresh = page({
  async load() {
    const [found, me] = await Promise.all([get(`${API}/trials`, query()), whoami()]);
    return { found, me };
  },
  draw({ found, me }) {
    bar ??= filters();
    const focused = document.activeElement?.dataset?.sort;
    if (bar.isConnected) document.getElementById("found").replaceChildren(...list(found));
    else show(heading(me), bar, h("div", { id: "found" }, list(found)));
    if (focused) document.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
  },
});

live(["trials"], calmly(refresh, 2500), { onBack: refresh });

function query() {
  const byState = view.state === "running" ? { status: UNDER_WAY } : ["failed", "cancelled"].includes(view.state) ? { status: view.state } : { outcome: view.state };
  return { ...byState, q: view.q, sort: view.sort, order: view.order, limit: LIMIT, offset: view.offset };
}

function change(changes) {
  Object.assign(view, { offset: 0 }, changes);
  const search = new URLSearchParams(Object.entries(view).filter(([name, value]) => value && !(name === "sort" && value === "created_at") && !(name === "order" && value === "desc")));
  history.replaceState(null, "", `${location.pathname}${search.size ? `?${search}` : ""}`);
  refresh();
}

function heading(me) {
  return h(
    "div",
    { class: "head" },
    h("div", {}, h("h1", {}, "Trials")),
    h("div", { class: "actions" }, me.may.start_trial ? h("a", { class: "button main", href: `${ROOT}/dashboard/trials/new` }, "Start a trial") : null),
  );
}

function filters() {
  let typing = null;
  const search = h("input", {
    type: "search",
    name: "q",
    value: view.q,
    placeholder: "Repository or trial id",
    on: {
      input: (event) => {
        clearTimeout(typing);
        typing = setTimeout(() => change({ q: event.target.value.trim() }), 250);
      },
    },
  });
  const state = h("select", { name: "state", on: { change: (event) => change({ state: event.target.value }) } }, STATES.map(([name, label]) => h("option", { value: name, selected: name === view.state }, label)));
  return h("form", { class: "bar", role: "search", "aria-label": "Filter trials", on: { submit: (event) => event.preventDefault() } }, h("label", { class: "grow" }, "Search", search), h("label", {}, "State", state));
}

function list(found) {
  announce(`${found.total} trials`);
  if (found.total === 0) {
    const filtered = view.q || view.state;
    return [
      panel(
        "Trials",
        { flush: true },
        filtered
          ? empty("No trial fits", "None has this state and this text in its repository or id.")
          : empty("There are no trials yet", "Each trial that was started is listed here, with what came of it."),
      ),
    ];
  }
  const rows = table({
    label: "Trials",
    columns: COLUMNS,
    rows: found.trials,
    sort: { by: view.sort, order: view.order },
    onSort: (sort, order) => change({ sort, order }),
  });
  return [h("section", { class: "panel", "aria-label": "Trials" }, rows, pager(view.offset, LIMIT, found.total, (offset) => change({ offset })))];
}

const COLUMNS = [
  {
    label: "Repository",
    sort: "repository",
    first: "asc",
    class: "name",
    value: (trial) => [trialLink(trial, repositoryName(trial.repository)), h("span", { class: "under mono" }, trial.trial_id)],
  },
  { label: "State", sort: "status", first: "asc", value: trialPill },
  { label: "Speed-up", sort: "speedup", number: true, value: speedup },
  { label: "Best fitness", sort: "fitness", number: true, value: (trial) => fixed(trial.best_fitness) },
  { label: "Generation", number: true, value: (trial) => [count(trial.current_generation), h("span", { class: "soft" }, ` / ${count(trial.generations)}`)] },
  { label: "Took", sort: "duration", number: true, value: (trial) => duration(trial.started_at ? seconds(trial.started_at, isFinal(trial) ? trial.completed_at : null) : null) },
  { label: "Started", sort: "created_at", number: true, value: (trial) => onDate(trial.started_at ?? trial.created_at) },
];
