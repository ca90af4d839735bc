// Parts that several pages are made of.

import { ROOT } from "./api.js";
import { fill, h, s } from "./dom.js";
import { NOTHING, ago, count, date, factor, interval, repositoryName } from "./format.js";

export function panel(heading, { note, wide, flush, id, tools } = {}, ...children) {
  const name = id ?? `p-${heading.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h(
    "section",
    { class: `panel${wide ? " wide" : ""}`, "aria-labelledby": `${name}-h`, id: name },
    h("header", {}, h("h2", { id: `${name}-h` }, heading), note ? h("p", {}, note) : null, tools ?? null),
    h("div", { class: `body${flush ? " flush" : ""}` }, ...children),
  );
}

/** Rows of [name, value, under?, isWords?]. */
export function figures(rows, label) {
  return h(
    "dl",
    { class: "figures", "aria-label": label },
    rows.map(([name, value, under, words]) =>
      h("div", {}, h("dt", {}, name), h("dd", { class: words ? "words" : "" }, value), under ? h("dd", { class: "under" }, under) : null),
    ),
  );
}

/** A text of ours or of a docstring: what stands between backticks is code. */
export function prose(text) {
  return String(text)
    .split("`")
    .map((piece, place) => (place % 2 ? h("code", {}, piece) : piece));
}

export function facts(rows) {
  return h(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

export function pill(text, kind = "idle") {
  return h("span", { class: "pill", "data-kind": kind }, h("i", { "aria-hidden": "true" }), text);
}

const TRIAL_WORDS = {
  pending: ["Waiting", "idle"],
  initializing: ["Preparing", "busy"],
  running: ["Running", "busy"],
  monitoring: ["Running", "busy"],
  failed: ["Failed", "bad"],
  cancelled: ["Stopped", "idle"],
};
const FINAL = new Set(["completed", "failed", "cancelled"]);

export const isFinal = (trial) => FINAL.has(trial.status);

export function trialPill(trial) {
  if (trial.status === "completed") {
    return trial.outcome === "improved" ? pill("Improved", "good") : pill("No improvement", "idle");
  }
  const [word, kind] = TRIAL_WORDS[trial.status] ?? [trial.status, "idle"];
  return pill(word, kind);
}

const HEALTH = { up: "good", healthy: "good", degraded: "warn", down: "bad", unhealthy: "bad", unknown: "idle" };
export const healthPill = (status) => pill(status ?? "unknown", HEALTH[status] ?? "idle");

const SEVERITY = { critical: "bad", error: "bad", warning: "warn", info: "busy" };

/** What an alert is just now, its severity while it fires. */
export function alertPill(alert) {
  if (alert.muted_by) return pill("silenced", "idle");
  return alert.state === "firing" ? pill(alert.severity || "firing", SEVERITY[alert.severity] ?? "warn") : pill(alert.state, "idle");
}

export function trialLink(trial, text = null) {
  return h(
    "a",
    { href: `${ROOT}/dashboard/trials/${encodeURIComponent(trial.trial_id)}`, title: trial.repository ?? "" },
    text ?? (trial.repository ? repositoryName(trial.repository) : trial.trial_id),
  );
}

export function when(text) {
  return text ? h("time", { datetime: text, title: new Date(text).toLocaleString("en-GB") }, ago(text)) : NOTHING;
}

export function onDate(text) {
  return text ? h("time", { datetime: text, title: ago(text) }, date(text)) : NOTHING;
}

export function speedup(trial) {
  if (typeof trial.speedup !== "number") return NOTHING;
  return h("span", { title: trial.speedup_interval ? `95 % interval ${interval(trial.speedup_interval)}` : "" }, factor(trial.speedup));
}

/**
 * A table. `columns`: {name, label, value(row), number?, sort?, class?}. `sort` {by, order} is what is in force, and
 * `onSort(by, order)` asks for another.
 */
export function table({ columns, rows, label, sort, onSort, cards = true }) {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: cards ? "cards" : "", "aria-label": label },
      h("thead", {}, h("tr", {}, columns.map((column) => heading(column, sort, onSort)))),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            columns.map((column) =>
              h("td", { class: [column.number ? "number" : "", column.class ?? ""].join(" ").trim(), "data-label": column.class?.includes("name") ? null : column.label }, column.value(row)),
            ),
          ),
        ),
      ),
    ),
  );
}

function heading(column, sort, onSort) {
  const kind = column.number ? "number" : "";
  if (!column.sort || !onSort) return h("th", { scope: "col", class: kind }, column.label);
  const mine = sort?.by === column.sort;
  const order = mine ? sort.order : null;
  const next = mine ? (order === "desc" ? "asc" : "desc") : (column.first ?? "desc");
  return h(
    "th",
    { scope: "col", class: kind, "aria-sort": mine ? (order === "desc" ? "descending" : "ascending") : null },
    h("button", { type: "button", "data-sort": column.sort, on: { click: () => onSort(column.sort, next) } }, column.label, mine ? arrow(order) : null),
  );
}

function arrow(order) {
  const d = order === "desc" ? "M1 4 L5 10 L9 4 Z" : "M1 9 L5 3 L9 9 Z";
  return s("svg", { viewBox: "0 0 10 13", "aria-hidden": "true" }, s("path", { d }));
}

export function pager(offset, limit, total, onTurn) {
  if (total <= limit && offset === 0) return null;
  const last = Math.min(offset + limit, total);
  const turn = (label, to, disabled) => h("button", { type: "button", class: "small", disabled, on: { click: () => onTurn(to) } }, label);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h("span", {}, `${count(offset + 1)}–${count(last)} of ${count(total)}`),
    h("span", {}, turn("Previous", Math.max(0, offset - limit), offset === 0), turn("Next", offset + limit, last >= total)),
  );
}

export function progress(value, label) {
  const share = Math.max(0, Math.min(1, value || 0));
  return h(
    "span",
    { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * share) },
    h("i", { "width%": (100 * share).toFixed(1) }),
  );
}

/** Opens a dialog; the promise gives true for its main button, with `fields` filled, false for anything else. */
export function ask({ heading, words, button, danger = false, body = null }) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = h("dialog", { "aria-labelledby": "dialog-h" });
    const confirm = h("button", { type: "submit", class: danger ? "danger" : "main" }, button);
    const form = h(
      "form",
      { method: "dialog", on: { submit: () => (answer = true) } },
      h("h2", { id: "dialog-h" }, heading),
      words ? h("p", { class: "soft" }, words) : null,
      body,
      h("div", { class: "actions" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"), confirm),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(fill(dialog, form));
    dialog.showModal();
  });
}

/** A large dialog to read something in. */
export function reader(heading, ...children) {
  const dialog = h("dialog", { class: "large", "aria-labelledby": "reader-h" });
  const close = h("button", { type: "button", on: { click: () => dialog.close() } }, "Close");
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(fill(dialog, h("h2", { id: "reader-h" }, heading), ...children, h("div", { class: "actions" }, close)));
  dialog.showModal();
  close.focus();
  return dialog;
}

/**
 * A link into Airflow's own pages. Airflow frames ours without the right to leave the frame, so a framed page asks
 * Airflow's page, which is of the same origin, to go there itself.
 */
export function airflowLink(path, text) {
  const base = ROOT.replace(/\/dean$/, "");
  const href = `${base}${path}`;
  const go = (event) => {
    if (parent === window) return;
    event.preventDefault();
    const link = parent.document.createElement("a");
    link.href = href;
    link.click();
  };
  return h("a", { href, on: { click: go } }, text);
}
