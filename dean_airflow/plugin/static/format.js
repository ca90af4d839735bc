// Numbers, durations and moments as people read them. What is not known is a dash, never a zero.

export const NOTHING = "–";

const known = (value) => typeof value === "number" && Number.isFinite(value);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const count = (value) => (known(value) ? whole.format(value) : NOTHING);
export const fixed = (value, digits = 3) => (known(value) ? value.toFixed(digits) : NOTHING);
export const factor = (value) => (known(value) ? `${value.toFixed(2)}×` : NOTHING);
export const percent = (value, digits = 0) => (known(value) ? `${(100 * value).toFixed(digits)} %` : NOTHING);

/** Three digits, with a unit's multiple where it is large. */
export function short(value) {
  if (!known(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 1e9) return `${three.format(value / 1e9)} G`;
  if (size >= 1e6) return `${three.format(value / 1e6)} M`;
  if (size >= 1e4) return `${three.format(value / 1e3)} k`;
  return three.format(value);
}

export function interval(pair, write = factor) {
  return Array.isArray(pair) && pair.length === 2 ? `${write(pair[0])} to ${write(pair[1])}` : NOTHING;
}

export function noun(number, singular, plural = `${singular}s`) {
  return `${count(number)} ${number === 1 ? singular : plural}`;
}

export function milliseconds(value) {
  if (!known(value)) return NOTHING;
  return value < 10 ? `${value.toFixed(1)} ms` : value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Seconds as the two largest units that say it. */
export function duration(seconds) {
  if (!known(seconds) || seconds < 0) return NOTHING;
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function seconds(from, to = null) {
  if (!from) return null;
  return (moment(to ?? undefined) - moment(from)) / 1000;
}

/** Milliseconds since the epoch of a text; of the server's now without one. */
export function moment(text) {
  return text ? Date.parse(text) : Date.now() + drift;
}

let drift = 0;
/** What the server says the time is: ages are measured on its clock, not on the reader's. */
export function setNow(text) {
  const time = Date.parse(text);
  if (Number.isFinite(time)) drift = time - Date.now();
}

export function ago(text) {
  const past = seconds(text);
  if (past === null || !Number.isFinite(past)) return NOTHING;
  if (past < 5) return "now";
  if (past < 60) return `${Math.floor(past)} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 172800) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86400)} d ago`;
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const date = (text) => (text ? day.format(new Date(text)) : NOTHING);

export function bytes(size) {
  if (!known(size)) return NOTHING;
  if (size < 1024) return `${size} B`;
  return size < 1048576 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1048576).toFixed(1)} MiB`;
}

/** The last part of a repository's path or URL, which is what people call it. */
export function repositoryName(repository) {
  const parts = String(repository ?? "").replace(/\/+$/, "").split(/[/:]/);
  return (parts[parts.length - 1] || String(repository ?? "")).replace(/\.git$/, "") || NOTHING;
}
