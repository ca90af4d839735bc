// What a trial was given, and what it leaves to others.

import { ROOT } from "./api.js";
import { h } from "./dom.js";
import { count, duration, noun } from "./format.js";
import { empty } from "./page.js";
import { facts, isFinal, onDate, panel } from "./parts.js";

/** What the trial added to what is known of edits. */
export function patternPanel({ patterns }, trial) {
  const body = patterns.length
    ? h(
        "ul",
        { class: "list alerts" },
        patterns.slice(0, 30).map((one) =>
          h(
            "li",
            {},
            h("span", {}, h("code", {}, one.kind), one.context ? h("span", { class: "soft small" }, ` ${one.context}`) : null),
            h("span", { class: "number small" }, `${noun(one.tried ?? one.tries, "try", "tries")}, ${count(one.confirmed ?? one.confirmed_wins)} confirmed`),
          ),
        ),
      )
    : empty("No patterns from this trial", isFinal(trial) ? "It added nothing to what is known of which edits work." : "They are recorded when the trial ends.");
  return panel("Patterns", { flush: true, note: patterns.length ? "what it added to what is known of edits" : null, tools: h("a", { class: "small", href: `${ROOT}/dashboard/patterns` }, "All patterns") }, body);
}

/** What was improved, and as it was asked. */
export function factPanel(trial) {
  const { baseline, config, target, result } = trial;
  const params = Object.entries(config ?? {}).filter(([, value]) => value !== "" && value !== null && !(Array.isArray(value) && value.length === 0));
  return panel(
    "Target and params",
    {},
    facts([
      ["Repository", h("span", { class: "mono" }, trial.repository)],
      ["Folder", target?.subfolder],
      ["Tests that pass", typeof baseline?.tests === "number" ? count(baseline.tests) : null],
      ["One run", typeof baseline?.seconds === "number" ? duration(baseline.seconds) : null],
      ["Noise", typeof baseline?.noise === "number" ? `${(100 * baseline.noise).toFixed(1)} %` : null],
      ["Judged in", baseline?.mode ? `${baseline.mode} processes` : null],
      ["Sandbox", baseline?.sandbox],
      ["Stop reason", trial.stop_reason],
      ["Branch", result?.branch],
      ["Created", onDate(trial.created_at)],
      ["Ended", trial.completed_at ? onDate(trial.completed_at) : null],
    ]),
    h("details", {}, h("summary", {}, `Params (${params.length})`), facts(params.map(([name, value]) => [name, h("code", {}, typeof value === "string" ? value : JSON.stringify(value))]))),
  );
}
