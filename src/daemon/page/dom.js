// Elements, made in one place. What the daemon says only ever becomes text: nothing here can take markup.

const SVG = "http://www.w3.org/2000/svg";

/** An address that may stand in a link: a place within this page, or another site over TLS. */
export function isSafe(address) {
  if (typeof address !== "string") return false;
  if (address.startsWith("#")) return true;
  try {
    return new URL(address).protocol === "https:";
  } catch {
    return false;
  }
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "href" && !isSafe(value)) continue;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element. `on…` attributes are listeners; null and false leave an attribute or a child out. */
export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** An SVG element. */
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A picture from the sprite; the word beside it carries the meaning. */
export const icon = (name) =>
  svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** A sentence in which names stand in backticks. */
export function prose(text) {
  const parts = String(text).split("`");
  if (parts.length % 2 === 0) return [String(text)];
  return parts.map((part, at) => (at % 2 ? el("code", {}, part) : part)).filter((part) => part !== "");
}

/** A link to another site, or nothing when its address is missing or not https. */
export const away = (address, text) =>
  isSafe(address) && !address.startsWith("#")
    ? el("a", { class: "button", href: address, target: "_blank", rel: "noopener noreferrer" }, text, icon("out"))
    : null;

const drawn = new WeakMap();

/** Draws `host` anew if `input` is another than last time; focus and opened details stay where they were. */
export function redraw(host, input, build) {
  const mark = JSON.stringify(input);
  if (drawn.get(host) === mark) return;
  drawn.set(host, mark);
  const keyed = () => [...host.querySelectorAll("[data-key]")];
  const open = new Map(keyed().filter((node) => node.tagName === "DETAILS").map((node) => [node.dataset.key, node.open]));
  const focused = host.contains(document.activeElement) && document.activeElement.closest("[data-key]")?.dataset.key;
  host.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  for (const node of keyed()) {
    if (open.has(node.dataset.key)) node.open = open.get(node.dataset.key);
    if (node.dataset.key === focused) (node.tagName === "DETAILS" ? node.firstElementChild : node).focus({ preventScroll: true });
  }
}

/** Says a sentence, to the eye for a while and to screen readers. */
export function say(sentence, tone = "info") {
  const host = document.getElementById("said");
  const note = el("p", { class: `note tone-${tone}` }, prose(sentence));
  host.replaceChildren(note);
  setTimeout(() => note.remove(), 8000);
}

/**
 * Asks before something is done. `act` may fail with a sentence, which is then shown in the dialog.
 * The focus is on the harmless answer first; Escape is the same answer.
 */
export function confirm({ title, body, yes, tone = "accent", act }) {
  const opener = document.activeElement;
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const no = el("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Cancel");
  const go = el("button", { type: "button", class: `filled tone-${tone}`, onclick: attempt }, yes);
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" },
    el("h2", { id: "dialog-title" }, title), el("div", { class: "dialog-body", tabindex: "0" }, body), problem,
    el("div", { class: "actions end" }, no, go));
  async function attempt() {
    go.setAttribute("aria-busy", "true");
    try {
      await act();
      dialog.close();
    } catch (error) {
      problem.replaceChildren(...prose(error.message));
      problem.hidden = false;
    } finally {
      go.removeAttribute("aria-busy");
    }
  }
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A button for an action that a role is needed for; without it the button says why instead of acting. */
export function action(label, { key, missing, onclick, tone }) {
  return el("button", {
    type: "button", "data-key": key, class: tone && !missing ? `filled tone-${tone}` : null, "aria-disabled": missing ? "true" : null,
    title: missing, "aria-description": missing, onclick: missing ? () => say(missing, "warn") : onclick,
  }, label);
}
