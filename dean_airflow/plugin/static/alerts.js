// What fires and what is silenced; with the right to, a silence is a press away.

import { API, ApiError, ROOT, get, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { announce, empty, say } from "./page.js";
import { alertPill, ask, panel, when } from "./parts.js";

const DURATIONS = [
  ["30m", "30 minutes"],
  ["2h", "2 hours"],
  ["8h", "8 hours"],
  ["1d", "a day"],
  ["7d", "a week"],
];
const WHERE = `${ROOT}/alerts`;

export class AlertsPanel {
  constructor(me) {
    this.may = me.may.silence;
    this.list = h("div", {});
    this.silences = h("div", {});
    this.note = h("p", {});
    this.element = panel("Alerts", { id: "alerts", flush: true, tools: this.note }, this.list, this.silences);
  }

  async refresh() {
    try {
      const [alerts, silences] = await Promise.all([get(WHERE, { state: ["pending", "firing", "resolved"] }), get(`${WHERE}/silences`)]);
      this.draw(alerts, silences.silences);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.list.firstElementChild) fill(this.list, h("p", { class: "note inset" }, error.message));
    }
  }

  draw({ alerts, evaluated_at: evaluated, rules_problem: problem }, silences) {
    const key = JSON.stringify([alerts, silences, problem]);
    fill(this.note, evaluated ? ["evaluated ", when(evaluated)] : "not evaluated yet");
    if (key === this.drawn) return;
    this.drawn = key;
    const open = alerts.filter((alert) => alert.state !== "resolved");
    const over = alerts.filter((alert) => alert.state === "resolved");
    fill(
      this.list,
      problem ? h("p", { class: "note inset wrong" }, `The rules file has a mistake, its last good rules are in force. ${problem}`) : null,
      open.length ? h("ul", { class: "list alerts" }, open.map((alert) => this.row(alert))) : empty("No alert", "Nothing fires, and nothing is about to."),
      over.length ? h("details", { class: "inset" }, h("summary", {}, `Resolved (${over.length})`), h("ul", { class: "list alerts" }, over.slice(0, 50).map((alert) => this.row(alert)))) : null,
    );
    fill(
      this.silences,
      silences.length ? h("h3", { class: "between" }, "Silences") : null,
      silences.length
        ? h(
            "ul",
            { class: "list alerts" },
            silences.map((silence) =>
              h(
                "li",
                {},
                h("span", {}, h("code", {}, labelsOf(silence.labels)), h("span", { class: "soft small" }, ` ${silence.reason}`), h("span", { class: "under soft small" }, `until ${new Date(silence.ends_at).toLocaleString("en-GB")}, by ${silence.author}`)),
                this.may ? h("button", { type: "button", class: "small", on: { click: () => this.end(silence) } }, "End") : null,
              ),
            ),
          )
        : null,
    );
  }

  row(alert) {
    const value = typeof alert.value === "number" ? `, now ${Number(alert.value.toPrecision(4))}` : "";
    return h(
      "li",
      {},
      h("span", {}, h("span", { class: "title" }, alert.alert), " ", alertPill(alert), h("span", { class: "under soft small" }, `${alert.message || labelsOf(alert.labels)}${value}`), h("span", { class: "under soft small" }, `${alert.service ? `${alert.service}, ` : ""}${alert.state} since `, when(alert.timestamp))),
      this.may && alert.state !== "resolved" && !alert.muted_by ? h("button", { type: "button", class: "small", on: { click: () => this.silence(alert) } }, "Silence") : null,
    );
  }

  async silence(alert) {
    const duration = h("select", { name: "duration", id: "silence-duration" }, DURATIONS.map(([name, label]) => h("option", { value: name, selected: name === "2h" }, label)));
    const reason = h("input", { id: "silence-reason", required: true, maxlength: 1000, autocomplete: "off" });
    const labels = { ...alert.labels };
    const body = [
      h("p", {}, h("code", {}, labelsOf(labels))),
      h("div", { class: "field" }, h("label", { for: "silence-duration" }, "For"), duration),
      h("div", { class: "field" }, h("label", { for: "silence-reason" }, "Because"), reason),
    ];
    if (!(await ask({ heading: "Silence this alert?", words: "It is still evaluated and shown, but nobody is notified.", button: "Silence", body }))) return;
    await this.act(() => post(`${WHERE}/silences`, { labels, duration: duration.value, reason: reason.value }), "The alert is silenced.");
  }

  async end(silence) {
    if (!(await ask({ heading: "End this silence?", words: "Whoever is to be told is told again.", button: "End the silence" }))) return;
    await this.act(() => remove(`${WHERE}/silences/${encodeURIComponent(silence.id)}`), "The silence is over.");
  }

  async act(work, words) {
    try {
      await work();
      announce(words);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say(error.message, "bad");
    }
    this.refresh();
  }
}

const labelsOf = (labels) => Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(" ");
