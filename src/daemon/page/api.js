// The daemon's API: requests with a bearer token, and the stream of events with its reconnects.

const KEY = "aksight.token";
/** The daemon sends a comment every 15 seconds; a stream that is silent for longer than this is dead. */
const SILENCE = 40_000;
const SHORTEST = 500;
const LONGEST = 30_000;

/** A refusal, in the daemon's own sentence. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Lives as long as the tab. */
export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

/** Told when the daemon does not know the token any more. */
export const session = new EventTarget();

const SENTENCES = {
  401: "The daemon does not know this token.", 403: "This token may not do that.", 404: "There is no such thing here.",
  413: "That was too much at once.", 429: "Too many requests; wait a moment.", 503: "The daemon is stopping or overloaded.",
};

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new Refused(response.status, body?.error ?? SENTENCES[response.status] ?? `The daemon answered with ${response.status}.`);
}

async function ask(path, options = {}) {
  const mine = token.get();
  let response;
  try {
    response = await fetch(path, {
      ...options, cache: "no-store", credentials: "omit", redirect: "error",
      headers: { authorization: `Bearer ${mine}`, ...options.headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The daemon does not answer.");
  }
  if (response.status === 401 && mine === token.get()) session.dispatchEvent(new Event("ended"));
  if (!response.ok) throw await refusal(response);
  return response;
}

const get = async (path) => (await ask(`/api/v1/${path}`)).json();

async function send(method, path, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  const response = await ask(`/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  return response.json().catch(() => null);
}

const stack = (name, rest = "") => `stacks/${encodeURIComponent(name)}${rest}`;

export const me = () => get("me");
export const stacks = () => get("stacks");
export const oneStack = (name) => get(stack(name));
export const runs = (name) => get(stack(name, "/runs"));
export const run = (name, id) => get(stack(name, `/runs/${encodeURIComponent(id)}`));
export const plan = (name, id) => get(stack(name, `/plans/${encodeURIComponent(id)}`));
export const trigger = (name, wish) => send("POST", stack(name, "/trigger"), wish);
export const approve = (name, id) => send("POST", stack(name, "/approve"), { plan: id });
export const reject = (name, id) => send("POST", stack(name, "/reject"), { plan: id });
export const freeze = (frozen) => send(frozen ? "POST" : "DELETE", "freeze");

/** Whether the daemon takes a token, without keeping it. */
export async function tryToken(value) {
  const before = token.get();
  token.set(value);
  try {
    return await me();
  } catch (error) {
    if (before) token.set(before);
    else token.clear();
    throw error;
  }
}

/** Takes events out of the text of a stream; keeps what is not complete yet. */
export function parser(onevent) {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { type: "message", data: [] };
      for (const line of block.split("\n")) {
        const [, field, value] = /^([a-z]*):? ?(.*)$/s.exec(line) ?? [];
        if (field === "event") event.type = value;
        if (field === "data") event.data.push(value);
      }
      if (event.data.length) onevent(event.type, event.data.join("\n"));
    }
  };
}

async function listen(stop, { onopen, onevent }) {
  const quiet = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(), SILENCE);
  };
  try {
    heard();
    const response = await ask("/api/v1/events", { signal: AbortSignal.any([stop, quiet.signal]), headers: { accept: "text/event-stream" } });
    await onopen();
    const feed = parser((type, data) => {
      try {
        onevent(type, JSON.parse(data));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

const pause = (milliseconds, stop) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  const wake = () => {
    clearTimeout(timer);
    resolve();
  };
  stop.addEventListener("abort", wake, { once: true });
  window.addEventListener("online", wake, { once: true });
});

/** Follows the daemon's events until `stop`; `onopen` and `onlost` tell when it hears and when it does not. */
export async function follow(stop, { onopen, onlost, onevent }) {
  let wait = SHORTEST;
  while (!stop.aborted) {
    const opened = async () => {
      await onopen();
      wait = SHORTEST;
    };
    await listen(stop, { onopen: opened, onevent }).catch(() => {});
    if (stop.aborted) return;
    onlost();
    await pause(wait * (0.75 + Math.random() / 2), stop);
    wait = Math.min(wait * 2, LONGEST);
  }
}
