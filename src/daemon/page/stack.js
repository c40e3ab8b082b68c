// One stack: is its data proven, what is not as the file says, how its units hang together, what was done lately.

import * as api from "./api.js";
import { action, away, confirm, el, icon, prose, redraw, say } from "./dom.js";
import { drawGraph } from "./graph.js";
import { missing, news, world } from "./live.js";
import { actOf, ago, badge, checks, drift, driftItem, ordered, phases, problems, section, trail, unreadable, writes } from "./report.js";
import { STATES, between, count, dueIn, duration, stateOf } from "./words.js";

/** How often the steps of a run at work are read, in milliseconds. */
const STEPS_EVERY = 1500;

const address = (name, rest = "") => `#/stacks/${encodeURIComponent(name)}${rest}`;

function state(row) {
  const { word, icon: picture, tone } = STATES[stateOf(row)];
  return el("span", { class: `state large tone-${tone}` }, icon(picture), word);
}

function facts(row) {
  return el("p", { class: "facts" },
    row.running_since && el("span", { class: "state tone-info" }, icon("running"), `running${row.running_on ? ` on ${row.running_on.split(":")[0]}` : ""}`),
    el("span", {}, row.verified_at ? ["verified ", ago(row.verified_at)] : "never verified"),
    row.at && el("span", {}, `last look ${row.swept ? "by a sweep" : row.depth ?? ""} `, ago(row.at), row.seconds ? `, ${duration(row.seconds)}` : ""),
    !row.running_since && el("span", {}, "next look ", Date.parse(row.due) > Date.now() ? ago(row.due) : dueIn(row.due)),
    el("span", {}, count(row.looks, "look")));
}

const healable = (report) => (report?.result === "changed" ? [] : report?.drift?.items ?? []).filter(actOf);

async function ask(name, wish, sentence) {
  await api.trigger(name, wish);
  say(sentence);
}

const look = (name, wish, sentence) => ask(name, wish, sentence).catch((error) => say(error.message, "bad"));

function askToHeal(name, report) {
  const items = healable(report);
  confirm({
    title: `Heal ${name}?`,
    body: [
      el("p", {}, items.length ? `As of the last look this would ${writes(items)}.` : "The last look found nothing to mend. It is looked at first, and only what is then found is mended.",
        " What takes something away becomes a plan that waits for approval."),
      items.length > 0 && el("ul", { class: "drifts" }, ordered(items).map(driftItem)),
    ],
    yes: "Heal now",
    act: () => ask(name, { heal: true, deep: false }, `Healing \`${name}\`.`),
  });
}

function actions(name, data) {
  const no = missing("operate");
  return el("div", { class: "actions" },
    action("Look now", { key: "look", missing: no, tone: "accent", onclick: () => look(name, { heal: false, deep: false }, `Looking at \`${name}\`.`) }),
    action("Deep look", { key: "deep", missing: no, onclick: () => look(name, { heal: false, deep: true }, `Looking deeply at \`${name}\`: terraform is asked, too.`) }),
    action("Heal now", { key: "heal", missing: no ?? (world.frozen ? "Healing is frozen." : null), onclick: () => askToHeal(name, data.report) }),
    away(data.links?.grafana, "Grafana"), away(data.links?.portal, "Azure portal"), away(data.links?.workspace, "Workspace"));
}

function top(name, row, data) {
  const no = missing("operate");
  return [
    trail(),
    el("div", { class: "headline" }, el("div", {}, el("h1", { tabindex: "-1" }, name), el("p", {}, state(row)), facts(row)), actions(name, data)),
    no && el("p", { class: "muted why" }, no),
    row.problem && el("div", { class: "banner tone-bad inside" }, icon("failing"), el("p", {}, prose(row.problem))),
    row.result === "waiting" && row.plan && el("div", { class: "banner tone-wait inside" }, icon("waiting"),
      el("p", {}, el("strong", {}, "A plan waits for approval. "), "It would ", writes((data.report?.drift?.items ?? []).filter(actOf)), "."),
      el("a", { class: "button filled tone-wait", href: address(name, `/plans/${encodeURIComponent(row.plan)}`), "data-key": "review" }, "Review the plan")),
  ];
}

function proof(report) {
  const list = report?.checks ?? [];
  const passed = list.filter((check) => check.verdict === "pass").length;
  return section("Proof", list.length ? [el("p", { class: "muted lead" }, `${passed} of ${count(list.length, "check")} passed, in the order in which data flows.`), checks(list)]
    : el("p", { class: "muted" }, "The last look did not ask whether data arrives."));
}

