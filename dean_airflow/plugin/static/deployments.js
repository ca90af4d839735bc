// Every deployment with how it ended, and the validator's reports.

import { API, ApiError, ROOT, get, ifAllowed } from "./api.js";
import { deploymentPill } from "./deployment_words.js";
import { findingsReader } from "./findings.js";
import { h } from "./dom.js";
import { duration, noun, seconds } from "./format.js";
import { calmly, empty, live, page, show, title } from "./page.js";
import { onDate, pager, panel, pill, table } from "./parts.js";

title("Deployments");

const LIMIT = 25;
const view = { deployments: 0, validations: 0 };

const refresh = page({
  async load() {
    const [deployments, validations] = await Promise.all([
      ifAllowed(get(`${API}/deployments`, { limit: LIMIT, offset: view.deployments })),
      ifAllowed(get(`${API}/validations`, { limit: LIMIT, offset: view.validations })),
    ]);
    if (!deployments && !validations) throw new ApiError(403, "Deployments need read access to the runs of dean_deployment.");
    return { deployments, validations };
  },
  draw({ deployments, validations }) {
    show(h("div", { class: "head" }, h("div", {}, h("h1", {}, "Deployments"))), h("div", { class: "stacked" }, deployments ? deploymentPanel(deployments) : null, validations ? validationPanel(validations) : null));
  },
});

live(["deployments"], calmly(refresh, 2000), { onBack: refresh });
setInterval(refresh, 30_000);

function deploymentPanel({ deployments, total }) {
  const turn = (offset) => {
    view.deployments = offset;
    refresh();
  };
  const body = total
    ? [table({ label: "Deployments", columns: DEPLOYMENTS, rows: deployments }), pager(view.deployments, LIMIT, total, turn)]
    : empty("Nothing has been deployed yet", "dean_deployment validates a release, rolls it out step by step, and rolls it back when it does not hold. Each appears here as it happens.");
  return panel("Deployments", { flush: true }, body);
}

const DEPLOYMENTS = [
  {
    label: "Deployment",
    class: "name",
    value: (one) => [h("a", { href: `${ROOT}/dashboard/deployments/${encodeURIComponent(one.deployment_id)}` }, one.name || one.directory), h("span", { class: "under mono" }, one.deployment_id)],
  },
  { label: "State", value: deploymentPill },
  { label: "Kind", value: (one) => [one.kind, h("span", { class: "under" }, one.strategy)] },
  { label: "Environment", value: (one) => one.environment || "–" },
  { label: "By", value: (one) => one.requested_by || "–" },
  { label: "Took", number: true, value: (one) => duration(one.started_at ? seconds(one.started_at, one.completed_at) : null) },
  { label: "Asked for", number: true, value: (one) => onDate(one.created_at) },
];

function validationPanel({ validations, total }) {
  const turn = (offset) => {
    view.validations = offset;
    refresh();
  };
  const body = total
    ? [table({ label: "Validations", columns: VALIDATIONS, rows: validations }), pager(view.validations, LIMIT, total, turn)]
    : empty("Nothing has been validated yet", "dean_deployment_validation looks at a deployment daily; airflow dean deployment validate does it at once.");
  return panel("Validations", { flush: true, note: "what the validator found" }, body);
}

const VALIDATIONS = [
  { label: "Directory", class: "name", value: (one) => [h("span", { class: "mono" }, one.directory), h("span", { class: "under" }, one.summary)] },
  { label: "Verdict", value: (one) => (one.valid ? (one.warnings ? pill("valid, with warnings", "warn") : pill("valid", "good")) : pill("not valid", "bad")) },
  { label: "Errors", number: true, value: (one) => one.errors },
  { label: "Warnings", number: true, value: (one) => one.warnings },
  { label: "Environment", value: (one) => one.environment || "–" },
  { label: "When", number: true, value: (one) => onDate(one.at) },
  {
    label: "Findings",
    number: true,
    value: (one) => {
      return h("button", { type: "button", class: "small", "aria-label": `Findings of ${one.directory}, ${noun(one.errors, "error")}`, on: { click: () => findingsReader(one, () => get(`${API}/validations/${encodeURIComponent(one.id)}`)) } }, "Findings");
    },
  },
];
