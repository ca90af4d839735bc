// How the candidates fared: verdicts by the stage that decided, why some were invalid, which kinds of edits did well.

import { fill, h } from "./dom.js";
import { verdictKey, verdicts } from "./drawings.js";
import { count, factor } from "./format.js";
import { panel, table } from "./parts.js";

export function verdictPanel(first) {
  const place = h("div", {});
  const element = panel("Verdicts", { note: "by the stage that decided" }, place);
  let drawn = "";
  const update = (answer) => {
    const key = JSON.stringify(answer);
    if (key === drawn) return;
    drawn = key;
    const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.name));
    fill(place, ...contents(answer, open));
  };
  update(first);
  return { element, update };
}

function contents({ tallies, reasons, kinds }, open) {
  if (!tallies.length) return [h("p", { class: "note" }, "No candidate has been judged yet.")];
  const more = (name, summary, body) => h("details", { "data-name": name, open: open.has(name) }, h("summary", {}, summary), body);
  return [
    verdictKey(tallies),
    verdicts(tallies),
    kinds.length
      ? more(
          "kinds",
          `Kinds of edits tried alone (${kinds.length})`,
          table({
            label: "Kinds of edits tried alone",
            rows: kinds.slice(0, 60),
            columns: [
              { label: "Kind", class: "name", value: (one) => h("code", {}, one.kind) },
              { label: "Tried", number: true, value: (one) => count(one.tried) },
              { label: "Looked faster", number: true, value: (one) => count(one.won) },
              { label: "Best", number: true, value: (one) => factor(one.best) },
            ],
          }),
        )
      : null,
    reasons.length
      ? more(
          "reasons",
          `Why candidates were invalid (${reasons.length})`,
          table({
            label: "Why candidates were invalid",
            rows: reasons,
            columns: [
              { label: "Reason", class: "name", value: (one) => one.text },
              { label: "Candidates", number: true, value: (one) => count(one.count) },
            ],
          }),
        )
      : null,
  ].filter(Boolean);
}
