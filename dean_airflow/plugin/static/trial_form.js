// The form that starts a trial. Its fields, ranges and words are those of the DAG's own params, asked for, not known here.

import { API, ApiError, ROOT, get, post, whoami } from "./api.js";
import { fill, h } from "./dom.js";
import { announce, fault, page, say, show, title } from "./page.js";
import { prose } from "./parts.js";

title("Start a trial");

page({
  async load() {
    const [form, me] = await Promise.all([get(`${API}/trials/form`), whoami()]);
    return { form, me };
  },
  draw({ form, me }) {
    if (!me.may.start_trial) {
      fault(new ApiError(403, "Starting a trial needs the right to trigger dean_evolution_trial."));
      return;
    }
    if (!document.querySelector("form.form")) build(form.fields);
  },
});

function build(described) {
  const fields = described.map((field) => makeField(field));
  const bySection = new Map();
  for (const field of fields) bySection.set(field.section, [...(bySection.get(field.section) ?? []), field]);
  const state = h("span", { class: "soft small", role: "status" }, "Only the repository is needed.");
  const button = h("button", { class: "main", type: "submit" }, "Start the trial");
  const form = h(
    "form",
    { class: "form", novalidate: true },
    [...bySection].map(([section, members]) =>
      h("fieldset", {}, h("legend", {}, section || "Trial"), h("div", { class: "fields" }, members.map((member) => member.element))),
    ),
    h("div", { class: "foot" }, button, h("a", { class: "button", href: `${ROOT}/dashboard/trials` }, "Cancel"), state),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(fields, button, state);
  });
  show(
    h("div", { class: "head" }, h("div", {}, h("h1", {}, "Start a trial"), h("p", { class: "sub" }, "The params of dean_evolution_trial. What is left empty is detected from the target."))),
    form,
  );
  fillFromAddress(fields);
}

/** `?repository=…` fills the form in, for links from elsewhere. */
function fillFromAddress(fields) {
  for (const [name, value] of new URLSearchParams(location.search)) fields.find((field) => field.name === name)?.set?.(value);
}

async function submit(fields, button, state) {
  const values = {};
  let first = null;
  for (const field of fields) {
    let problem = "";
    try {
      const value = field.read();
      if (value !== undefined) values[field.name] = value;
    } catch (error) {
      problem = error.message;
    }
    field.wrong(problem);
    if (problem) first ??= field;
  }
  if (first) {
    state.textContent = "Some fields need another look.";
    first.focus();
    return;
  }
  button.disabled = true;
  state.textContent = "Starting…";
  try {
    const started = await post(`${API}/trials`, values);
    announce("The trial has been started.");
    location.assign(`${ROOT}/dashboard/trials/${encodeURIComponent(started.trial_id)}`);
  } catch (error) {
    button.disabled = false;
    if (!(error instanceof ApiError)) throw error;
    state.textContent = "Nothing was started.";
    const unnamed = error.errors.filter(({ field, message }) => {
      const named = fields.find((one) => one.name === String(field).split(".")[0]);
      named?.wrong(message);
      if (named) first ??= named;
      return !named;
    });
    if (first) first.focus();
    if (!first || unnamed.length) say([error.message, ...unnamed.map((one) => one.message)].join(" "), "bad");
  }
}

