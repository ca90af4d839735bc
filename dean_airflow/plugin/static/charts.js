// Line charts. The library draws; here are the frame, the key that reads values out, and a table for who cannot see it.

import { colour } from "./colours.js";
import { fill, h } from "./dom.js";
import { NOTHING } from "./format.js";

const HEIGHT = 14.5; // rem
const MOST_ROWS = 400;

/**
 * A chart that stays and is given data again and again.
 *
 * `format(value)` writes a value, `x` is "generation" or "time", `threshold` {value, label} is drawn across. `update`
 * takes `xs` and `series`: [{label, values, tone (a token's name or a function giving one), dashed?, stepped?}].
 */
export class Chart {
  constructor(label, { format, x = "generation", threshold = null, low = null, high = null, height = HEIGHT, key = true } = {}) {
    Object.assign(this, { label, format, x, threshold, low, high, height });
    this.spanGaps = x === "generation";
    this.place = h("div", { class: "chart", role: "img", "aria-label": label });
    this.key = h("div", { class: "key", "aria-hidden": "true", hidden: !key });
    this.figures = h("details", {}, h("summary", {}, "Figures"));
    this.figures.addEventListener("toggle", () => this.writeFigures());
    this.element = h("figure", {}, this.place, this.key, this.figures);
    this.shape = null;
    this.span = null; // of time, where the whole range that was asked for is to be seen
    this.plot = null;
    this.xs = [];
    this.series = [];
    new ResizeObserver(() => this.fit()).observe(this.place);
    addEventListener("dean-theme", () => this.rebuild());
  }

  update(xs, series, threshold = this.threshold) {
    this.xs = xs;
    this.series = series;
    this.threshold = threshold;
    // Airflow reads the chart's newest values out of its name, not out of a canvas.
    const newest = series.slice(0, 8).map((one) => `${one.label} ${this.write(lastOf(one.values))}`);
    this.place.setAttribute("aria-label", `${this.label}. Newest: ${newest.join(", ") || "nothing yet"}.`);
    const shape = JSON.stringify(series.map((one) => [one.label, one.tone, one.dashed]));
    if (this.plot === null || shape !== this.shape) {
      this.shape = shape;
      this.rebuild();
    } else {
      this.plot.setData([xs, ...series.map((one) => one.values)]);
    }
    this.read(null);
    if (this.figures.open) this.writeFigures();
  }

  write(value) {
    return value === null || value === undefined ? NOTHING : this.format(value);
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    if (this.series.length === 0 || typeof uPlot === "undefined") return;
    this.plot = new uPlot(this.options(), [this.xs, ...this.series.map((one) => one.values)], this.place);
  }

  options() {
    const font = `${Math.round(0.78 * parseFloat(getComputedStyle(document.documentElement).fontSize))}px Inter, sans-serif`;
    const line = parseFloat(font);
    const axis = {
      stroke: colour("soft"),
      font,
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(200, this.place.clientWidth),
      height: this.pixels(),
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: { x: { time: this.x === "time", range: this.x === "time" ? (_, low, high) => this.span ?? [low, high] : (_, low, high) => [low ?? 0, Math.max(high ?? 0, (low ?? 0) + 2)] }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: [
        this.x === "time" ? { ...axis, size: 2.4 * line, space: 84, values: (_, ticks, __, ___, step) => ticks.map((tick) => timeText(tick, step)) } : { ...axis, size: 2.4 * line, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500], values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : "")) },
        { ...axis, size: (plot, values) => 18 + 0.56 * parseFloat(font) * Math.max(3, ...(values ?? []).map((value) => String(value).length)), values: (_, ticks) => ticks.map((tick) => this.format(tick)) },
      ],
      series: [
        {},
        ...this.series.map((one) => ({
          label: one.label,
          stroke: colour(one.tone),
          width: one.dashed ? 1.25 : 2,
          dash: one.dashed ? [4, 4] : undefined,
          spanGaps: this.spanGaps,
          points: { show: !one.dashed && this.xs.length < 60, size: 5, fill: colour(one.tone) },
        })),
      ],
      hooks: { draw: [(plot) => this.drawThreshold(plot)], setCursor: [(plot) => this.read(plot.cursor.idx)] },
    };
  }

  range(low, high) {
    let bottom = this.low ?? low ?? 0;
    let top = this.high ?? high ?? 1;
    if (this.threshold) {
      bottom = Math.min(bottom, this.threshold.value);
      top = Math.max(top, this.threshold.value);
    }
    if (top - bottom < 1e-9) top = bottom + (Math.abs(bottom) || 1) * 0.1;
    const room = 0.08 * (top - bottom);
    return [this.low ?? bottom - room, this.high ?? top + room];
  }

  drawThreshold(plot) {
    if (!this.threshold) return;
    const { ctx, bbox } = plot;
    const y = plot.valToPos(this.threshold.value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = colour("warn");
    ctx.fillStyle = colour("warn");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${Math.round(this.pixels() / 19) * devicePixelRatio}px Inter, sans-serif`;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(this.threshold.label, bbox.left + bbox.width - 4 * devicePixelRatio, y - 3 * devicePixelRatio);
    ctx.restore();
  }

  read(index) {
    const at = index ?? null;
    const when = at === null ? null : this.x === "time" ? new Date(1000 * this.xs[at]).toLocaleString("en-GB") : `Generation ${this.xs[at]}`;
    fill(
      this.key,
      this.series.slice(0, 12).map((one) => {
        const mark = h("i", { class: one.dashed ? "dashed" : "" });
        mark.style.borderColor = `var(--${one.tone})`;
        return h("span", {}, mark, one.label, h("b", {}, this.write(at === null ? lastOf(one.values) : one.values[at])));
      }),
      this.series.length > 12 ? h("span", {}, `and ${this.series.length - 12} more`) : null,
      when ? h("span", {}, when) : null,
    );
  }

  writeFigures() {
    const from = Math.max(0, this.xs.length - MOST_ROWS);
    const rows = this.xs.slice(from).map((x, place) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, this.x === "time" ? new Date(1000 * x).toLocaleString("en-GB") : String(x)),
        this.series.map((one) => h("td", { class: "number" }, this.write(one.values[from + place]))),
      ),
    );
    const head = h("tr", {}, h("th", { scope: "col" }, this.x === "time" ? "Time" : "Generation"), this.series.map((one) => h("th", { scope: "col", class: "number" }, one.label)));
    const table = h("table", { "aria-label": this.label }, h("thead", {}, head), h("tbody", {}, rows));
    fill(this.figures, this.figures.firstElementChild, this.figures.open ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Figures of ${this.label}` }, table) : null);
  }

  pixels() {
    return Math.round(this.height * parseFloat(getComputedStyle(document.documentElement).fontSize));
  }

  fit() {
    const width = this.place.clientWidth;
    if (this.plot && width > 0 && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: this.pixels() });
  }
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A tick of the time axis: the time of day, with the date where a day begins. */
function timeText(tick, step) {
  const moment = new Date(1000 * tick);
  const midnight = moment.getHours() === 0 && moment.getMinutes() === 0;
  return step >= 86_400 || midnight ? day.format(moment) : clock.format(moment);
}

function lastOf(values) {
  for (let place = values.length - 1; place >= 0; place -= 1) if (values[place] !== null && values[place] !== undefined) return values[place];
  return null;
}
