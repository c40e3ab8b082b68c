// What the page knows of the fleet, kept up to date by the stream of events.

import * as api from "./api.js";
import { setClock } from "./words.js";

/** Changes come in bursts; what depends on them is drawn at most this often, in milliseconds. */
const TOGETHER = 60;

/** Rows by name, the daemon's own state, and who the reader is. */
export const world = { rows: new Map(), frozen: false, problem: null, me: null, state: "off", loaded: false };

/** `change` carries the names of the rows that changed; `state` the state of the connection. */
export const news = new EventTarget();

const ROLES = ["read", "operate", "approve"];

/** Why the reader may not do what needs `role`; null when he may. */
export function missing(role) {
  const mine = world.me?.role;
  return ROLES.indexOf(mine) >= ROLES.indexOf(role) ? null : `This needs the role ${role}; your token has the role ${mine ?? "read"}.`;
}

let stop = null;
let changed = new Set();
let timer = null;

function tell(name) {
  changed.add(name);
  timer ??= setTimeout(() => {
    const names = changed;
    [changed, timer] = [new Set(), null];
    news.dispatchEvent(new CustomEvent("change", { detail: names }));
  }, TOGETHER);
}

function connection(state) {
  world.state = state;
  news.dispatchEvent(new Event("state"));
}

function take(type, data) {
  if (type === "stack") {
    world.rows.set(data.name, data);
    tell(data.name);
  } else if (type === "gone") {
    world.rows.delete(data.name);
    tell(data.name);
  } else if (type === "daemon") {
    Object.assign(world, { frozen: data.frozen, problem: data.problem });
    tell("");
  }
}

/** Reads everything. Events that come in the meantime wait in the stream and are taken afterwards, in their order. */
async function load() {
  const all = await api.stacks();
  setClock(all.now);
  Object.assign(world, { frozen: all.frozen, problem: all.problem, loaded: true });
  world.rows = new Map(all.stacks.map((row) => [row.name, row]));
  connection("live");
  tell("*");
}

/** Begins to follow the daemon; what was known before is forgotten. */
export function start(me) {
  end();
  Object.assign(world, { me, rows: new Map(), loaded: false });
  stop = new AbortController();
  connection("connecting");
  const mine = stop.signal;
  api.follow(mine, { onopen: load, onlost: () => connection("reconnecting"), onevent: take });
}

/** Lets go of the daemon. */
export function end() {
  stop?.abort();
  stop = null;
  connection("off");
}

/** Takes a new state of the freeze at once, before the event tells it. */
export function setFrozen(frozen) {
  world.frozen = frozen;
  tell("");
}
