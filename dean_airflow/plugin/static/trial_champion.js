// The champion: its edits with what each is worth, the measurements behind the claim, and where it came from.

import { get } from "./api.js";
import { h } from "./dom.js";
import { diffView } from "./diff.js";
import { effects, lineage as drawLineage, pairs } from "./drawings.js";
import { factor, fixed, interval, noun } from "./format.js";
import { panel, pill, prose, table } from "./parts.js";

const STATES = {
  confirmed: ["confirmed by fresh measurements, its tests follow", "busy"],
  validated: ["confirmed, and the whole test suite passes", "good"],
  published: ["confirmed, tested and published", "good"],
  refuted: ["not confirmed", "warn"],
};

/** The panels there is something to say for. */
export function championPanels(champion, lineage) {
  const found = [];
  if (champion.measurement?.log_ratios?.length || champion.confirmations.length) found.push(measurementPanel(champion));
  if (lineage.nodes.length > 1) found.push(lineagePanel(lineage, champion));
  return [champion.edits.length ? editPanel(champion) : null, found.length ? h("div", { class: "grid" }, found) : null].filter(Boolean);
}

function editPanel(champion) {
  const numbered = champion.edits.map((edit, place) => ({ label: String(place + 1), effect: edit.effect, interval: edit.effect_interval, sure: edit.effect_interval ? edit.effect_interval[0] > 1 : false }));
  const [words, kind] = STATES[champion.state] ?? ["", "idle"];
  return panel(
    `Champion: ${noun(champion.edits.length, "edit")}`,
    { id: "champion", tools: words ? pill(words, kind) : null },
    numbered.some((row) => typeof row.effect === "number") ? h("p", { class: "note" }, "What each edit is worth: the champion without it against the champion with it, with the 95 % interval.") : null,
    effects(numbered, "Effect of each edit"),
    h("div", { class: "edits" }, champion.edits.map((edit, place) => editShown(edit, place))),
  );
}

function editShown(edit, place) {
  const worth = typeof edit.effect === "number" ? `${factor(edit.effect)}${edit.effect_interval ? ` (${interval(edit.effect_interval)})` : ""}` : "not measured apart";
  return h(
    "article",
    { class: "edit" },
    h("h3", {}, h("span", {}, `${place + 1}. ${edit.title}`), pill(edit.label, edit.label === "preserving" ? "good" : "warn"), h("span", { class: "soft small" }, worth)),
    edit.diff
      ? h("details", { open: place === 0 }, h("summary", {}, edit.path ? `${edit.path}${edit.function ? `, ${edit.function}` : ""}` : "Diff"), diffView(edit.diff), edit.diff_truncated ? h("p", { class: "note" }, "The rest of this diff is in the patch.") : null)
      : h("code", {}, edit.text),
    edit.why ? h("details", {}, h("summary", {}, edit.label === "preserving" ? "What it does, and why that keeps behaviour" : "What it does"), h("p", { class: "why" }, prose(edit.why))) : null,
  );
}

function measurementPanel(champion) {
  const ratios = champion.measurement?.log_ratios ?? [];
  const total = ratios.reduce((sum, row) => sum + row.length, 0);
  return panel(
    "Measurement",
    { note: total ? `${noun(total, "interleaved pair")} in ${noun(ratios.length, "pair")} of new processes` : null },
    total ? h("p", { class: "note" }, "Each dot is a measured pair, each row a pair of processes; the band is the 95 % interval of the speed-up, the dashed line no change.") : null,
    pairs(ratios, champion.speedup_interval),
    champion.confirmations.length ? confirmations(champion.confirmations) : null,
  );
}

function confirmations(rows) {
  return h(
    "div",
    { class: "outset" },
    table({
      label: "Champions that faced fresh measurements",
      rows,
      columns: [
        { label: "Put to the test", class: "name", value: (one) => (typeof one.edits === "number" ? noun(one.edits, "edit") : "a champion") },
        { label: "Speed-up", number: true, value: (one) => factor(one.speedup) },
        { label: "95 % interval", number: true, value: (one) => interval(one.speedup_interval) },
        { label: "p", number: true, value: (one) => (typeof one.p_value === "number" ? one.p_value.toPrecision(1) : "–") },
        { label: "Verdict", value: (one) => (one.accepted ? pill("confirmed", "good") : pill(one.problem || "not confirmed", "warn")) },
      ],
    }),
  );
}

function lineagePanel(lineage, champion) {
  const words = champion.state === "none" ? "How the best candidate so far came together" : "How the champion came together, before it was minimised";
  return panel(
    "Lineage",
    { note: `${words}; numbers are fitness` },
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Lineage" }, drawLineage(lineage.nodes)),
    h(
      "details",
      {},
      h("summary", {}, `The ${noun(lineage.nodes.length, "candidate")} as a list`),
      table({
        label: "Lineage",
        rows: lineage.nodes,
        columns: [
          { label: "Candidate", class: "name", value: (node) => node.key },
          { label: "From", value: (node) => node.parents.join(", ") || "the baseline" },
          { label: "Edits", number: true, value: (node) => node.edit_count ?? node.edits.length },
          { label: "Fitness", number: true, value: (node) => fixed(node.fitness) },
          { label: "Generation", number: true, value: (node) => node.generation },
        ],
      }),
    ),
    lineage.cut ? h("p", { class: "note" }, "There are more; the nearest are shown.") : null,
  );
}

/** A candidate's diff in pieces, for whoever opens one. */
export async function candidateDiff(here, island, sequence) {
  const path = `${here}/candidates/${island}/${sequence}/diff`;
  const piece = await get(path);
  return diffView(piece.diff, { next: piece.next_offset, total: piece.total_bytes, more: (offset) => get(path, { offset }) });
}
