// The fleet at a glance. Thousands of rows are known; only those in sight are in the document.

import { action, el, icon, say } from "./dom.js";
import { missing, news, world } from "./live.js";
import { RANK, STATES, count, dueIn, moment, now, relative, span, stateOf } from "./words.js";

/** Rows beyond the edge of the window that are kept, so that Tab and the arrow keys always find the next one. */
const BEYOND = 8;

const SORTS = {
  state: { label: "Stack", by: (a, b) => RANK[stateOf(a)] - RANK[stateOf(b)] },
  name: { label: "Name", by: () => 0 },
  verified: { label: "Last verified", by: (a, b) => time(a.verified_at) - time(b.verified_at) },
  drift: { label: "Drift", by: (a, b) => openDrift(b) - openDrift(a) },
  due: { label: "Next look", by: (a, b) => time(a.due) - time(b.due) },
};

const time = (at) => (at ? Date.parse(at) : 0);
/** Drift that is still there: a healed stack tells what it was healed of. */
const openDrift = (row) => (row.result === "changed" ? 0 : row.drift ?? 0);
const compare = new Intl.Collator("en", { numeric: true }).compare;

/** Which rows are shown, in which order; it lives in the address, so that a view can be sent to somebody. */
function wishes(query) {
  return {
    text: query.get("q") ?? "", state: query.get("state") ?? "", fleet: query.get("fleet") ?? "",
    sort: query.get("sort") in SORTS ? query.get("sort") : "state", find: query.has("find"),
  };
}

const NO_FLEET = "-";

function chosen(wish) {
  const text = wish.text.trim().toLowerCase();
  const fits = (row) =>
    (!text || row.name.toLowerCase().includes(text) || row.plan?.startsWith(text) || row.problem?.toLowerCase().includes(text)) &&
    (!wish.fleet || (row.fleet ?? NO_FLEET) === wish.fleet) &&
    (!wish.state || (wish.state === "running" ? row.running_since : stateOf(row) === wish.state));
  const { by } = SORTS[wish.sort];
  return [...world.rows.values()].filter(fits).sort((a, b) => by(a, b) || compare(a.name, b.name));
}

function counted(fleet) {
  const counts = Object.fromEntries([...Object.keys(STATES), "running", "all"].map((kind) => [kind, 0]));
  let oldest = Infinity;
  for (const row of world.rows.values()) {
    if (fleet && (row.fleet ?? NO_FLEET) !== fleet) continue;
    counts.all += 1;
    counts[stateOf(row)] += 1;
    if (row.running_since) counts.running += 1;
    if (row.verified_at) oldest = Math.min(oldest, Date.parse(row.verified_at));
  }
  return { counts, oldest };
}

const ALWAYS = ["verified", "drifted", "waiting", "failing"];

/** One row. Its link stays the same element for as long as the row is in sight, so that the focus does. */
function makeRow(name) {
  const [, fleet, rest] = /^([^/]+\/)?(.*)$/s.exec(name);
  const link = el("a", { href: `#/stacks/${encodeURIComponent(name)}` }, fleet && el("span", { class: "muted" }, fleet), rest);
  const cells = ["state", "verified", "drift", "due", "note"].map((kind) => el("span", { role: "cell", class: `c-${kind}` }));
  const node = el("div", { role: "row", class: "row" }, el("span", { role: "rowheader", class: "c-name" }, link), cells);
  return { node, link, cells, mark: null };
}

function fillRow(row, item) {
  const state = STATES[stateOf(row)];
  const running = Boolean(row.running_since);
  const note = row.problem ?? (row.failures > 1 ? `${row.failures} looks in a row failed` : "");
  const verified = row.verified_at ? relative(row.verified_at) : "never";
  const due = running ? `running ${span((now() - Date.parse(row.running_since)) / 1000)}` : dueIn(row.due);
  const mark = [state.word, running, row.drift, row.plan, row.result, note, verified, due].join("\n");
  if (item.mark === mark) return;
  item.mark = mark;
  item.node.dataset.tone = state.tone;
  const drift = openDrift(row);
  const mended = row.result === "changed" && row.drift > 0;
  const [stateCell, verifiedCell, driftCell, dueCell, noteCell] = item.cells;
  stateCell.replaceChildren(el("span", { class: `state tone-${state.tone}` }, icon(state.icon), state.word));
  verifiedCell.replaceChildren(el("span", { title: row.verified_at ? moment(row.verified_at) : null }, verified));
  driftCell.replaceChildren(drift ? el("strong", {}, count(drift, "item")) : el("span", { class: "muted" }, mended ? `${row.drift} mended` : "none"));
  driftCell.classList.toggle("none", !drift && !mended);
  dueCell.replaceChildren(...(running ? [el("span", { class: "state tone-info" }, icon("running"), due)] : [due]));
  noteCell.replaceChildren(note);
  noteCell.title = note;
}

