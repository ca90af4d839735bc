// A trial's search in curves: fitness, cost and diversity of each island by generation, and the islands side by side.

import { Chart } from "./charts.js";
import { ISLANDS, islandClass } from "./colours.js";
import { fill, h } from "./dom.js";
import { spark } from "./drawings.js";
import { count, fixed, noun } from "./format.js";
import { panel, table } from "./parts.js";

export class Search {
  constructor(generations, trial) {
    this.points = [];
    this.fitness = new Chart("Fitness by generation", { format: (value) => value.toFixed(2), low: 0 });
    this.cost = new Chart("Least cost by generation", { format: (value) => value.toFixed(2), threshold: { value: 1, label: "baseline" } });
    this.diversity = new Chart("Diversity by generation", { format: (value) => value.toFixed(2), low: 0, high: 1 });
    this.islands = h("div", {});
    this.migrations = []; // what islands took of one another
    this.waiting = [this.fitness, this.cost, this.diversity].map(() => h("p", { class: "note" }, "The curves begin when the first generation ends."));
    this.panels = [
      panel("Fitness", { note: "best of each island (line) and its mean (dashed)" }, this.waiting[0], this.fitness.element),
      panel("Cost", { note: "of the best winner so far, the baseline is 1" }, this.waiting[1], this.cost.element),
      panel("Diversity", { note: "mean distance of two genomes" }, this.waiting[2], this.diversity.element),
      panel("Islands", { flush: true, note: "populations side by side, each a task" }, this.islands),
    ];
    this.update(generations, trial);
  }

  /** All points, as asked for. */
  update(answer, trial) {
    this.points = answer.generations;
    this.threshold = answer.diversity_threshold;
    this.draw(trial);
  }

  /** Generations as the feed tells them: new ones, or the same again after a reconnect. */
  add(generations, trial) {
    if (!generations.length) return;
    const at = new Map(this.points.map((point) => [`${point.island}.${point.number}`, point]));
    for (const one of generations) {
      const key = `${one.island}.${one.number}`;
      // Fitness is 1 − cost of the fittest; exact costs come with the next whole answer.
      const cost = one.best_fitness > 0 ? 1 - one.best_fitness : null;
      at.set(key, { best_cost: cost, ...at.get(key), ...one });
    }
    this.points = [...at.values()].sort((a, b) => a.island - b.island || a.number - b.number);
    this.draw(trial);
  }

  draw(trial) {
    const islands = [...new Set(this.points.map((point) => point.island))].sort((a, b) => a - b);
    const xs = [...new Set(this.points.map((point) => point.number))].sort((a, b) => a - b);
    const at = new Map(this.points.map((point) => [`${point.island}.${point.number}`, point]));
    const line = (island, name, value, dashed = false) => ({
      label: dashed ? `${name} ${island} mean` : `${name} ${island}`,
      tone: `island-${island % ISLANDS}`,
      dashed,
      values: xs.map((x) => (at.has(`${island}.${x}`) ? (value(at.get(`${island}.${x}`)) ?? null) : null)),
    });
    const none = !this.points.some((point) => typeof point.best_fitness === "number");
    for (const note of this.waiting) note.hidden = !none;
    for (const chart of [this.fitness, this.cost, this.diversity]) chart.element.hidden = none;
    if (!none) {
      const best = islands.map((island) => line(island, "Island", (point) => point.best_fitness));
      const means = islands.map((island) => line(island, "Island", (point) => point.mean_fitness, true));
      this.fitness.update(xs, [...best, ...means]);
      this.cost.update(xs, islands.map((island) => line(island, "Island", (point) => point.best_cost)));
      this.diversity.update(xs, islands.map((island) => line(island, "Island", (point) => point.diversity)), { value: this.threshold, label: `kept above ${this.threshold}` });
    }
    this.drawIslands(islands, trial);
  }

  drawIslands(islands, trial) {
    const rows = islands.map((island) => {
      const points = this.points.filter((point) => point.island === island);
      return { island, points, last: points.findLast((point) => point.diversity !== null && point.diversity !== undefined) ?? points[points.length - 1] };
    });
    if (!rows.length) {
      fill(this.islands, h("p", { class: "note inset" }, trial.opened_islands ? `${noun(trial.opened_islands, "island")} about to begin.` : "The islands begin once the target is prepared."));
      return;
    }
    fill(
      this.islands,
      table({
        label: "Islands",
        rows,
        columns: [
          { label: "Island", class: "name brief", value: ({ island }) => [h("span", { class: `swatch ${islandClass(island)}`, "aria-hidden": "true" }), `Island ${island}`] },
          { label: "Generation", number: true, value: ({ points }) => count(points[points.length - 1].number) },
          { label: "Best fitness", number: true, value: ({ points }) => fixed(Math.max(...points.map((point) => point.best_fitness ?? 0))) },
          { label: "Its course", class: "course", value: ({ island, points }) => spark(points.map((point) => [point.number, point.best_fitness]), `Best fitness of island ${island}`) },
          { label: "Diversity", number: true, value: ({ last }) => fixed(last.diversity, 2) },
          { label: "Injected", number: true, value: ({ points }) => count(points.reduce((sum, point) => sum + (point.injected ?? 0), 0)) },
          { label: "Taken", number: true, value: ({ island }) => count(this.migrations.filter((one) => one.island === island).length) },
          { label: "Judged", number: true, value: ({ points }) => count(Math.max(...points.map((point) => point.evaluations ?? 0))) },
        ],
      }),
    );
  }

  best() {
    return Math.max(0, ...this.points.map((point) => point.best_fitness ?? 0));
  }

  judged() {
    const most = new Map();
    for (const point of this.points) most.set(point.island, Math.max(most.get(point.island) ?? 0, point.evaluations ?? 0));
    return [...most.values()].reduce((sum, number) => sum + number, 0);
  }

  /** The least of the islands' newest; null before any has one. */
  newestDiversity() {
    const newest = new Map();
    for (const point of this.points) if (typeof point.diversity === "number") newest.set(point.island, point.diversity);
    return newest.size ? Math.min(...newest.values()) : null;
  }
}