/** {name, section, element, read() (a value, undefined: as by default; throws Error), wrong(text), focus()}. */
function makeField(field) {
  const id = `f-${field.name}`;
  const schema = field.schema;
  const types = [schema.type].flat();
  const make = schema.enum ? choiceOf : types.includes("array") ? listOf : types.includes("object") ? weightsOf : types.includes("boolean") ? switchOf : types.includes("integer") || types.includes("number") ? numberOf : textOf;
  const { control, read, target, set } = make(field, id, schema);
  const problem = h("span", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const help = h("span", { class: "help", id: `${id}-help` }, prose(field.description));
  const label = field.title || field.name;
  const limits = limitsOf(schema);
  const words = [label, field.required ? h("span", { class: "limit" }, " (needed)") : null, limits ? h("span", { class: "limit" }, ` ${limits}`) : null];
  const grouped = target === null;
  const element = h(
    "div",
    { class: `field${field.name === "repository" || grouped ? " whole" : ""}`, role: grouped ? "group" : null, "aria-labelledby": grouped ? `${id}-label` : null },
    grouped ? h("span", { class: "label", id: `${id}-label` }, words) : h("label", { for: id }, words),
    control,
    help,
    problem,
  );
  const focusable = target ?? control.querySelector("input");
  focusable?.setAttribute("aria-describedby", `${id}-help ${id}-wrong`);
  return {
    name: field.name,
    section: field.section,
    element,
    read,
    set,
    focus: () => focusable?.focus(),
    wrong(text) {
      problem.hidden = !text;
      fill(problem, text);
      if (text) focusable?.setAttribute("aria-invalid", "true");
      else focusable?.removeAttribute("aria-invalid");
    },
  };
}

function limitsOf({ minimum, maximum: high, exclusiveMinimum }) {
  const low = minimum ?? exclusiveMinimum;
  if (low === undefined || high === undefined) return low === undefined ? "" : `from ${low}`;
  return exclusiveMinimum === undefined ? `${low} to ${high.toLocaleString("en")}` : `above ${low}, to ${high.toLocaleString("en")}`;
}

function textOf(field, id, schema) {
  const input = h("input", { id, type: "text", value: field.default ?? "", autocomplete: "off", spellcheck: "false", required: field.required, maxlength: schema.maxLength ?? null });
  const read = () => {
    const value = input.value.trim();
    if (!value && field.required) throw new Error("This is needed.");
    if (value && schema.pattern && !new RegExp(schema.pattern, "u").test(value)) throw new Error(`This must match ${schema.pattern}.`);
    return value === (field.default ?? "") ? undefined : value;
  };
  return { control: input, read, target: input, set: (value) => (input.value = value) };
}

function numberOf(field, id, schema) {
  const whole = [schema.type].flat().includes("integer");
  const input = h("input", { id, type: "number", value: field.default ?? "", step: whole ? 1 : "any", min: schema.minimum ?? schema.exclusiveMinimum ?? null, max: schema.maximum ?? null, inputmode: whole ? "numeric" : "decimal" });
  const read = () => {
    if (input.value === "" && !input.validity.badInput) return undefined;
    const value = Number(input.value);
    const low = schema.minimum ?? -Infinity;
    const above = schema.exclusiveMinimum ?? -Infinity;
    if (input.validity.badInput || !Number.isFinite(value)) throw new Error("This must be a number.");
    if (whole && !Number.isInteger(value)) throw new Error("This must be a whole number.");
    if (value < low || value <= above || value > (schema.maximum ?? Infinity)) throw new Error(`This must be ${limitsOf(schema)}.`);
    return value === field.default ? undefined : value;
  };
  return { control: input, read, target: input, set: (value) => (input.value = value) };
}

function switchOf(field, id) {
  const input = h("input", { id, type: "checkbox", checked: field.default === true });
  return { control: input, read: () => (input.checked === field.default ? undefined : input.checked), target: input };
}

function choiceOf(field, id, schema) {
  const select = h("select", { id }, schema.enum.map((word) => h("option", { value: word, selected: word === field.default }, word)));
  return { control: select, read: () => (select.value === field.default ? undefined : select.value), target: select, set: (value) => (select.value = value) };
}

function listOf(field, id) {
  const before = field.default === null || field.default === undefined ? "" : field.default.join("\n");
  const area = h("textarea", { id, rows: 2, spellcheck: "false", placeholder: "one a line" }, before);
  const read = () => {
    const lines = area.value.split("\n").map((line) => line.trim()).filter(Boolean);
    return lines.join("\n") === before ? undefined : lines;
  };
  return { control: area, read, target: area };
}

/** An object of numbers by word: the weights of objectives. */
function weightsOf(field, id, schema) {
  const words = schema.propertyNames?.enum ?? ["runtime", "memory", "complexity", "size"];
  const inputs = words.map((word) => h("input", { type: "number", min: 0, max: 1, step: "any", value: field.default?.[word] ?? 0, "data-word": word, "aria-label": `${field.title}: ${word}` }));
  const read = () => {
    const weights = Object.fromEntries(inputs.map((input) => [input.dataset.word, Number(input.value)]).filter(([, weight]) => weight !== 0));
    const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
    if (!(Math.abs(sum - 1) < 1e-6)) throw new Error(`The weights must sum to 1, not ${Number(sum.toFixed(4))}.`);
    return JSON.stringify(weights) === JSON.stringify(field.default) ? undefined : weights;
  };
  return { control: h("div", { class: "weights", id }, inputs.map((input) => h("label", {}, input.dataset.word, input))), read, target: null };
}
