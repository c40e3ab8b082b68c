// The page: signing in, finding the view that the address names, and what surrounds every view.

import * as api from "./api.js";
import { action, confirm, el, icon, prose, redraw, say } from "./dom.js";
import { fleet } from "./fleet.js";
import { end, missing, news, setFrozen, start, world } from "./live.js";
import { plan } from "./plan.js";
import { run } from "./run.js";
import { stack } from "./stack.js";
import { relative } from "./words.js";

const main = document.getElementById("main");
/** How often ages on the page are counted anew, in milliseconds. */
const TICK = 5000;

const ROUTES = [
  [/^\/stacks\/([^/]+)\/runs\/([^/]+)$/, run],
  [/^\/stacks\/([^/]+)\/plans\/([^/]+)$/, plan],
  [/^\/stacks\/([^/]+)$/, stack],
  [/^\/?$/, fleet],
];

let leave = null;
let place = null;

function parts(path) {
  for (const [pattern, view] of ROUTES) {
    const found = pattern.exec(path);
    if (!found) continue;
    try {
      return { view, names: found.slice(1).map(decodeURIComponent) };
    } catch {
      break;
    }
  }
  return null;
}

/** Shows what the address names. A view is a function that draws into its host and gives back how to leave it. */
function show() {
  if (!world.me) return;
  const [path, query = ""] = (location.hash.slice(1) || "/").split("?");
  if (path === place) return;
  const first = place === null;
  place = path;
  leave?.();
  const host = el("div", { class: "view" });
  main.replaceChildren(host);
  const found = parts(path);
  if (found) leave = found.view(host, ...found.names, new URLSearchParams(query)) ?? null;
  else {
    leave = null;
    host.append(el("h1", { tabindex: "-1" }, "Nothing here"), el("p", {}, el("a", { href: "#/" }, "All stacks")));
  }
  scrollTo(0, 0);
  const title = host.querySelector("h1");
  document.title = title && path !== "/" ? `${title.textContent} · aksight` : "aksight";
  if (!first) title?.focus({ preventScroll: true });
}

function askForToken(reason) {
  leave?.();
  [leave, place, world.me] = [null, null, null];
  end();
  document.title = "Sign in · aksight";
  const problem = el("p", { class: "problem", role: "alert", id: "sign-in-problem" }, reason ? prose(reason) : []);
  const field = el("input", {
    id: "token", type: "password", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true,
    "aria-describedby": "sign-in-problem token-help",
  });
  const button = el("button", { class: "filled tone-accent" }, "Sign in");
  const form = el("form", { class: "sign-in panel", onsubmit: submit },
    el("h1", {}, "Sign in"),
    el("label", { for: "token" }, "Token"), field,
    el("p", { id: "token-help", class: "muted" }, "It is kept until this tab is closed. ",
      el("code", {}, "aksight daemon --new-token read"), " makes one."),
    problem, button);
  async function submit(event) {
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    try {
      begin(await api.tryToken(field.value.trim()));
    } catch (error) {
      problem.replaceChildren(...prose(error.message));
      field.select();
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
  main.replaceChildren(form);
  surround();
  field.focus();
}

function begin(me) {
  start(me);
  surround();
  show();
}

const WORDS = { off: "", connecting: "connecting", live: "live", reconnecting: "reconnecting" };

function surround() {
  const inside = world.me !== null;
  const live = document.getElementById("live");
  const who = document.getElementById("who");
  for (const part of [live, who, document.getElementById("sign-out")]) part.hidden = !inside;
  live.dataset.state = world.state;
  document.getElementById("live-word").textContent = WORDS[world.state];
  who.replaceChildren(...(inside ? [el("span", { class: "name" }, world.me.name), ` ${world.me.role}`] : []));
  const host = document.getElementById("banners");
  redraw(host, [inside, world.frozen, world.problem, missing("operate")], () => (inside ? banners() : []));
}

const banners = () => [
  world.problem && el("div", { class: "banner tone-bad", role: "alert" }, icon("failing"),
    el("p", {}, el("strong", {}, "The watched files cannot be used; the last good state is kept. "), prose(world.problem))),
  world.frozen && el("div", { class: "banner tone-info" }, icon("frozen"),
    el("p", {}, el("strong", {}, "Frozen. "), "Stacks are looked at, nothing is healed."),
    action("Heal again", { key: "thaw", missing: missing("operate"), onclick: () => askToFreeze(false) })),
];

/** Freezes or thaws, after a question. */
export function askToFreeze(frozen) {
  confirm({
    title: frozen ? "Freeze healing?" : "Heal again?",
    body: el("p", {}, frozen ? "Stacks are still looked at, but nothing is healed until somebody lifts the freeze. Plans that wait stay."
      : "Stacks are healed again when their schedule and their windows allow it."),
    yes: frozen ? "Freeze" : "Heal again",
    act: async () => {
      const answer = await api.freeze(frozen);
      setFrozen(answer?.frozen ?? frozen);
      say(answer?.frozen === true && !frozen ? "The freeze file is still there: nothing is healed." : frozen ? "Frozen." : "Healing again.");
    },
  });
}

const THEMES = { auto: "as the system", light: "light", dark: "dark" };

function paint(theme) {
  const known = theme in THEMES ? theme : "auto";
  document.documentElement.dataset.theme = known;
  const button = document.getElementById("theme");
  button.setAttribute("aria-label", `Colours: ${THEMES[known]}`);
  button.title = `Colours: ${THEMES[known]}`;
  button.replaceChildren(icon(known));
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  localStorage.setItem("aksight.theme", next);
  paint(next);
}

function keys(event) {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const filter = document.getElementById("filter");
  if (filter) filter.focus();
  else location.hash = "#/?find";
}

document.addEventListener("freeze", () => askToFreeze(true));
document.addEventListener("keydown", keys);
document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("sign-out").addEventListener("click", () => {
  api.token.clear();
  askForToken();
});
api.session.addEventListener("ended", () => {
  if (!world.me) return;
  api.token.clear();
  askForToken("The daemon does not know this token any more.");
});
news.addEventListener("state", surround);
news.addEventListener("change", surround);
window.addEventListener("hashchange", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
setInterval(() => {
  for (const node of document.querySelectorAll("time[data-relative]")) node.textContent = relative(node.dateTime);
}, TICK);
paint(localStorage.getItem("aksight.theme"));

if (api.token.get()) api.me().then(begin, (error) => askForToken(error.status === 401 ? null : error.message));
else askForToken();
