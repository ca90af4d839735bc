/**
 * The live feed for pages: one socket however many follow, replay after it was lost, polling while there is none.
 *
 *   const stop = follow(["trials", "trial:trial-0123"], { onFrame, onState });
 *
 * `onFrame(frame)` gets every frame of the topics once and in order: `{type, topic, position, timestamp, data}`. Its
 * first is a `snapshot`; a later `snapshot` replaces what was told before. `onState(state, reason)` gets
 *   connecting  no answer yet
 *   live        frames come as things happen
 *   polling     the socket is lost; the server is asked every two seconds
 *   offline     nobody answers, or the store behind the server does not; it goes on by itself
 *   denied      the server refuses: logged out, or no permission; it does not go on by itself
 */

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const STEADY = 10000; // ms after which a connection counts as good, and the next loss begins with the first pause
const POLL_PAUSE = 2000;
const PING_PAUSE = 25000;
const SILENCE = 45000; // ms without a word: the server sends something every 30 s
const OVER = new Set(["trial_removed", "deployment_removed"]);
const NO_PERMISSION = 4403;

class Feed {
  /** `base` is where DEAN is mounted, such as `https://host/dean`. */
  constructor(base) {
    this.base = base;
    this.topics = new Map(); // name -> {position, followers, over}
    this.followers = new Set();
    this.state = "connecting";
    this.reason = "";
    this.socket = null;
    this.lost = 0; // how often in a row
    this.timers = {};
    this.polling = null;
    addEventListener("online", () => this.again());
    addEventListener("offline", () => this.drop("the browser is offline"));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.again());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.again());
  }

  follow(names, { onFrame = () => {}, onState = () => {}, after = {} } = {}) {
    const follower = { names: new Set(names), onFrame, onState };
    this.followers.add(follower);
    for (const name of follower.names) {
      const known = this.topics.get(name);
      if (known && !known.over) {
        known.position = null; // whoever comes later needs the whole, too
      } else {
        this.topics.set(name, { position: after[name] ?? null, over: false });
      }
      this.ask(name);
    }
    call(onState, this.state, this.reason);
    if (!this.socket && !this.timers.connect && this.state !== "denied") this.connect();
    return () => this.leave(follower);
  }

  leave(follower) {
    if (!this.followers.delete(follower)) return;
    for (const name of follower.names) {
      if ([...this.followers].some((other) => other.names.has(name))) continue;
      this.topics.delete(name);
      this.say({ unsubscribe: [name] });
    }
    if (!this.followers.size) this.close();
  }

  /** Gives up what waits, and tries at once. */
  again() {
    if (!this.followers.size || this.socket || (this.state === "denied" && document.visibilityState !== "visible")) return;
    this.lost = 0;
    this.connect();
  }

  /** No socket, no timers; the positions stay. */
  close() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    this.polling?.abort();
    this.polling = null;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  connect() {
    this.stop("connect");
    const socket = new WebSocket(this.base.replace(/^http/, "ws") + "/ws?topics=");
    this.socket = socket;
    socket.onmessage = (event) => socket === this.socket && this.hear(event.data);
    socket.onclose = (event) => socket === this.socket && this.drop(event.reason, event.code);
  }

  /** The socket is gone: it is tried again later, and the server asked by HTTP until then. */
  drop(reason = "", code = 0) {
    this.close();
    if (!this.followers.size) return;
    if (code === NO_PERMISSION) return this.become("denied", reason);
    if (this.state === "live") this.become("connecting", reason);
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.lost) * (0.8 + 0.4 * Math.random());
    this.lost += 1;
    this.timers.connect = setTimeout(() => this.connect(), pause);
    this.poll();
  }

  hear(text) {
    this.heard = Date.now();
    if (text === "pong") return;
    const frame = JSON.parse(text);
    if (frame.type === "connection") return this.greet();
    if (!frame.topic) {
      if (frame.type === "error") this.become("offline", frame.data.message);
      if (frame.type === "live") this.become("live");
      return;
    }
    this.tell(frame);
  }

  greet() {
    this.polling?.abort(); // its answer would come twice
    this.polling = null;
    this.stop("poll");
    for (const name of this.topics.keys()) this.ask(name);
    this.greeted = true;
    this.become("live");
    this.timers.steady = setTimeout(() => (this.lost = 0), STEADY);
    const ping = () => {
      if (Date.now() - this.heard > SILENCE) return this.drop("the server has fallen silent");
      this.socket.send("ping");
      this.timers.ping = setTimeout(ping, PING_PAUSE);
    };
    this.timers.ping = setTimeout(ping, PING_PAUSE);
  }

  ask(name) {
    const topic = this.topics.get(name);
    if (topic && !topic.over) this.say({ subscribe: [{ topic: name, after: topic.position }] });
  }

  say(what) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(what));
  }

  tell(frame) {
    const topic = this.topics.get(frame.topic);
    if (!topic || topic.over) return;
    if (frame.position) topic.position = frame.position;
    if (frame.type === "error" && frame.data.code === "store") {
      setTimeout(() => this.ask(frame.topic), POLL_PAUSE);
    } else if (frame.type === "error" || OVER.has(frame.type) && frame.topic.includes(":")) {
      topic.over = true;
    }
    for (const follower of [...this.followers]) {
      if (follower.names.has(frame.topic)) call(follower.onFrame, frame);
    }
  }

  async poll() {
    const names = [...this.topics.keys()].filter((name) => !this.topics.get(name).over);
    const polling = new AbortController();
    this.polling = polling;
    try {
      if (!(await this.fetch(names, polling.signal))) {
        for (const name of names) await this.fetch([name], polling.signal);
      }
      if (!polling.signal.aborted) this.become("polling");
    } catch (error) {
      if (polling.signal.aborted) return;
      if (error.denied) {
        this.close();
        return this.become("denied", error.message);
      }
      this.become("offline", error.message);
    }
    if (!polling.signal.aborted) this.timers.poll = setTimeout(() => this.poll(), POLL_PAUSE);
  }

  /** Tells what is new of the topics; false where one of several is not there, so that each must be asked for. */
  async fetch(names, signal) {
    if (!names.length) return true;
    const query = new URLSearchParams();
    for (const name of names) {
      query.append("topic", name);
      query.append("after", this.topics.get(name)?.position ?? "");
    }
    const answer = await fetch(`${this.base}/api/v1/feed?${query}`, { signal, credentials: "same-origin" });
    if (answer.status === 404 || answer.status === 422) {
      if (names.length > 1) return false;
      const { detail } = await answer.json();
      if (!signal.aborted) this.tell({ type: "error", topic: names[0], data: { code: "not_found", message: detail } });
      return true;
    }
    if (!answer.ok) {
      const detail = await answer.json().then((body) => body.detail, () => answer.statusText);
      throw Object.assign(new Error(String(detail)), { denied: answer.status === 401 || answer.status === 403 });
    }
    const { frames, positions } = await answer.json();
    if (signal.aborted) return true;
    for (const frame of frames) this.tell(frame);
    for (const [name, position] of Object.entries(positions)) {
      if (this.topics.has(name)) this.topics.get(name).position = position;
    }
    return true;
  }

  become(state, reason = "") {
    if (state === this.state && reason === this.reason) return;
    this.state = state;
    this.reason = reason;
    for (const follower of [...this.followers]) call(follower.onState, state, reason);
  }

  stop(name) {
    clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}

/** A page's mistake in one place does not keep another from hearing. */
function call(handler, ...what) {
  try {
    handler(...what);
  } catch (error) {
    console.error(error);
  }
}

let shared = null;

/** Follows topics from now on, or from `after` (`{topic: position}`); the result ends it. */
export function follow(topics, handlers) {
  shared ??= new Feed(import.meta.url.split("/static/")[0]);
  return shared.follow(topics, handlers);
}
