// A page's life: it loads, shows, goes stale, recovers. Every state is one a reader can tell from the others.

import { ApiError, ROOT } from "./api.js";
import { fill, h, s } from "./dom.js";
import { follow } from "./feed.js";

const content = document.getElementById("content");
const notice = document.getElementById("notice");
const linkState = document.getElementById("link-state");
const announcer = document.getElementById("announcer");

const LONGEST_WAIT = 30_000;
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  polling: "Refreshing",
  offline: "Offline",
  denied: "No live feed",
};

/** Says something to whoever listens instead of looking. */
export function announce(text) {
  announcer.textContent = text;
}

/** A line above the page; an empty one takes it away. */
export function say(text, kind = "warn", ...more) {
  notice.hidden = !text;
  notice.dataset.kind = kind;
  if (text) fill(notice, h("span", {}, text), ...more);
}

export function show(...children) {
  content.setAttribute("aria-busy", "false");
  fill(content, ...children);
}

export function title(text) {
  document.title = `${text} · DEAN`;
}

/**
 * Loads by `load()` and hands what came to `draw(data)`, again and again: whenever `refresh()` is called, when a load
 * failed (after a growing wait), and when the browser is back on line. Returns `refresh`.
 *
 * What was shown once stays while the server is away, and says so. `gone(error)` draws what a 404 means here.
 */
export function page({ load, draw, gone }) {
  let waiting = null;
  let wait = 1000;
  let running = false;
  let again = false;
  let shownAt = null;

  async function run() {
    clearTimeout(waiting);
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const data = await load();
      wait = 1000;
      await draw(data);
      shownAt = new Date();
      content.classList.remove("stale");
      content.setAttribute("aria-busy", "false");
      say("");
    } catch (error) {
      if (!(error instanceof ApiError)) {
        if (shownAt === null) fault(new ApiError(-1, String(error?.message ?? error)));
        throw error; // a mistake of ours, which the console is to show
      }
      failed(error);
    } finally {
      running = false;
      if (again) {
        again = false;
        run();
      }
    }
  }

  function failed(error) {
    if (error.status === 404 && gone) {
      gone(error);
      return;
    }
    if (error.passing) {
      waiting = setTimeout(run, wait * (0.75 + Math.random() / 2));
      wait = Math.min(2 * wait, LONGEST_WAIT);
    }
    if (shownAt === null || error.status === 403) {
      fault(error, run);
      return;
    }
    content.classList.add("stale");
    const time = shownAt.toLocaleTimeString("en-GB");
    say(`${error.message} What you see is from ${time}.`, "bad", retryButton(run));
  }

  addEventListener("online", run);
  run();
  return run;
}

function retryButton(run) {
  return h("button", { class: "small", type: "button", on: { click: run } }, "Try now");
}

const FAULTS = {
  "-1": ["This page has failed", "That is a mistake in DEAN. Reload the page; the browser's console says more."],
  0: ["Airflow does not answer", "The page tries again by itself, and goes on as soon as it can."],
  401: ["You are not signed in", "Your session has ended. Sign in to Airflow again, then reload this page."],
  403: ["You may not see this", "Airflow says that this is not for you. Whoever looks after Airflow can give you the right."],
  404: ["Not here", ""],
  503: ["The store does not answer", "Airflow is here, but DEAN's database is not. The page tries again by itself."],
};

/** The whole page, for a fault that leaves nothing to show. */
export function fault(error, run = null) {
  const [heading, words] = FAULTS[error.status] ?? ["This cannot be shown", "The server's log says more."];
  show(
    empty(
      heading,
      words,
      error.message && error.message !== heading ? h("p", { class: "small" }, error.message) : null,
      h(
        "div",
        { class: "actions" },
        run && error.passing ? retryButton(run) : null,
        h("a", { class: "button", href: `${ROOT}/dashboard` }, "Overview"),
      ),
    ),
  );
  content.firstElementChild.classList.add("fault");
  announce(heading);
}

/** There is nothing here, which is not a fault: what it would be, and how it comes about. */
export function empty(heading, words, ...more) {
  const drawing = s(
    "svg",
    { viewBox: "0 0 40 40", "aria-hidden": "true" },
    s("path", { d: "M4 33 H36 M4 33 V7" }),
    s("path", { d: "M9 28 C16 28 16 17 22 17 S29 22 34 11", "stroke-dasharray": "2 3" }),
  );
  return h("div", { class: "empty" }, drawing, h("strong", {}, heading), words ? h("p", {}, words) : null, ...more);
}

/** Follows topics of the live feed and shows in the page's head how it is. */
export function live(topics, onFrame, { onBack } = {}) {
  let before = "connecting";
  linkState.hidden = false;
  return follow(topics, {
    onFrame,
    onState(state, reason) {
      linkState.dataset.state = state;
      linkState.title = reason ?? "";
      linkState.lastElementChild.textContent = WORDS[state] ?? state;
      if (state === "live" && before !== "live" && before !== "connecting") onBack?.();
      before = state;
    },
  });
}

/** `work` at once, then at most once in `gap` milliseconds however often it is asked for; the last asking counts. */
export function calmly(work, gap) {
  let timer = null;
  let last = -Infinity;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, last + gap - performance.now());
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      work();
    }, wait);
  };
}
