// A run of Airflow's that has no page of ours: because it is none of ours, or not yet.

import { ROOT } from "./api.js";
import { h } from "./dom.js";
import { empty, show, title } from "./page.js";

const { dag, run, state } = document.documentElement.dataset;
const WORDS = {
  nothing: ["Nothing of DEAN's", "This run works on no trial and on no deployment, so there is nothing to show here."],
  waiting: ["Not begun yet", "The run has not opened its trial yet. This page goes there as soon as it does."],
  unreachable: ["The store does not answer", "DEAN's database cannot be asked what this run works on. This page tries again by itself."],
};
const [heading, words] = WORDS[state] ?? WORDS.nothing;

title(heading);
show(
  empty(
    heading,
    words,
    h("p", { class: "small mono" }, `${dag} / ${run}`),
    h("div", { class: "actions" }, h("a", { class: "button", href: `${ROOT}/dashboard` }, "Overview"), h("a", { class: "button", href: `${ROOT}/dashboard/trials` }, "All trials")),
  ),
);
if (state !== "nothing") setTimeout(() => location.reload(), 3000);
