// Patterns: which kinds of edits paid, and where, over all trials.

import { API, get } from "./api.js";
import { h } from "./dom.js";
import { count, factor, percent } from "./format.js";
import { announce, calmly, empty, live, page, show, title } from "./page.js";
import { onDate, pager, panel, table, trialLink } from "./parts.js";

title("Patterns");

const LIMIT = 50;
const view = { q: "", won: "", sort: "impact", order: "desc", offset: 0 };
const found = h("div", {});
let built = false;

const refresh = page({
  load: () => get(`${API}/patterns`, { ...view, limit: LIMIT }),
  draw(answer) {
    if (!built) {
      built = true;
      show(h("div", { class: "head" }, h("div", {}, h("h1", {}, "Patterns"), h("p", { class: "sub" }, "Which kinds of edits paid, and where, over all trials. New trials try first what worked before."))), filters(), found);
    }
    const focused = document.activeElement?.dataset?.sort;
    found.replaceChildren(list(answer));
    if (focused) found.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
  },
});

live(["trials"], calmly(refresh, 10_000), { onBack: refresh });

function change(changes) {
  Object.assign(view, { offset: 0 }, changes);
  refresh();
}

function filters() {
  let typing = null;
  const input = (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ q: event.target.value.trim() }), 250);
  };
  return h(
    "form",
    { class: "bar", role: "search", "aria-label": "Filter patterns", on: { submit: (event) => event.preventDefault() } },
    h("label", { class: "grow" }, "Search", h("input", { type: "search", placeholder: "Kind of edit, or where", on: { input } })),
    h("label", {}, "Show", h("select", { on: { change: (event) => change({ won: event.target.value }) } }, h("option", { value: "" }, "All that were tried"), h("option", { value: "true" }, "Those that won"))),
  );
}

function list({ patterns, total }) {
  announce(`${total} patterns`);
  if (!total) {
    return panel("Patterns", { flush: true }, view.q || view.won ? empty("No pattern fits", "Nothing of this kind is known.") : empty("No patterns yet", "Every trial that ends adds what it saw of each kind of edit: how often it was tried, how often it was confirmed, and what it was worth."));
  }
  return h(
    "section",
    { class: "panel", "aria-label": "Patterns" },
    table({ label: "Patterns", columns: COLUMNS, rows: patterns, sort: { by: view.sort, order: view.order }, onSort: (sort, order) => change({ sort, order }) }),
    pager(view.offset, LIMIT, total, (offset) => change({ offset })),
  );
}

const bar = (value, words) => {
  const mark = h("i", { class: "share", "aria-hidden": "true", "width%": Math.max(1, Math.round(100 * value)) });
  return h("span", { class: "measured" }, h("span", {}, words), mark);
};

const COLUMNS = [
  { label: "Kind of edit", sort: "kind", first: "asc", class: "name", value: (one) => [h("code", {}, one.kind), one.context ? h("span", { class: "under" }, one.context) : null] },
  { label: "Tried", sort: "tries", number: true, value: (one) => count(one.tries) },
  { label: "Confirmed", sort: "confirmed_wins", number: true, value: (one) => count(one.confirmed_wins) },
  { label: "Confidence", sort: "confidence", number: true, value: (one) => bar(one.confidence, percent(one.confidence)) },
  { label: "Mean effect", sort: "effect", first: "asc", number: true, value: (one) => (typeof one.effect === "number" ? factor(Math.exp(-one.effect)) : "–") },
  { label: "First seen in", value: (one) => h("span", { class: "mono" }, trialLink({ trial_id: one.first_trial_id })) },
  { label: "Last used", sort: "last_used_at", number: true, value: (one) => onDate(one.last_used_at) },
];