function differences(name, row, report) {
  const items = report?.drift?.items ?? [];
  if (!report?.drift) return section("Drift", el("p", { class: "muted" }, "Nobody has looked for drift yet."));
  const healed = report.result === "changed";
  const open = items.filter(actOf).length;
  const lead = !items.length ? "Everything is as the file says." : healed ? `${count(items.length, "item")} found and mended.`
    : `${count(open, "item")} to mend${items.length > open ? `, ${items.length - open} left alone` : ""}.`;
  return section("Drift",
    el("p", { class: "muted lead" }, lead, ` Depth: ${report.drift.depth}.`,
      report.drift.plan && !healed && [" ", el("a", { href: address(name, `/plans/${encodeURIComponent(report.drift.plan)}`), "data-key": "plan" }, `Plan ${report.drift.plan}`)]),
    items.length > 0 && drift(items));
}

const lastRuns = (name, list) => section("Last runs", !list?.length ? el("p", { class: "muted" }, "No run is in the journal yet.")
  : el("ul", { class: "runs" }, list.slice(0, 15).map((run) => el("li", {},
    el("a", { href: address(name, `/runs/${encodeURIComponent(run.id)}`), "data-key": `run-${run.id}` }, run.command, " ", ago(run.started)),
    badge(run.ended ? run.outcome ?? "interrupted" : "running"),
    el("span", { class: "muted" }, run.ended ? duration(between(run.started, run.ended)) : "")))));

const outputs = (report) => Object.keys(report?.outputs ?? {}).length > 0 && section("Outputs", el("dl", { class: "pairs" },
  Object.entries(report.outputs).map(([key, text]) => [el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, el("code", {}, text))])));

/** The view. */
export function stack(host, name) {
  const parts = Object.fromEntries(["top", "units", "proof", "drift", "problems", "runs", "outputs"].map((part) => [part, el("div", { class: `part-${part}` })]));
  host.append(parts.top, el("div", { class: "two" }, parts.proof, parts.drift), parts.units, parts.problems, el("div", { class: "two" }, parts.runs, parts.outputs));
  let data = null;
  let history = null;
  let steps = null;
  let chosen = null;
  let gone = false;
  let reading = false;
  let again = false;

  function draw() {
    const row = world.rows.get(name) ?? data;
    if (gone || !data || !row) return;
    const { report } = data;
    redraw(parts.top, [row, data.links, healable(report), world.frozen, world.me], () => top(name, row, data));
    redraw(parts.proof, report?.checks, () => proof(report));
    redraw(parts.drift, [report?.drift, report?.result], () => differences(name, row, report));
    redraw(parts.units, [data.graph, report?.units, report?.drift, report?.result, steps && [...steps]], () =>
      section("Units", drawGraph(data.graph ?? [], { report, steps }, chosen, (id) => { chosen = id; }), phases(report?.durations)));
    redraw(parts.problems, [report?.diagnostics, report?.plan?.findings], () => problems(report));
    redraw(parts.runs, history, () => lastRuns(name, history));
    redraw(parts.outputs, report?.outputs, () => outputs(report));
  }

  async function read() {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      do {
        again = false;
        [data, history] = await Promise.all([api.oneStack(name), api.runs(name).then((all) => all.runs, () => history)]);
        await readSteps();
        draw();
      } while (again && !gone);
    } catch (error) {
      if (!gone && !data) parts.top.replaceChildren(trail(), el("h1", { tabindex: "-1" }, name), unreadable(error));
    } finally {
      reading = false;
    }
  }

  /** While the stack is being worked on, the steps of that run tell where it is. */
  async function readSteps() {
    const atWork = (world.rows.get(name) ?? data)?.running_since && history?.find((run) => !run.ended);
    if (!atWork) {
      steps = null;
      return;
    }
    const told = await api.run(name, atWork.id).catch(() => null);
    steps = new Map((told?.steps ?? []).map((step) => [step.unit, step]));
  }

  const running = () => world.rows.get(name)?.running_since;
  let last = "";
  const changed = (event) => {
    if (!event.detail.has(name) && !event.detail.has("*")) {
      draw();
      return;
    }
    const row = world.rows.get(name);
    const { word, tone } = row ? STATES[stateOf(row)] : { word: "gone", tone: "idle" };
    const told = row ? `${row.run} ${word}` : "gone";
    if (last && told !== last && !row?.running_since) say(`\`${name}\` is ${word}.`, tone);
    last = told;
    if (row) read();
    else parts.top.replaceChildren(trail(), el("h1", { tabindex: "-1" }, name), el("p", {}, "This stack is not watched any more."));
  };
  news.addEventListener("change", changed);
  const timer = setInterval(() => running() && read(), STEPS_EVERY);
  parts.top.append(trail(), el("h1", { tabindex: "-1" }, name), el("p", { class: "muted" }, "Reading…"));
  read();
  return () => {
    gone = true;
    clearInterval(timer);
    news.removeEventListener("change", changed);
  };
}

