// Small drawings: intervals, distributions, descent, sparks. Each is an SVG that says in words what it shows.

import { islandClass } from "./colours.js";
import { h, s } from "./dom.js";
import { count, factor, fixed, interval } from "./format.js";

const BASE = 14;

/**
 * A place that draws itself anew whenever its width changes, so that text keeps its size. `draw(width)` gives an SVG;
 * its width is in the page's own text sizes, so that a drawing grows with the text around it.
 */
export function fitted(draw, { most = 760 } = {}) {
  const place = h("div", { class: "fitted" });
  let drawn = 0;
  const fit = () => {
    const size = parseFloat(getComputedStyle(document.documentElement).fontSize) / BASE;
    const width = Math.round(Math.min(most, Math.max(240, place.clientWidth / size)));
    if (place.clientWidth === 0 || width === drawn) return;
    drawn = width;
    const svg = draw(width);
    svg.style.width = `${width * size}px`;
    place.replaceChildren(svg);
  };
  new ResizeObserver(fit).observe(place);
  return place;
}

/** A line of the last values; gaps where there are none. */
export function spark(points, label) {
  const known = points.filter(([, value]) => typeof value === "number");
  if (known.length < 2) return h("span", { class: "soft small" }, "");
  const [x0, x1] = [known[0][0], known[known.length - 1][0]];
  const top = Math.max(...known.map(([, value]) => value)) || 1;
  const across = (x) => (x1 > x0 ? (100 * (x - x0)) / (x1 - x0) : 0).toFixed(2);
  const up = (value) => (28 - (26 * value) / top).toFixed(2);
  const line = known.map(([x, value], place) => `${place ? "L" : "M"}${across(x)} ${up(value)}`).join("");
  return s(
    "svg",
    { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("path", { class: "under", d: `${line}L100 30L0 30Z` }),
    s("path", { d: line }),
  );
}

/** Speed-ups with their 95 % intervals, one a row, and the line of no change. Rows: {label, effect, interval, sure}. */
export function effects(rows, label) {
  const drawn = rows.filter((row) => typeof row.effect === "number");
  if (drawn.length === 0) return null;
  return fitted((width) => drawEffects(drawn, label, width));
}

function drawEffects(drawn, label, width) {
  const values = [1, ...drawn.flatMap((row) => [row.effect, ...(row.interval ?? [])])].filter(Number.isFinite);
  const left = drawn.some((row) => row.label) ? 34 : 8;
  const across = scale(values, left, width - 70);
  const height = 26 * drawn.length + 26;
  const parts = ticks(across, width / 90).flatMap((tick) => [
    s("line", { class: "axis", x1: across(tick), x2: across(tick), y1: 2, y2: height - 20 }),
    s("text", { x: across(tick), y: height - 6, "text-anchor": "middle" }, factor(tick)),
  ]);
  parts.push(s("line", { class: "reference", x1: across(1), x2: across(1), y1: 0, y2: height - 20 }));
  drawn.forEach((row, place) => {
    const y = 26 * place + 14;
    const tone = row.sure === false ? "unsure" : "good";
    if (row.label) parts.push(s("text", { x: left - 14, y: y + 4, "text-anchor": "end" }, row.label));
    if (row.interval) parts.push(s("line", { class: `whisker ${tone}`, x1: across(row.interval[0]), x2: across(row.interval[1]), y1: y, y2: y }));
    parts.push(s("circle", { class: `dot ${tone}`, cx: across(row.effect), cy: y, r: 4.5 }));
    parts.push(s("text", { class: "strong", x: width, y: y + 4, "text-anchor": "end" }, factor(row.effect)));
  });
  const words = drawn.map((row) => `${row.label ? `${row.label}: ` : ""}${factor(row.effect)}${row.interval ? `, ${interval(row.interval)}` : ""}`);
  return s("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${label}: ${words.join("; ")}.` }, parts);
}

/** How a champion came together: winners by their number of edits, from single edits to the champion. */
export function lineage(nodes) {
  if (!nodes?.length) return null;
  return fitted((width) => drawLineage(nodes, width), { most: 1200 });
}

function drawLineage(nodes, room) {
  const sizes = [...new Set(nodes.map((node) => node.edits.length))].sort((a, b) => a - b);
  const columns = new Map(sizes.map((size) => [size, nodes.filter((node) => node.edits.length === size)]));
  const tallest = Math.max(...[...columns.values()].map((column) => column.length));
  const width = Math.max(room, 54 * sizes.length);
  const height = Math.max(90, 44 * tallest) + 30;
  const at = new Map();
  sizes.forEach((size, column) => {
    const x = sizes.length > 1 ? 30 + ((width - 60) * column) / (sizes.length - 1) : width / 2;
    columns.get(size).forEach((node, row, all) => at.set(node.key, [x, ((height - 30) * (row + 0.5)) / all.length]));
  });
  const parts = [];
  for (const node of nodes) {
    for (const parent of node.parents) {
      if (!at.has(parent)) continue;
      const [[x1, y1], [x2, y2]] = [at.get(parent), at.get(node.key)];
      const half = (x1 + x2) / 2;
      parts.push(s("path", { class: "descent", d: `M${x1} ${y1} C${half} ${y1} ${half} ${y2} ${x2} ${y2}` }));
    }
  }
  for (const node of nodes) {
    const [x, y] = at.get(node.key);
    const words = `Fitness ${fixed(node.fitness)}, island ${node.island}, generation ${node.generation}:\n${node.edits.join("\n")}`;
    parts.push(
      s("g", {}, s("title", {}, words), s("circle", { class: `node ${islandClass(node.island)}`, cx: x, cy: y, r: 15 }), s("text", { class: "strong", x, y: y + 4, "text-anchor": "middle" }, node.fitness.toFixed(2).replace(/^0/, ""))),
    );
  }
  sizes.forEach((size, column) => {
    const x = sizes.length > 1 ? 30 + ((width - 60) * column) / (sizes.length - 1) : width / 2;
    parts.push(s("text", { x, y: height - 6, "text-anchor": "middle" }, size === 1 ? "1 edit" : `${size} edits`));
  });
  const champion = nodes[nodes.length - 1];
  const label = `Lineage: ${nodes.length} winning candidates lead to the champion of ${champion.edits.length} edits with fitness ${fixed(champion.fitness)}.`;
  return s("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts);
}

const VERDICTS = ["win", "neutral", "worse", "invalid"];

/** One bar for each stage, its parts the verdicts there. Tallies: {verdict, stage, count}. */
export function verdicts(tallies) {
  const stages = new Map();
  for (const { verdict, stage, count: number } of tallies) {
    const parts = stages.get(stage) ?? new Map();
    parts.set(verdict, (parts.get(verdict) ?? 0) + number);
    stages.set(stage, parts);
  }
  const total = (parts) => [...parts.values()].reduce((sum, number) => sum + number, 0);
  const rows = [...stages].sort((a, b) => total(b[1]) - total(a[1]));
  const most = Math.max(1, ...rows.map(([, parts]) => total(parts)));
  return h(
    "div",
    { class: "parts" },
    rows.map(([stage, parts]) => {
      const bars = [...parts].sort((a, b) => VERDICTS.indexOf(a[0]) - VERDICTS.indexOf(b[0]));
      const words = bars.map(([verdict, number]) => `${count(number)} ${verdict}`).join(", ");
      return h(
        "div",
        {},
        h("span", {}, stage),
        h("span", { class: "stack", role: "img", "aria-label": `${stage}: ${words}`, title: words }, bars.map(([verdict, number]) => h("i", { class: `v-${verdict}`, "width%": Math.max(0.4, (100 * number) / most - 0.4) }))),
        h("span", {}, count(total(parts))),
      );
    }),
  );
}

export function verdictKey(tallies) {
  const totals = new Map();
  for (const { verdict, count: number } of tallies) totals.set(verdict, (totals.get(verdict) ?? 0) + number);
  return h(
    "div",
    { class: "key" },
    VERDICTS.filter((verdict) => totals.has(verdict)).map((verdict) => h("span", {}, h("span", { class: `swatch v-${verdict}`, "aria-hidden": "true" }), verdict, h("b", {}, count(totals.get(verdict))))),
  );
}

/** Measured speed-ups of pairs, as a strip of dots over the interval claimed from them. */
export function pairs(logRatios, claimed) {
  const rows = logRatios.map((row) => row.map((ratio) => Math.exp(-ratio)).filter(Number.isFinite)).filter((row) => row.length);
  if (!rows.length) return null;
  return fitted((width) => drawPairs(rows, claimed, width));
}

function drawPairs(rows, claimed, width) {
  const every = rows.flat().sort((a, b) => a - b);
  const cut = Math.floor(every.length / 50);
  const across = scale([1, ...(claimed ?? []), ...every.slice(cut, every.length - cut)], 10, width - 10);
  const height = 16 * rows.length + 34;
  const parts = ticks(across, width / 90).flatMap((tick) => [s("line", { class: "axis", x1: across(tick), x2: across(tick), y1: 4, y2: height - 22 }), s("text", { x: across(tick), y: height - 6, "text-anchor": "middle" }, factor(tick))]);
  if (claimed) parts.push(s("rect", { class: "band good", x: across(claimed[0]), y: 4, width: Math.max(1, across(claimed[1]) - across(claimed[0])), height: height - 26 }));
  parts.push(s("line", { class: "reference", x1: across(1), x2: across(1), y1: 0, y2: height - 22 }));
  rows.forEach((row, place) => {
    for (const value of row) parts.push(s("circle", { class: "dot", opacity: 0.55, cx: across(Math.min(Math.max(value, across.low), across.high)), cy: 16 * place + 14, r: 2.4 }));
  });
  const label = `Speed-up of ${every.length} measured pairs in ${rows.length} pairs of processes, between ${factor(every[0])} and ${factor(every[every.length - 1])}.`;
  return s("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts);
}

/** How a candidate's paired measurements lie: `bins` of ln(candidate / baseline), drawn as speed-ups; 1.00× is no change. */
export function distribution({ bins, quartiles, count: total }) {
  if (!bins?.length) return null;
  return fitted((width) => drawDistribution(bins, quartiles, total, width));
}

function drawDistribution(bins, quartiles, total, width) {
  // A gain is below 0 in the logarithm and above 1 as a speed-up, so the bins run the other way round.
  const turned = bins.map(({ low, high, count: number }) => ({ low: Math.exp(-high), high: Math.exp(-low), number }));
  const across = scale([1, ...turned.flatMap(({ low, high }) => [low, high])], 8, width - 8);
  const height = 130;
  const most = Math.max(...turned.map(({ number }) => number));
  const parts = ticks(across, width / 90).flatMap((tick) => [s("line", { class: "axis", x1: across(tick), x2: across(tick), y1: 4, y2: height - 22 }), s("text", { x: across(tick), y: height - 6, "text-anchor": "middle" }, factor(tick))]);
  for (const { low, high, number } of turned) {
    const tall = ((height - 30) * number) / most;
    parts.push(s("rect", { class: "column", x: across(low), y: height - 22 - tall, width: Math.max(1.5, across(high) - across(low) - 1), height: tall }));
  }
  const middle = Math.exp(-quartiles[1]);
  parts.push(s("line", { class: "reference", x1: across(1), x2: across(1), y1: 0, y2: height - 22 }));
  parts.push(s("line", { class: "whisker", x1: across(middle), x2: across(middle), y1: 4, y2: height - 22 }));
  const label = `Speed-up of ${count(total)} measured pairs: median ${factor(middle)}, half of them between ${factor(Math.exp(-quartiles[2]))} and ${factor(Math.exp(-quartiles[0]))}.`;
  return s("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, s("title", {}, label), parts);
}

function scale(values, from, to) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const room = 0.06 * (high - low) || 0.05;
  low = Math.max(0, low - room);
  high += room;
  const across = (value) => from + ((to - from) * (value - low)) / (high - low);
  return Object.assign(across, { low, high });
}

function ticks({ low, high }, most) {
  const rough = (high - low) / Math.min(6, Math.max(2, most));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step) found.push(tick);
  return found;
}
