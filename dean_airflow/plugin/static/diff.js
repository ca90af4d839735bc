// A unified diff, as text. A long one is shown a piece at a time: ten megabytes at once would stop a browser.

import { h } from "./dom.js";
import { bytes, count } from "./format.js";

const LINES_AT_ONCE = 1500;
const LONGEST_LINE = 2000;

/** `next` is where the rest begins, null at the end; `more(next)` gives the piece there: {diff, next_offset, total_bytes}. */
export function diffView(text, { next = null, more = null, total = null } = {}) {
  const code = h("code", {});
  const box = h("pre", { class: "diff", tabindex: "0", role: "region", "aria-label": "Diff" }, code);
  const button = h("button", { type: "button", class: "small" }, "Show more");
  const state = h("span", {});
  const foot = h("div", { class: "pager", hidden: true }, state, h("span", {}, button));
  const waiting = lines(text);
  let shown = 0;

  function append() {
    const piece = waiting.splice(0, LINES_AT_ONCE);
    shown += piece.length;
    code.append(...piece.map((line) => h("span", { class: kind(line) }, line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line)));
    foot.hidden = waiting.length === 0 && next === null;
    state.textContent = `${count(shown)} lines shown${total ? `, ${bytes(total)} in all` : ""}`;
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      if (waiting.length < LINES_AT_ONCE && next !== null) {
        const piece = await more(next);
        waiting.push(...lines(piece.diff));
        next = piece.next_offset;
      }
      append();
    } catch (error) {
      state.textContent = error.message;
    }
    button.disabled = false;
  });
  append();
  return h("div", {}, box, foot);
}

/** The server cuts a diff at the ends of lines. */
function lines(text) {
  const found = text.split("\n");
  if (found.at(-1) === "") found.pop();
  return found;
}

function kind(line) {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) return "file";
  if (line.startsWith("@@")) return "place";
  if (line.startsWith("+")) return "added";
  if (line.startsWith("-")) return "removed";
  return "";
}