/** The view. */
export function fleet(host, query) {
  let wish = wishes(query);
  let rows = [];
  const inSight = new Map();

  const filter = el("input", {
    id: "filter", type: "search", placeholder: "Filter by name, plan or problem", "aria-label": "Filter stacks", value: wish.text,
    autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/", oninput: () => change({ text: filter.value }),
    onkeydown: (event) => event.key === "Escape" && (filter.value = "", change({ text: "" })),
  });
  const fleets = el("select", { "aria-label": "Fleet", onchange: () => change({ fleet: fleets.value }) });
  const order = el("select", { "aria-label": "Order", class: "order", onchange: () => change({ sort: order.value }) },
    el("option", { value: "state" }, "Attention first"), el("option", { value: "name" }, "By name"),
    el("option", { value: "verified" }, "Oldest proof first"), el("option", { value: "drift" }, "Most drift first"),
    el("option", { value: "due" }, "Next look first"));
  const summary = el("p", { class: "summary", id: "summary" });
  const bar = el("div", { class: "share", "aria-hidden": "true" });
  const tiles = el("div", { class: "tiles", role: "group", "aria-label": "Only stacks in this state" });
  const tools = el("div", { class: "tools" });
  const head = el("div", { role: "row", class: "row head" }, ["Stack", "State", "Last verified", "Drift", "Next look", "Problem"].map(heading));
  const body = el("div", { role: "rowgroup", class: "rows", onkeydown: arrows });
  const table = el("div", { role: "table", class: "table", "aria-label": "Stacks", "aria-colcount": "6" },
    el("div", { role: "rowgroup", class: "table-head" }, head), body);
  const nothing = el("p", { class: "empty", hidden: true });
  host.append(
    el("div", { class: "headline" }, el("div", {}, el("h1", { tabindex: "-1" }, "Stacks"), summary), tools),
    bar, tiles,
    el("div", { class: "filters" }, el("label", { class: "search" }, icon("search"), filter, el("kbd", { "aria-hidden": "true" }, "/")), fleets, order),
    table, nothing);

  function heading(label) {
    const sort = { Stack: "name", State: "state", "Last verified": "verified", Drift: "drift", "Next look": "due" }[label];
    return el("span", { role: "columnheader", "data-sort": sort },
      sort ? el("button", { type: "button", class: "plain", onclick: () => change({ sort }) }, label) : label);
  }

  function change(part) {
    wish = { ...wish, ...part };
    const next = new URLSearchParams();
    if (wish.text) next.set("q", wish.text);
    for (const key of ["state", "fleet"]) if (wish[key]) next.set(key, wish[key]);
    if (wish.sort !== "state") next.set("sort", wish.sort);
    history.replaceState(null, "", `#/${next.size ? `?${next}` : ""}`);
    draw();
  }

  function drawSummary() {
    const { counts, oldest } = counted(wish.fleet);
    const kinds = Object.keys(STATES).filter((kind) => counts[kind] || ALWAYS.includes(kind) || wish.state === kind);
    const shown = [...ALWAYS, ...kinds.filter((kind) => !ALWAYS.includes(kind)), "running"];
    const age = Number.isFinite(oldest) ? ` The oldest proof is ${span((now() - oldest) / 1000)} old.` : "";
    summary.textContent = !world.loaded ? "Reading…"
      : `${counts.verified.toLocaleString("en")} of ${count(counts.all, "stack")} ${counts.verified === 1 ? "is" : "are"} verified.${age}`;
    reconcile(tiles, shown, (kind) => {
      const state = STATES[kind] ?? { word: "running", icon: "running", tone: "info" };
      const tile = el("button", { type: "button", class: `tile tone-${state.tone}`, "data-kind": kind, "aria-pressed": "false",
        onclick: () => change({ state: wish.state === kind ? "" : kind }) }, icon(state.icon), el("b", {}), el("span", {}, state.word));
      return tile;
    }, (tile, kind) => {
      tile.querySelector("b").textContent = counts[kind].toLocaleString("en");
      tile.setAttribute("aria-pressed", String(wish.state === kind));
      tile.classList.toggle("zero", !counts[kind]);
    });
    reconcile(bar, Object.keys(STATES).toReversed().filter((kind) => counts[kind]), (kind) => el("span", { class: `tone-${STATES[kind].tone}`, "data-kind": kind }),
      (part, kind) => { part.style.flexGrow = counts[kind]; });
  }

  function drawTools() {
    const key = `${world.frozen} ${missing("operate")}`;
    if (tools.dataset.mark === key) return;
    tools.dataset.mark = key;
    tools.replaceChildren(...(world.frozen ? [] : [action("Freeze healing", {
      key: "freeze", missing: missing("operate"), onclick: () => document.dispatchEvent(new Event("freeze")),
    })]));
  }

  function drawFleets() {
    const names = [...new Set([...world.rows.values()].map((row) => row.fleet ?? NO_FLEET))].sort(compare);
    if (wish.fleet && !names.includes(wish.fleet)) names.push(wish.fleet);
    fleets.hidden = names.length < 2 && !wish.fleet;
    const mark = names.join("\n");
    if (fleets.dataset.mark !== mark) {
      fleets.dataset.mark = mark;
      fleets.replaceChildren(el("option", { value: "" }, "All fleets"),
        ...names.map((name) => el("option", { value: name }, name === NO_FLEET ? "Without a fleet" : name)));
    }
    fleets.value = wish.fleet;
    order.value = wish.sort;
  }

  function draw() {
    drawSummary();
    drawTools();
    drawFleets();
    for (const cell of head.children) {
      cell.setAttribute("aria-sort", cell.dataset.sort === wish.sort ? (["drift", "state"].includes(wish.sort) ? "descending" : "ascending") : "none");
    }
    rows = chosen(wish);
    table.setAttribute("aria-rowcount", String(rows.length + 1));
    table.hidden = rows.length === 0;
    nothing.hidden = rows.length > 0;
    nothing.textContent = !world.loaded ? "Reading…" : world.rows.size ? "No stack fits the filter." : "No stack is watched yet. Name its file in `files` of aksightd.toml.";
    drawRows();
  }

  function drawRows() {
    const height = parseFloat(getComputedStyle(table).getPropertyValue("--row"));
    body.style.height = `${rows.length * height}px`;
    const top = -body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((top + innerHeight) / height) + BEYOND);
    const names = rows.slice(first, last).map((row) => row.name);
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const kept = new Set(names);
    for (const [name, item] of inSight) {
      if (kept.has(name)) continue;
      item.node.remove();
      inSight.delete(name);
    }
    let next = body.firstElementChild;
    names.forEach((name, at) => {
      const item = inSight.get(name) ?? makeRow(name);
      inSight.set(name, item);
      fillRow(rows[first + at], item);
      item.node.style.top = `${(first + at) * height}px`;
      item.node.setAttribute("aria-rowindex", String(first + at + 2));
      if (item.node === next) next = next.nextElementSibling;
      else body.insertBefore(item.node, next);
    });
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  }

  function arrows(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = [...inSight.values()].find((item) => item.link === event.target);
    if (!step || !from) return;
    event.preventDefault();
    const to = step > 0 ? from.node.nextElementSibling : from.node.previousElementSibling;
    to?.querySelector("a").focus();
  }

  const scrolled = () => requestAnimationFrame(drawRows);
  const changed = (event) => {
    draw();
    if (event.detail.has("*")) return;
    const known = [...event.detail].map((name) => world.rows.get(name)).filter((row) => row && !row.running_since && row.result);
    const bad = known.filter((row) => RANK[stateOf(row)] < RANK.held && !told.has(`${row.name} ${row.run} ${row.result}`));
    bad.forEach((row) => told.add(`${row.name} ${row.run} ${row.result}`));
    if (bad.length === 1) say(`\`${bad[0].name}\` is ${STATES[stateOf(bad[0])].word}.`, STATES[stateOf(bad[0])].tone);
    else if (bad.length) say(`${count(bad.length, "stack")} need attention.`, "warn");
  };
  const told = new Set();
  const ticking = setInterval(draw, 10_000);
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("resize", scrolled);
  news.addEventListener("change", changed);
  draw();
  if (wish.find) requestAnimationFrame(() => filter.focus());
  return () => {
    clearInterval(ticking);
    removeEventListener("scroll", scrolled);
    removeEventListener("resize", scrolled);
    news.removeEventListener("change", changed);
  };
}

/** Makes the children of `host` those of `kinds`, in this order; the ones that stay are the same elements. */
function reconcile(host, kinds, make, update) {
  const known = new Map([...host.children].map((child) => [child.dataset.kind, child]));
  for (const [kind, child] of known) if (!kinds.includes(kind)) child.remove();
  kinds.forEach((kind, at) => {
    const child = known.get(kind) ?? make(kind);
    if (host.children[at] !== child) host.insertBefore(child, host.children[at] ?? null);
    update(child, kind);
  });
}
