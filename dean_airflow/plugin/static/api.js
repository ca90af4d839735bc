// DEAN's own API, as the reader's own session may use it.

export const ROOT = document.documentElement.dataset.root ?? "";
export const API = `${ROOT}/api/v1`;

/** What went wrong: `status` is HTTP's, 0 where no answer came; `errors` are those of a form's fields. */
export class ApiError extends Error {
  constructor(status, message, errors = []) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.errors = errors;
  }

  /** Whether waiting may help. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 502 || this.status === 500;
  }
}

/** Path with a query of those values that say something; lists are repeated. */
export function address(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else if (value !== null && value !== undefined && value !== "") search.set(name, value);
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export const get = (path, query, signal) => request("GET", address(path, query), undefined, signal);
export const post = (path, body = {}) => request("POST", path, body);
export const remove = (path) => request("DELETE", path);

/** What `asked` gives; null where this reader may not have it, so that a page can leave that part out. */
export function ifAllowed(asked) {
  return asked.catch((error) => {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  });
}

async function request(method, path, body, signal) {
  let answer;
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: signal ?? AbortSignal.timeout(30_000),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Airflow does not answer.");
  }
  const data = await answer.json().catch(() => null);
  if (answer.ok) return data;
  throw new ApiError(answer.status, sentence(answer.status, data), fieldErrors(data));
}

function sentence(status, data) {
  if (status === 401) return "Your session has ended; sign in to Airflow again.";
  const detail = data?.detail ?? data?.error?.message ?? data?.message;
  if (typeof detail === "string" && detail) return detail;
  if (status === 403) return "You may not see or do this.";
  if (status === 404) return "There is no such thing here.";
  if (status === 422 || status === 400) return "Some of what was sent cannot be.";
  return `The server answered ${status}.`;
}

function fieldErrors(data) {
  if (Array.isArray(data?.details)) return data.details;
  if (!Array.isArray(data?.detail)) return [];
  return data.detail.map((one) => ({ field: String(one.loc?.at(-1) ?? ""), message: one.msg }));
}

let me = null;
/** Who reads, and what they may do; asked once a page. */
export function whoami() {
  me ??= get(`${API}/me`).catch((error) => {
    me = null;
    throw error;
  });
  return me;
}
