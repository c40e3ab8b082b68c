// The words of the page: states, results, ages. A state is always an icon and a word; colour only repeats it.

/** States of a stack, the ones that need somebody first. */
export const STATES = {
  failing: { word: "failing", icon: "failing", tone: "bad" },
  denied: { word: "denied", icon: "denied", tone: "bad" },
  waiting: { word: "waiting", icon: "waiting", tone: "wait" },
  drifted: { word: "drifted", icon: "drifted", tone: "warn" },
  unproven: { word: "unproven", icon: "unproven", tone: "warn" },
  held: { word: "held up", icon: "held", tone: "idle" },
  new: { word: "not looked at", icon: "new", tone: "idle" },
  verified: { word: "verified", icon: "verified", tone: "good" },
};

/** Order of attention. */
export const RANK = Object.fromEntries(Object.keys(STATES).map((kind, at) => [kind, at]));

const KINDS = {
  failed: "failing", denied: "denied", waiting: "waiting", drifted: "drifted", unverified: "unproven", locked: "held",
  interrupted: "held",
};

/** The state of a row: what its last look found. */
export function stateOf(row) {
  if (!row.result) return row.problem ? "failing" : "new";
  return KINDS[row.result] ?? (row.verified ? "verified" : "unproven");
}

/** How a run, a step, a unit or a check ended. */
export const OUTCOMES = {
  changed: { icon: "verified", tone: "good" },
  unchanged: { icon: "verified", tone: "good" },
  done: { icon: "verified", tone: "good" },
  pass: { icon: "verified", tone: "good" },
  "in order": { icon: "verified", tone: "good" },
  planned: { icon: "planned", tone: "info" },
  running: { icon: "running", tone: "info" },
  drifted: { icon: "drifted", tone: "warn" },
  unverified: { icon: "unproven", tone: "warn" },
  pending: { icon: "pending", tone: "warn" },
  waiting: { icon: "waiting", tone: "wait" },
  denied: { icon: "denied", tone: "bad" },
  failed: { icon: "failing", tone: "bad" },
  fail: { icon: "failing", tone: "bad" },
  error: { icon: "failing", tone: "bad" },
  deny: { icon: "denied", tone: "bad" },
  warn: { icon: "drifted", tone: "warn" },
  warning: { icon: "drifted", tone: "warn" },
  blocked: { icon: "held", tone: "bad" },
  locked: { icon: "held", tone: "idle" },
  cancelled: { icon: "skipped", tone: "idle" },
  interrupted: { icon: "skipped", tone: "idle" },
  ignored: { icon: "skipped", tone: "idle" },
  skipped: { icon: "skipped", tone: "idle" },
};

/** Icon and tone of any outcome, known or not. */
export const outcomeOf = (word) => OUTCOMES[word] ?? { icon: "unproven", tone: "idle" };

/** The six questions of the proof. */
export const QUESTIONS = {
  "control-plane": "Everything is connected",
  agents: "Metrics agents are ready",
  "scrape-target": "Hubble is scraped on every node",
  "hubble-flows": "Network flows arrive in the workspace",
  "grafana-query": "Grafana reads the same series",
  dashboards: "Networking dashboards are there",
};

let skew = 0;

/** Takes the daemon's clock for the time of this page. */
export function setClock(now) {
  const at = Date.parse(now);
  if (Number.isFinite(at)) skew = at - Date.now();
}

export const now = () => Date.now() + skew;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** A length of time in its largest unit: `4 min`, `3 d`. */
export function span(seconds) {
  const [name, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  return `${Math.max(0, Math.floor(seconds / size))} ${name}`;
}

/** A measured duration: `0.15 s`, `12.3 s`, `4 min 05 s`. */
export function duration(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

export const between = (start, end) => (Date.parse(end) - Date.parse(start)) / 1000;

/** How long ago, or in how long. */
export function relative(at) {
  const seconds = (now() - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return "–";
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

/** When a look is due: `in 12 min`, or `due now`. */
export const dueIn = (at) => (Date.parse(at) <= now() ? "due now" : relative(at));

/** The moment itself, in the reader's zone. */
export const moment = (at) => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "–" : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
};

/** `1 item`, `2 items`. */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** The end of an ARM id, which a person knows it by. */
export function shortId(id) {
  const parts = String(id).split("/").filter(Boolean);
  return String(id).startsWith("/") && parts.length > 2 ? parts.slice(-2).join("/") : String(id);
}
