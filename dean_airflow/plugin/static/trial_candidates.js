// A trial's candidates: filtered, sorted, a page at a time, each with its diff a press away.

import { ApiError, get } from "./api.js";
import { fill, h } from "./dom.js";
import { distribution } from "./drawings.js";
import { count, factor, fixed, noun } from "./format.js";
import { calmly } from "./page.js";
import { pager, panel, pill, reader, table } from "./parts.js";
import { candidateDiff } from "./trial_champion.js";

const LIMIT = 10;
const KINDS = { win: "good", neutral: "idle", worse: "warn", invalid: "bad" };

export class Candidates {
  constructor(here, trial) {
    this.here = here;
    this.view = { verdict: "", island: "", sort: "fitness", order: "desc", offset: 0 };
    this.list = h("div", { "aria-live": "off" });
    this.grown = calmly(() => this.load(), 2000);
    const option = (name, label) => h("option", { value: name }, label);
    const islands = Array.from({ length: trial.opened_islands ?? 0 }, (_, island) => option(String(island), `Island ${island}`));
    const choose = (name) => ({ change: (event) => this.change({ [name]: event.target.value }) });
    this.element = panel(
      "Candidates",
      {
        flush: true,
        tools: h(
          "form",
          { class: "bar tight", "aria-label": "Filter candidates" },
          h("label", {}, h("span", { class: "unseen" }, "Verdict"), h("select", { on: choose("verdict") }, option("", "Any verdict"), Object.keys(KINDS).map((kind) => option(kind, kind)))),
          islands.length > 1 ? h("label", {}, h("span", { class: "unseen" }, "Island"), h("select", { on: choose("island") }, option("", "Any island"), islands)) : null,
        ),
      },
      this.list,
    );
    this.grown();
  }

  change(changes) {
    Object.assign(this.view, { offset: 0 }, changes);
    this.load();
  }

  async load() {
    const asked = JSON.stringify(this.view);
    let found;
    try {
      found = await get(`${this.here}/candidates`, { ...this.view, limit: LIMIT });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.list.firstElementChild) fill(this.list, h("p", { class: "note inset" }, error.message));
      return;
    }
    if (asked !== JSON.stringify(this.view)) return; // another choice was made meanwhile
    const key = JSON.stringify([asked, found]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.draw(found);
  }

  draw({ candidates, total }) {
    if (!candidates.length) {
      fill(this.list, h("p", { class: "note inset" }, this.view.verdict || this.view.island ? "No candidate fits." : "No candidate has been judged yet."));
      return;
    }
    const focused = document.activeElement?.closest?.("[data-sort], [data-candidate]");
    const selector = focused && this.list.contains(focused) ? (focused.dataset.sort ? `[data-sort="${focused.dataset.sort}"]` : `[data-candidate="${focused.dataset.candidate}"]`) : null;
    fill(
      this.list,
      table({ label: "Candidates", rows: candidates, columns: this.columns(), sort: { by: this.view.sort, order: this.view.order }, onSort: (sort, order) => this.change({ sort, order }) }),
      pager(this.view.offset, LIMIT, total, (offset) => this.change({ offset })),
    );
    if (selector) this.list.querySelector(selector)?.focus();
  }

  columns() {
    const open = (one) => h("button", { type: "button", class: "small", "data-candidate": `${one.island}.${one.sequence}`, "aria-label": `Diff of candidate ${one.island}.${one.sequence}`, on: { click: () => this.open(one) } }, "Diff");
    const edits = (one) => {
      const first = String(one.edits[0] ?? "");
      return [h("code", {}, first.length > 90 ? `${first.slice(0, 90)}…` : first), one.edit_count > 1 ? h("span", { class: "under" }, `and ${noun(one.edit_count - 1, "more edit")}`) : null];
    };
    return [
      { label: "Edits", class: "name", value: edits },
      { label: "Verdict", sort: "verdict", first: "asc", value: (one) => [pill(one.verdict, KINDS[one.verdict]), one.reason ? h("span", { class: "under reason" }, one.reason) : null] },
      { label: "Fitness", sort: "fitness", number: true, value: (one) => fixed(one.fitness) },
      { label: "Cost", sort: "cost", first: "asc", number: true, value: (one) => fixed(one.cost) },
      { label: "Pairs", number: true, value: (one) => count(one.pairs) },
      { label: "Generation", sort: "generation", number: true, value: (one) => [count(one.generation), h("span", { class: "under" }, `island ${one.island}`)] },
      { label: "Diff", number: true, value: open },
    ];
  }

  async open(one) {
    const place = h("div", {}, h("p", { class: "soft" }, "Making the diff…"));
    const speed = typeof one.cost === "number" && one.cost > 0 ? `, ${factor(1 / one.cost)} as fast in the search` : "";
    reader(`Candidate ${one.island}.${one.sequence}`, h("p", { class: "soft" }, `${one.verdict} at ${one.stage}${speed}. ${one.reason}`), place);
    try {
      const [whole, diff] = await Promise.all([get(`${this.here}/candidates/${one.island}/${one.sequence}`), candidateDiff(this.here, one.island, one.sequence).catch(said)]);
      const pairs = whole.distribution;
      fill(
        place,
        pairs ? h("p", { class: "note" }, `${noun(pairs.count, "measured pair")}: how many times as fast as the baseline; the line is their median.`) : null,
        pairs ? distribution(pairs) : null,
        diff,
        h("details", {}, h("summary", {}, noun(whole.edit_count, "edit")), h("ul", { class: "plain" }, whole.explained.map((edit) => h("li", {}, h("strong", {}, edit.title), " ", h("code", {}, edit.text))))),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fill(place, h("p", { class: "wrong" }, error.message));
    }
  }
}

/** What a diff cannot be made of is said in its place: the rest of the candidate is known all the same. */
function said(error) {
  if (!(error instanceof ApiError)) throw error;
  return h("p", { class: "wrong" }, error.message);
}
