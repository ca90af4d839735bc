// Metrics: any series over any range, and the alerts with their silences.

import { API, ApiError, get, whoami } from "./api.js";
import { AlertsPanel } from "./alerts.js";
import { Chart } from "./charts.js";
import { ISLANDS } from "./colours.js";
import { fill, h } from "./dom.js";
import { noun, short } from "./format.js";
import { calmly, empty, live, page, show, title } from "./page.js";
import { panel } from "./parts.js";

title("Metrics");

const RANGES = [
  ["15m", "15 minutes"],
  ["1h", "Hour"],
  ["6h", "6 hours"],
  ["1d", "Day"],
  ["7d", "Week"],
  ["30d", "30 days"],
];
const FIRST = ["dean_health_check_duration_seconds", "dean_service_health"];

const asked = new URLSearchParams(location.search);
const view = { name: asked.get("name") ?? "", service: asked.get("service") ?? "", since: RANGES.some(([name]) => name === asked.get("since")) ? asked.get("since") : "1h" };
const chart = new Chart("Metric", { format: short, x: "time", height: 22 });
const place = h("div", {});
const caption = h("p", { class: "note" });
let alerts = null;
let controls = null;

const refresh = page({
  async load() {
    const me = await whoami();
    const { metrics } = await get(`${API}/metrics/names`);
    view.name ||= FIRST.find((name) => metrics.some((metric) => metric.name === name)) ?? metrics[0]?.name ?? "";
    const metric = metrics.find((one) => one.name === view.name);
    let values = null;
    let problem = "";
    if (view.name) {
      try {
        values = await get(`${API}/series/values`, { name: view.name, service: view.service, since: view.since });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 422) throw error;
        problem = error.message;
      }
    }
    return { me, metrics, metric, values, problem };
  },
  draw({ me, metrics, metric, values, problem }) {
    if (!controls) {
      alerts = new AlertsPanel(me);
      controls = h("div", {});
      show(h("div", { class: "head" }, h("div", {}, h("h1", {}, "Metrics"))), h("div", { class: "stacked" }, panel("Series", {}, controls, caption, place), alerts.element));
      if (location.hash === "#alerts") alerts.element.scrollIntoView();
    }
    drawControls(metrics, metric);
    drawSeries(metrics, metric, values, problem);
    alerts.refresh();
  },
});

const soon = calmly(refresh, 5000);
live(["metrics", "alerts"], (frame) => (frame.topic === "alerts" ? alerts?.refresh() : soon()), { onBack: refresh });

function change(changes) {
  Object.assign(view, changes);
  history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(Object.entries(view).filter(([, value]) => value))}`);
  refresh();
}

function drawControls(metrics, metric) {
  const key = JSON.stringify([metrics.map((one) => one.name), metric?.services, view]);
  if (controls.dataset.key === key) return;
  controls.dataset.key = key;
  const focused = document.activeElement?.dataset?.control;
  fill(
    controls,
    h(
      "form",
      { class: "bar", "aria-label": "Choose a series", on: { submit: (event) => event.preventDefault() } },
      h("label", { class: "grow" }, "Metric", h("select", { "data-control": "name", on: { change: (event) => change({ name: event.target.value, service: "" }) } }, metrics.map((one) => h("option", { value: one.name, selected: one.name === view.name }, `${one.name} (${one.series})`)))),
      h("label", {}, "Service", h("select", { "data-control": "service", on: { change: (event) => change({ service: event.target.value }) } }, h("option", { value: "" }, "All"), (metric?.services ?? []).map((name) => h("option", { value: name, selected: name === view.service }, name)))),
      h("div", { class: "ranges", role: "group", "aria-label": "Range" }, RANGES.map(([name, label]) => h("button", { type: "button", class: "plain", "data-control": name, "aria-pressed": name === view.since ? "true" : "false", on: { click: () => change({ since: name }) } }, label))),
    ),
  );
  if (focused) controls.querySelector(`[data-control="${focused}"]`)?.focus();
}

function drawSeries(metrics, metric, values, problem) {
  caption.textContent = [metric?.help, values?.series[0]?.shows === "rate" ? "Shown is its growth a second." : "", values && values.total > values.series.length ? `The first ${values.series.length} of ${noun(values.total, "series", "series")} are shown; choose a service.` : ""].filter(Boolean).join(" ");
  if (problem || !values?.series.length) {
    const words = metrics.length ? problem || "Nothing was collected in this range." : "dean_metrics_collection collects every minute; unpause it in Airflow and series appear here.";
    fill(place, empty(metrics.length ? "Nothing to show" : "No metrics yet", words));
    return;
  }
  if (chart.element.parentElement !== place) fill(place, chart.element);
  const xs = [...new Set(values.series.flatMap((one) => one.points.map(([time]) => time)))].sort((a, b) => a - b);
  const grid = withGaps(xs, 3 * Math.max(usualStep(xs), ...values.series.map((one) => one.step_seconds)));
  chart.label = `${view.name}, the last ${RANGES.find(([name]) => name === view.since)[1].toLowerCase()}`;
  chart.span = [Date.parse(values.start) / 1000, Date.parse(values.end) / 1000];
  chart.update(
    grid,
    values.series.map((one, number) => {
      const at = new Map(one.points.map(([time, value]) => [time, value]));
      return { label: labelOf(one), tone: `island-${number % ISLANDS}`, dashed: number >= ISLANDS, values: grid.map((time) => at.get(time) ?? null) };
    }),
  );
}

/** The middle one of the steps between moments, in seconds. */
function usualStep(xs) {
  const steps = xs.slice(1).map((time, place) => time - xs[place]).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** A moment without a value where nothing was collected for long, so that the line breaks there. */
function withGaps(xs, gap) {
  const found = [];
  xs.forEach((time, place) => {
    if (place && time - xs[place - 1] > gap) found.push((time + xs[place - 1]) / 2);
    found.push(time);
  });
  return found;
}

function labelOf({ service, labels }) {
  const words = Object.entries(labels).filter(([, value]) => value !== service).map(([name, value]) => `${name}=${value}`);
  return [service, ...words].filter(Boolean).join(" ") || "value";
}
