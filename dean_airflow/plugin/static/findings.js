// The validator's findings: what is wrong, where, what it does, how it is mended.

import { ApiError } from "./api.js";
import { findingPill } from "./deployment_words.js";
import { fill, h } from "./dom.js";
import { noun } from "./format.js";
import { empty } from "./page.js";
import { reader } from "./parts.js";

export function findingList({ findings, not_checked: left = [] }) {
  if (!findings.length && !left.length) return [empty("Nothing found", "Every check passed.")];
  return [
    findings.length ? h("ul", { class: "list findings" }, findings.map(finding)) : empty("Nothing found", "Every check that could be made passed."),
    left.length ? h("details", { class: "inset" }, h("summary", {}, `Not checked (${left.length})`), h("ul", { class: "plain" }, left.map((one) => h("li", {}, h("code", {}, one.name), " ", h("span", { class: "soft small" }, one.reason))))) : null,
  ];
}

function finding(one) {
  const place = [one.file, one.line].filter((part) => part !== null && part !== undefined && part !== "").join(":");
  return h(
    "li",
    {},
    h("span", {}, findingPill(one), " ", h("code", {}, one.id), place ? h("code", { class: "soft" }, ` ${place}`) : null),
    h("span", { class: "title" }, one.what),
    one.why ? h("span", { class: "soft small" }, one.why) : null,
    one.fix ? h("span", { class: "small" }, h("span", { class: "soft" }, "Fix: "), one.fix) : null,
    one.also?.length ? h("span", { class: "soft small" }, "Also: ", one.also.map((other) => [other.file, other.line].filter(Boolean).join(":")).join(", ")) : null,
  );
}

/** Opens a validation's findings; `ask()` gives the validation with its report. */
export async function findingsReader(validation, ask) {
  const place = h("div", { class: "tall" }, h("p", { class: "soft" }, "Fetching the findings…"));
  reader(`Findings: ${validation.directory}`, h("p", { class: "soft" }, `${noun(validation.errors, "error")}, ${noun(validation.warnings, "warning")}. ${validation.summary}`), place);
  try {
    const found = await ask();
    fill(place, ...findingList(found.report ?? found));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(place, h("p", { class: "wrong" }, error.message));
  }
}
