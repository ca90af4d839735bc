// The overview: how the services are, what runs, what came of it, what fires.

import { API, ROOT, get, whoami } from "./api.js";
import { h } from "./dom.js";
import { spark } from "./drawings.js";
import { count, factor, milliseconds, noun, repositoryName, setNow } from "./format.js";
import { calmly, empty, live, page, show, title } from "./page.js";
import { alertPill, figures, healthPill, panel, progress, trialLink, trialPill, when } from "./parts.js";
import { deploymentPill } from "./deployment_words.js";

title("Overview");

const refresh = page({
  async load() {
    const [overview, me] = await Promise.all([get(`${API}/overview`), whoami()]);
    return { overview, me };
  },
  draw({ overview, me }) {
    setNow(overview.now);
    show(heading(me), numbers(overview), h("div", { class: "grid" }, running(overview, me), recent(overview), services(overview), alerts(overview), deployments(overview)));
  },
});

const soon = calmly(refresh, 2500);
live(["trials", "alerts", "services", "deployments"], soon, { onBack: refresh });
setInterval(soon, 15_000);

function heading(me) {
  return h(
    "div",
    { class: "head" },
    h("div", {}, h("h1", {}, "Overview")),
    h("div", { class: "actions" }, me.may.start_trial ? h("a", { class: "button main", href: `${ROOT}/dashboard/trials/new` }, "Start a trial") : null),
  );
}

function numbers({ counts, alerts: known, services: watched }) {
  const [alerts, services] = [known ?? [], watched ?? []];
  const firing = alerts.filter((alert) => alert.state === "firing").length;
  const well = services.filter((service) => service.status === "up").length;
  const ended = counts.improved + counts.no_improvement;
  const element = figures(
    [
      ["Running", count(counts.running), "trials"],
      ["Improved", count(counts.improved), ended ? `of ${noun(ended, "completed trial")}` : "no completed trials yet"],
      ["Failed or stopped", count(counts.failed + counts.cancelled), "trials"],
      watched && ["Services up", services.length ? `${well} / ${services.length}` : "–", services.length ? "as last collected" : "nothing collected yet"],
      known && ["Alerts firing", count(firing), firing ? "see below" : "all quiet"],
    ].filter(Boolean),
    "In numbers",
  );
  element.classList.add("lead");
  return element;
}

function running({ running: trials }, me) {
  const start = me.may.start_trial ? h("div", { class: "actions" }, h("a", { class: "button", href: `${ROOT}/dashboard/trials/new` }, "Start one")) : null;
  const body = trials.length
    ? h("ul", { class: "list trials" }, trials.map(runningTrial))
    : empty("No trial is running", "A trial takes a repository, looks for faster code, and proves what it finds.", start);
  return panel("Running", { flush: true, note: trials.length ? noun(trials.length, "trial") : null }, body);
}

function runningTrial(trial) {
  const share = trial.generations ? trial.current_generation / trial.generations : 0;
  return h(
    "li",
    {},
    h("span", { class: "title" }, trialLink(trial), " ", h("span", { class: "soft small" }, when(trial.started_at ?? trial.created_at))),
    trialPill(trial),
    progress(share, `Generations of ${repositoryName(trial.repository)}`),
    h("span", { class: "small soft number" }, `generation ${count(trial.current_generation)} of ${count(trial.generations)}, best ${trial.best_fitness.toFixed(3)}`),
  );
}

function recent({ recent: trials }) {
  const body = trials.length
    ? h(
        "ul",
        { class: "list trials" },
        trials.map((trial) =>
          h(
            "li",
            {},
            h("span", { class: "title" }, trialLink(trial), " ", h("span", { class: "soft small" }, when(trial.completed_at ?? trial.created_at))),
            h("span", { class: "number" }, trial.speedup ? h("strong", { class: "gain" }, factor(trial.speedup)) : null, " ", trialPill(trial)),
          ),
        ),
      )
    : empty("Nothing has ended yet", "The outcomes of trials appear here, the newest first.");
  return panel("Recent outcomes", { flush: true, tools: h("a", { class: "small", href: `${ROOT}/dashboard/trials` }, "All trials") }, body);
}

function services({ services: all }) {
  if (!all) return null; // the metrics are not this reader's to see
  const body = all.length
    ? h(
        "ul",
        { class: "list services" },
        all.map((service) =>
          h(
            "li",
            {},
            h("span", { class: "who" }, h("span", { class: "title" }, service.name), healthPill(service.status), service.version ? h("span", { class: "soft small" }, service.version) : null),
            spark(service.latency ?? [], `Latency of ${service.name}`),
            h("span", { class: "number", title: "latency" }, milliseconds(service.latency_ms)),
          ),
        ),
      )
    : empty("No service has been looked at", "dean_metrics_collection looks every minute; unpause it in Airflow and figures appear here.");
  return panel("Services", { flush: true, note: "health and latency, as last collected" }, body);
}

function alerts({ alerts: all }) {
  if (!all) return null;
  const body = all.length
    ? h(
        "ul",
        { class: "list alerts" },
        all.slice(0, 8).map((alert) =>
          h(
            "li",
            {},
            h("span", {}, h("span", { class: "title" }, alert.alert), h("span", { class: "under soft small" }, alert.message || alert.service)),
            alertPill(alert),
          ),
        ),
      )
    : empty("No alert", "Nothing fires, and nothing is about to.");
  return panel("Alerts", { flush: true, tools: h("a", { class: "small", href: `${ROOT}/dashboard/metrics#alerts` }, "Metrics and alerts") }, body);
}

function deployments({ deployments: all }) {
  if (!all?.length) return null;
  return panel(
    "Deployments",
    { flush: true, tools: h("a", { class: "small", href: `${ROOT}/dashboard/deployments` }, "All deployments") },
    h(
      "ul",
      { class: "list trials" },
      all.map((one) =>
        h(
          "li",
          {},
          h("span", { class: "title" }, h("a", { href: `${ROOT}/dashboard/deployments/${encodeURIComponent(one.deployment_id)}` }, one.name ?? one.deployment_id), " ", h("span", { class: "soft small" }, when(one.created_at))),
          deploymentPill(one),
        ),
      ),
    ),
  );
}
