// One run as a timeline: every step a bar on the axis of time, with what was seen when it ended.

import * as api from "./api.js";
import { el, prose, redraw } from "./dom.js";
import { ago, badge, checks, drift, phases, problems, section, trail, unreadable } from "./report.js";
import { between, count, duration, moment, now, outcomeOf } from "./words.js";

/** How often a run at work is read, in milliseconds. */
const EVERY = 1500;
/** Ticks of the axis, in seconds. */
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];

const percent = (part, whole) => `${Math.max(0, Math.min(100, (part / whole) * 100))}%`;

function axis(seconds) {
  const step = TICKS.find((tick) => seconds / tick <= 6) ?? seconds / 4;
  const ticks = [];
  for (let at = 0; at <= seconds * 1.0001; at += step) ticks.push(at);
  const label = (at) => (at === 0 ? "0" : step < 1 ? `${at.toFixed(1)} s` : at < 60 ? `${Math.round(at)} s` : duration(at).replace(" 00 s", ""));
  return el("div", { class: "axis", "aria-hidden": "true" }, el("div", { class: "lane" }, ticks.map((at) => {
    const tick = el("span", { class: "tick" }, label(at));
    tick.style.left = percent(at, seconds);
    return tick;
  })));
}

const evidence = (seen) => (typeof seen === "string" ? el("p", {}, prose(seen)) : el("pre", { tabindex: "0" }, JSON.stringify(seen, null, 2)));

function bar(step, run, seconds, at) {
  const end = step.ended ?? new Date(now()).toISOString();
  const [from, took] = [between(run.started, step.started), between(step.started, end)];
  const outcome = step.ended ? step.outcome ?? "done" : "running";
  const block = el("span", { class: `block tone-${outcomeOf(outcome).tone}${step.ended ? "" : " open"}` });
  block.style.left = percent(from, seconds);
  block.style.width = percent(took, seconds);
  const length = el("span", { class: "length" }, duration(took));
  const late = (from + took) / seconds > 0.8;
  if (late) length.style.right = `calc(100% - ${percent(from, seconds)} + 6px)`;
  else length.style.left = `calc(${percent(from + took, seconds)} + 6px)`;
  return el("li", {}, el("details", { class: "step", "data-key": `step-${step.unit}-${at}` },
    el("summary", {}, el("span", { class: "step-name" }, badge(outcome, ""), el("span", { class: "unit-id" }, step.unit), el("span", { class: "hidden" }, ` ${outcome}`)),
      el("span", { class: "lane" }, block, length)),
    el("div", { class: "step-more" },
      el("p", { class: "facts" }, badge(outcome), el("span", {}, `began ${moment(step.started)}`), el("span", {}, `took ${duration(took)}`)),
      step.evidence !== null && step.evidence !== undefined && evidence(step.evidence))));
}

function timeline(run) {
  if (!run.steps?.length) return section("Timeline", el("p", { class: "muted" }, run.ended ? "This run wrote nothing: it only looked." : "Nothing has been written yet."));
  const ends = run.steps.map((step) => step.ended ?? new Date(now()).toISOString());
  const end = [run.ended ?? new Date(now()).toISOString(), ...ends].reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
  const seconds = Math.max(0.001, between(run.started, end));
  const steps = run.steps.toSorted((a, b) => Date.parse(a.started) - Date.parse(b.started));
  return section("Timeline", el("p", { class: "muted lead" }, `${count(steps.length, "step")}. Open one for its evidence.`),
    el("div", { class: "timeline" }, axis(seconds), el("ol", { class: "steps" }, steps.map((step, at) => bar(step, run, seconds, at)))));
}

function body(name, run) {
  const { report } = run;
  return [
    trail([name, `#/stacks/${encodeURIComponent(name)}`]),
    el("div", { class: "headline" }, el("div", {},
      el("h1", { tabindex: "-1" }, run.command, " of ", name),
      el("p", {}, badge(run.ended ? run.outcome ?? "interrupted" : "running")),
      el("p", { class: "facts" }, el("span", {}, "began ", ago(run.started), `, ${moment(run.started)}`),
        run.ended && el("span", {}, `took ${duration(between(run.started, run.ended))}`),
        el("span", {}, "run ", el("code", {}, run.id)), el("span", {}, `aksight ${run.version ?? ""}`)))),
    timeline(run),
    phases(report?.durations) && section("Where the time went", phases(report.durations)),
    problems(report),
    el("div", { class: "two" },
      report?.drift?.items?.length > 0 && section("Drift", drift(report.drift.items)),
      report?.checks?.length > 0 && section("Proof", checks(report.checks))),
    report?.next?.length > 0 && section("Next", el("ul", { class: "plain-list" }, report.next.map((line) => el("li", {}, prose(line))))),
  ];
}

/** The view. A run at work is read again until it ends. */
export function run(host, name, id) {
  let gone = false;
  let timer = null;
  host.append(trail([name, `#/stacks/${encodeURIComponent(name)}`]), el("h1", { tabindex: "-1" }, `Run of ${name}`), el("p", { class: "muted" }, "Reading…"));
  const inner = el("div", { class: "view" });
  async function read() {
    let wait = EVERY;
    try {
      const told = await api.run(name, id);
      if (gone) return;
      if (!inner.isConnected) {
        const focused = document.activeElement?.tagName === "H1";
        host.replaceChildren(inner);
        redraw(inner, told, () => body(name, told));
        if (focused) inner.querySelector("h1").focus({ preventScroll: true });
      }
      redraw(inner, told.ended ? told : [told, Math.floor(now() / EVERY)], () => body(name, told));
      if (told.ended) wait = null;
    } catch (error) {
      if (gone) return;
      if (!inner.isConnected) host.replaceChildren(trail([name, `#/stacks/${encodeURIComponent(name)}`]), el("h1", { tabindex: "-1" }, `Run of ${name}`), unreadable(error));
      if (error.status >= 400 && error.status < 500) wait = null;
      else wait *= 4;
    }
    if (wait) timer = setTimeout(read, wait);
  }
  read();
  return () => {
    gone = true;
    clearTimeout(timer);
  };
}
