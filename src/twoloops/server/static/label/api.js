// Asking the server, and the three ways in which it does not answer.

const PATIENCE = 20_000; // milliseconds

// The server understood and said no: asking again changes nothing.
export class Refused extends Error {}

// No network, no server, or one that is busy: ask again later.
export class Away extends Error {
  constructor(message, { seconds = 0, network = false } = {}) {
    super(message);
    this.seconds = seconds;
    this.network = network;
  }
}

// The token is expired, revoked, or not for this.
export class Outside extends Error {}

let labeller = "";

// Say whose answers this page gives: another log-in in the browser must not make them its own.
export function as(who) {
  labeller = encodeURIComponent(who);
}

export async function call(method, path, body, more = {}) {
  let response;
  const headers = { "X-Labeller": labeller };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
      ...more,
    });
  } catch {
    throw new Away("the server cannot be reached", { network: true });
  }
  if (response.ok) {
    try {
      return response.status === 204 ? null : await response.json();
    } catch {
      throw new Away("the answer was cut short", { network: true });
    }
  }
  const detail = await told(response);
  if (response.status === 401 || response.status === 403) throw new Outside(detail);
  if (response.status >= 500 || [408, 425, 429].includes(response.status)) {
    throw new Away(detail, { seconds: Number(response.headers.get("Retry-After")) || 0 });
  }
  throw new Refused(detail);
}

async function told(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return `status ${response.status}`;
  }
}
