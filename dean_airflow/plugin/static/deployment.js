// One deployment: its services, its steps as they happen, what the validator found, and the way back.

import { API, ApiError, ROOT, get, post } from "./api.js";
import { deploymentPill, isUnderWay, servicePill, stepPill } from "./deployment_words.js";
import { h } from "./dom.js";
import { findingList } from "./findings.js";
import { count, duration, seconds } from "./format.js";
import { announce, calmly, empty, live, page, say, show, title } from "./page.js";
import { airflowLink, ask, facts, figures, panel, table, when } from "./parts.js";

const id = document.documentElement.dataset.deployment;
const here = `${API}/deployments/${encodeURIComponent(id)}`;
let before = null;

title(id);

const refresh = page({
  async load() {
    const [deployment, { steps }] = await Promise.all([get(here), get(`${here}/steps`, { limit: 1000 })]);
    return { deployment, steps };
  },
  draw({ deployment, steps }) {
    title(`${deployment.name || deployment.directory}: ${deployment.status}`);
    show(heading(deployment), h("div", { class: "stacked" }, numbers(deployment, steps), h("div", { class: "grid" }, servicePanel(deployment), stepPanel(steps, deployment)), validationPanel(deployment), factPanel(deployment)));
    if (before && before !== deployment.status) announce(`The deployment is now ${deployment.status}.`);
    before = deployment.status;
  },
  gone: () => show(empty("No such deployment", `There is no deployment ${id} here, or it is not yours to see.`, h("div", { class: "actions" }, h("a", { class: "button", href: `${ROOT}/dashboard/deployments` }, "All deployments")))),
});

live([`deployment:${id}`], calmly(refresh, 700), { onBack: refresh });

function heading(one) {
  const run = one.dag_id && one.run_id ? airflowLink(`/dags/${encodeURIComponent(one.dag_id)}/runs/${encodeURIComponent(one.run_id)}`, "Run in Airflow") : null;
  const back = one.may?.roll_back && !isUnderWay(one) ? h("button", { type: "button", class: "danger", id: "roll-back", on: { click: () => rollBack(one) } }, "Roll back") : null;
  return h(
    "div",
    { class: "head" },
    h("div", {}, h("h1", {}, one.name || one.directory), h("p", { class: "sub" }, deploymentPill(one), h("span", { class: "mono" }, one.deployment_id), h("span", {}, "asked for ", when(one.created_at)), run)),
    h("div", { class: "actions" }, back),
  );
}

function numbers(one, steps) {
  const services = one.services ?? [];
  const there = services.filter((service) => ["deployed", "unchanged"].includes(service.state)).length;
  const element = figures(
    [
      ["Services", services.length ? `${there} / ${services.length}` : "–", "in place"],
      ["Steps", count(steps.length), one.attempt > 1 ? `attempt ${one.attempt}` : "in the journal"],
      [isUnderWay(one) ? "Running for" : "Took", duration(one.started_at ? seconds(one.started_at, one.completed_at) : null), ""],
      ["Findings", count(one.validation?.findings?.length), one.validation ? "of the validator" : "not validated"],
    ],
    "In numbers",
  );
  if (!one.error) return element;
  return h("div", { class: "stacked" }, h("p", { class: "panel inset complaint" }, one.error), element);
}

function servicePanel({ services = [] }) {
  const body = services.length
    ? table({
        label: "Services",
        rows: services,
        columns: [
          { label: "Service", class: "name", value: (one) => [one.service, one.error ? h("span", { class: "under wrong" }, one.error) : null] },
          { label: "State", value: servicePill },
          { label: "Release", class: "mono", value: (one) => one.release ?? "–" },
          { label: "Before", class: "mono", value: (one) => one.previous_release ?? "–" },
        ],
      })
    : h("p", { class: "note inset" }, "The services are listed once it is validated.");
  return panel("Services", { flush: true, note: "in the order of the roll-out" }, body);
}

function stepPanel(steps, deployment) {
  const latest = new Map();
  for (const step of steps) {
    const key = `${step.attempt}/${step.service}/${step.action}`;
    latest.set(key, { ...step, began: latest.get(key)?.began ?? step.at });
  }
  const rows = [...latest.values()];
  const body = rows.length
    ? h(
        "ol",
        { class: "list alerts steps" },
        rows.map((step) =>
          h(
            "li",
            {},
            h("span", {}, h("span", { class: "title" }, step.action.replaceAll("_", " ")), step.service ? h("span", { class: "soft" }, ` ${step.service}`) : null, wordsOf(step)),
            h("span", { class: "number small" }, step.state === "intent" ? null : h("span", { class: "soft" }, `${duration(seconds(step.began, step.at))} `), stepPill(step)),
          ),
        ),
      )
    : empty(isUnderWay(deployment) ? "The first step follows" : "No step was taken", "What is about to be done is written down before it is done, so that nothing is forgotten on the way back.");
  return panel("Steps", { flush: true, note: "as they happen" }, body);
}

function wordsOf({ data }) {
  const text = data?.error ?? data?.sentence ?? data?.message ?? data?.reason;
  return text ? h("span", { class: "under soft small" }, String(text)) : null;
}

function validationPanel({ validation }) {
  if (!validation) return null;
  return panel("Findings", { flush: true, note: validation.summary }, findingList({ findings: validation.findings, not_checked: validation.not_checked }));
}

function factPanel(one) {
  return panel(
    "What was asked",
    {},
    facts([
      ["Directory", h("span", { class: "mono" }, one.directory)],
      ["Machine", one.host],
      ["Environment", one.environment],
      ["Kind", one.kind],
      ["Strategy", one.strategy],
      ["Carried out by", one.backend],
      ["Asked for by", one.requested_by],
      ["Backup", one.backup],
    ]),
  );
}

async function rollBack(one) {
  const sure = await ask({ heading: `Roll back ${one.name || one.directory}?`, words: "Every service goes back to the release it had before this deployment, in the reverse order.", button: "Roll back", danger: true });
  if (!sure) return;
  try {
    const answer = await post(`${here}/rollback`);
    announce("The rollback has begun.");
    location.assign(`${ROOT}/dashboard/runs/${encodeURIComponent(answer.dag_id)}/${encodeURIComponent(answer.run_id)}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message, "bad");
  }
}
