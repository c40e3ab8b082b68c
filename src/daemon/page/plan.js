// A plan: what would be written, and the two answers to it.

import * as api from "./api.js";
import { action, confirm, el, icon, prose, redraw, say } from "./dom.js";
import { missing, news, world } from "./live.js";
import { actOf, ago, driftItem, ordered, section, trail, unreadable, writes } from "./report.js";
import { count, shortId } from "./words.js";

const home = (name) => `#/stacks/${encodeURIComponent(name)}`;
const VERBS = { remove: ["Take away", "bad"], change: ["Change", "warn"], add: ["Add", "good"] };

/** What will be written, named one by one, what takes something away first. */
const named = (items) => el("ul", { class: "writes" }, ordered(items).map((item) => {
  const [verb, tone] = VERBS[actOf(item)];
  const field = item.field === "*" ? "all of it" : item.field;
  return el("li", {}, el("span", { class: `tag tone-${tone}` }, verb), " ", el("code", {}, field),
    actOf(item) === "change" && [": ", el("code", {}, item.found), " becomes ", el("code", {}, item.expected)],
    actOf(item) === "remove" && [", now ", el("code", {}, item.found)],
    actOf(item) === "add" && [" as ", el("code", {}, item.expected)],
    el("span", { class: "muted" }, ` in ${shortId(item.resource)}`));
}));

function askToApprove(name, plan, done) {
  const items = plan.items.filter(actOf);
  const removes = items.some((item) => actOf(item) === "remove");
  confirm({
    title: `Approve plan ${plan.id}?`,
    body: [el("p", {}, `This writes to `, el("strong", {}, name), `: it will ${writes(items)}. Only this plan is carried out; if the world has changed, it is refused.`), named(items)],
    yes: `Approve ${count(items.length, "write")}`,
    tone: removes ? "bad" : "accent",
    act: async () => {
      await api.approve(name, plan.id);
      say(`Approved: plan \`${plan.id}\` is being carried out.`, "good");
      done();
    },
  });
}

function askToReject(name, plan, done) {
  confirm({
    title: `Reject plan ${plan.id}?`,
    body: el("p", {}, "Nothing is written. This plan is not asked about again until the world is another."),
    yes: "Reject",
    act: async () => {
      await api.reject(name, plan.id);
      say(`Rejected: plan \`${plan.id}\`.`);
      done();
    },
  });
}

function standing(plan) {
  if (plan.rejected) return el("div", { class: "banner tone-idle inside" }, icon("skipped"), el("p", {}, el("strong", {}, `Rejected by ${plan.rejected.by}`), " ", ago(plan.rejected.at), ". It is not asked about again until the world is another."));
  if (plan.waits) return el("div", { class: "banner tone-wait inside" }, icon("waiting"), el("p", {}, el("strong", {}, "This plan waits for approval. "), "Nothing of it is written before somebody answers."));
  return el("div", { class: "banner tone-idle inside" }, icon("planned"), el("p", {}, el("strong", {}, "This plan does not wait for an answer. "), "It was carried out, or another look has found another world, or healing may carry it out by itself."));
}

function body(name, plan, read) {
  const items = plan.items.filter(actOf);
  const left = plan.items.filter((item) => !actOf(item));
  const no = missing("approve");
  const open = plan.waits && !plan.rejected;
  return [
    trail([name, home(name)]),
    el("div", { class: "headline" }, el("div", {},
      el("h1", { tabindex: "-1" }, "Plan ", el("code", {}, plan.id)),
      el("p", { class: "facts" }, el("span", {}, "of ", el("a", { href: home(name), "data-key": "stack" }, name)), el("span", {}, "drawn ", ago(plan.at)), el("span", {}, `${plan.depth} look`), el("span", {}, `would ${writes(items)}`))),
    open && el("div", { class: "actions" },
      action("Approve…", { key: "approve", missing: no, tone: "accent", onclick: () => askToApprove(name, plan, read) }),
      action("Reject…", { key: "reject", missing: no, onclick: () => askToReject(name, plan, read) }))),
    open && no && el("p", { class: "muted why" }, no),
    standing(plan),
    items.length > 0 && section("What is written", el("ul", { class: "drifts" }, ordered(items).map(driftItem))),
    left.length > 0 && section("What is left alone", el("ul", { class: "drifts" }, left.map(driftItem))),
    !plan.items.length && el("p", { class: "muted" }, prose("This plan is empty.")),
  ];
}

/** The view. */
export function plan(host, name, id) {
  let gone = false;
  let drawn = false;
  host.append(trail([name, home(name)]), el("h1", { tabindex: "-1" }, `Plan ${id}`), el("p", { class: "muted" }, "Reading…"));
  async function read() {
    try {
      const told = await api.plan(name, id);
      if (gone) return;
      const focused = !drawn && document.activeElement?.tagName === "H1";
      drawn = true;
      redraw(host, [told, world.me], () => body(name, told, read));
      if (focused) host.querySelector("h1").focus({ preventScroll: true });
    } catch (error) {
      if (!gone && !drawn) host.replaceChildren(trail([name, home(name)]), el("h1", { tabindex: "-1" }, `Plan ${id}`), unreadable(error));
    }
  }
  const changed = (event) => (event.detail.has(name) || event.detail.has("*")) && read();
  news.addEventListener("change", changed);
  read();
  return () => {
    gone = true;
    news.removeEventListener("change", changed);
  };
}
