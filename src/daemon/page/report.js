// Parts of a report that several views show: checks, drift, problems.

import { el, icon, prose } from "./dom.js";
import { OUTCOMES, QUESTIONS, duration, moment, outcomeOf, relative, shortId } from "./words.js";

/** A state as icon and word. */
export function badge(word, text = word) {
  const { icon: picture, tone } = outcomeOf(word);
  return el("span", { class: `state tone-${tone}` }, icon(picture), text);
}

/** A moment, told as an age that grows with time. */
export const ago = (at) => el("time", { datetime: at, "data-relative": true, title: moment(at) }, relative(at));

/** A part of a view with its heading. */
export function section(title, ...children) {
  const id = `s-${title.toLowerCase().replaceAll(" ", "-")}`;
  return el("section", { class: "panel", "aria-labelledby": id }, el("h2", { id }, title), children);
}

/** The questions of the proof, in the order in which data flows. */
export const checks = (list) => el("ol", { class: "checks" }, list.map((check) => el("li", { class: `check tone-${outcomeOf(check.verdict).tone}` },
  el("div", { class: "check-head" }, badge(check.verdict), el("strong", {}, QUESTIONS[check.id] ?? check.id)),
  el("p", { class: "evidence" }, prose(check.evidence ?? "")),
  check.remedy && el("p", { class: "remedy" }, el("b", {}, "What to do: "), prose(check.remedy)))));

const ACTS = {
  remove: { word: "take away", tone: "bad" },
  change: { word: "change", tone: "warn" },
  add: { word: "add", tone: "good" },
};
const LEFT = { found: "left alone", time: "passes by itself" };

/** What mending an item means. */
export function actOf(item) {
  if (item.winner !== "file") return null;
  if (item.expected === null && item.found !== null) return "remove";
  return item.found === null ? "add" : "change";
}

/** Items that are written, what takes something away first; then those that are left alone. */
export function ordered(items) {
  const acts = [...Object.keys(ACTS), null];
  return [...items].sort((a, b) => acts.indexOf(actOf(a)) - acts.indexOf(actOf(b)));
}

/** What carrying out a plan writes, in one line. */
export function writes(items) {
  const parts = Object.entries(ACTS).map(([act, { word }]) => {
    const number = items.filter((item) => actOf(item) === act).length;
    return number ? `${word} ${number}` : null;
  }).filter(Boolean);
  return parts.length ? parts.join(", ") : "write nothing";
}

const value = (text) => (text === null || text === undefined ? el("i", {}, "nothing") : el("code", {}, text));

/** One difference: what is wished, what is there, whose it is, who wrote it, who wins and why. */
export function driftItem(item) {
  const act = actOf(item);
  const often = item.times_this_week ?? 1;
  return el("li", { class: "drift" },
    el("div", { class: "drift-head" },
      el("span", { class: `tag tone-${act ? ACTS[act].tone : "idle"}` }, act ? ACTS[act].word : LEFT[item.winner] ?? item.class),
      el("code", { class: "field" }, item.field === "*" ? "the whole resource" : item.field),
      often > 1 && el("span", { class: "tag tone-wait" }, `${often} times this week`)),
    el("p", { class: "muted resource", title: item.resource }, shortId(item.resource)),
    el("dl", { class: "sides" },
      el("div", { class: "side found" }, el("dt", {}, "found"), el("dd", {}, value(item.found))),
      el("div", { class: "side expected" }, el("dt", {}, "expected"), el("dd", {}, value(item.expected)))),
    el("p", { class: "facts" },
      el("span", {}, "by ", item.by ? el("code", {}, item.by) : "unknown"),
      item.since && el("span", {}, ago(item.since)),
      el("span", {}, `${item.owner} owns it`),
      item.class !== "drift" && el("span", {}, item.class.replaceAll("-", " ")),
      el("span", {}, { file: "the file wins", found: "what is there wins", time: "time wins" }[item.winner] ?? item.winner, ": ", prose(item.why))));
}

/** All differences, as a list. */
export const drift = (items) => el("ul", { class: "drifts" }, ordered(items).map(driftItem));

function diagnostic(problem, at) {
  const { icon: picture, tone } = OUTCOMES[problem.severity] ?? OUTCOMES.error;
  const place = problem.span && `${problem.span.file}:${problem.span.line}:${problem.span.column}`;
  const arm = problem.arm && ["code", "status", "request_id", "correlation_id"].filter((key) => problem.arm[key]);
  const more = [
    problem.detail && el("p", {}, prose(problem.detail)),
    (problem.causes ?? []).map((cause) => el("p", { class: "muted" }, "because ", prose(cause))),
    arm && el("dl", { class: "pairs" }, arm.flatMap((key) => [el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, el("code", {}, problem.arm[key]))])),
    problem.resource && el("p", { class: "muted resource" }, problem.resource),
  ].flat().filter(Boolean);
  return el("li", { class: `diagnostic tone-${tone}` }, icon(picture), el("div", {},
    el("p", {}, el("strong", {}, problem.code), " ", prose(problem.summary), place && el("span", { class: "muted" }, ` ${place}`)),
    (problem.hints ?? []).map((hint) => el("p", { class: "remedy" }, el("b", {}, "What to do: "), prose(hint))),
    more.length > 0 && el("details", { "data-key": `diagnostic-${at}` }, el("summary", {}, "More"), more)));
}

const finding = (found) => ({
  severity: found.level, code: found.id, summary: found.message, hints: found.remedy ? [found.remedy] : [], resource: found.subject,
});

/** Errors, warnings and what the policies say; nothing when there is none. */
export function problems(report) {
  const all = [...(report?.diagnostics ?? []), ...(report?.plan?.findings ?? []).map(finding)];
  return all.length ? section("Problems", el("ul", { class: "diagnostics" }, all.map(diagnostic))) : null;
}

/** Where the time went. */
export function phases(durations) {
  const named = [["observe", "info"], ["execute", "wait"], ["verify", "good"]].filter(([phase]) => durations?.[phase] > 0);
  if (!named.length) return null;
  const parts = named.map(([phase, tone]) => {
    const part = el("span", { class: `tone-${tone}` });
    part.style.flexGrow = durations[phase];
    return part;
  });
  return el("div", { class: "phases" }, el("div", { class: "share", "aria-hidden": "true" }, parts),
    el("p", { class: "facts" }, named.map(([phase, tone]) => el("span", {}, el("i", { class: `swatch tone-${tone}` }), `${phase} ${duration(durations[phase])}`)),
      el("span", {}, `${duration(durations.total)} in all`)));
}

/** The way back. */
export const trail = (...steps) => el("nav", { class: "trail", "aria-label": "Where this is" },
  el("a", { href: "#/" }, icon("back"), "Stacks"),
  steps.map(([text, href]) => el("a", { href }, text)));

/** A view that could not be read. */
export const unreadable = (error) => el("p", { class: "problem", role: "alert" }, prose(error.message));

