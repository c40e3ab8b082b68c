// Units as a graph: one list of buttons, which a wide window lays out in columns by need, with the edges drawn behind. On a phone, and
// for a screen reader, it stays the list that it is.

import { el, icon, svg } from "./dom.js";
import { badge, driftItem } from "./report.js";
import { duration, outcomeOf } from "./words.js";

/** Sizes in pixels. */
const NODE = { height: 52, least: 118, most: 210 };
const GAP = { across: 30, down: 12, passing: 10 };
/** More units than this are shown as a list only. */
const MOST = 150;
/** So many beginnings of one kind become one node. */
const MANY = 3;

/** The state of a unit: what is being done now, else what the last look says. */
function stateOf(id, { report, steps }) {
  const step = steps?.get(id);
  if (step) return step.ended ? step.outcome ?? "done" : "running";
  const told = report?.units?.find((unit) => unit.id === id)?.status;
  if (["failed", "blocked", "cancelled", "done"].includes(told)) return told;
  const items = (report?.drift?.items ?? []).filter((item) => item.unit === id);
  if (report?.result !== "changed" && items.some((item) => item.winner === "file")) return "drifted";
  if (items.some((item) => item.class === "pending")) return "pending";
  if (told === "planned") return "planned";
  if (told === "unchanged") return "unchanged";
  return ["changed", "unchanged", "drifted", "waiting"].includes(report?.result) ? "in order" : "skipped";
}

const WORDS = { skipped: "not looked at", unchanged: "in order", done: "done" };
const word = (state) => WORDS[state] ?? state;
const WORST = ["failed", "blocked", "cancelled", "running", "drifted", "pending", "planned", "skipped", "done", "unchanged", "in order"];
const worst = (states) => states.toSorted((a, b) => WORST.indexOf(a) - WORST.indexOf(b))[0];

function titleOf(id, report) {
  const known = report?.units?.find((unit) => unit.id === id)?.title;
  if (known) return known.replace(/^resource provider /, "");
  return id.includes(":") ? id.slice(id.indexOf(":") + 1) : id.replaceAll("-", " ");
}

/** The nodes with their states; many beginnings of one kind, such as resource providers, become one. */
function nodesOf(graph, known) {
  const listed = graph.length ? graph : (known.report?.units ?? []).map((unit) => ({ unit: unit.id, needs: [] }));
  const kinds = Map.groupBy(listed, ({ unit, needs }) => (needs.length || !unit.includes(":") ? null : unit.split(":")[0]));
  const fold = new Map();
  for (const [kind, members] of kinds) {
    if (kind !== null && kind !== "terraform" && members.length >= MANY) members.forEach(({ unit }) => fold.set(unit, `${kind}:*`));
  }
  const nodes = new Map();
  for (const { unit, needs } of listed) {
    const id = fold.get(unit) ?? unit;
    const node = nodes.get(id) ?? { id, members: [], needs: new Set() };
    node.members.push(unit);
    needs.forEach((need) => node.needs.add(fold.get(need) ?? need));
    nodes.set(id, node);
  }
  for (const node of nodes.values()) {
    node.needs = [...node.needs].filter((need) => nodes.has(need) && need !== node.id);
    node.state = worst(node.members.map((unit) => stateOf(unit, known)));
    const [first] = node.members;
    const owner = known.report?.units?.find((unit) => unit.id === first)?.owner;
    node.owner = owner ?? known.report?.drift?.items?.find((item) => item.unit === first)?.owner ?? (first.startsWith("terraform:") ? "terraform" : null);
    node.title = node.members.length > 1 ? `${node.members.length} resource ${node.id.split(":")[0]}s` : titleOf(first, known.report);
  }
  return nodes;
}

/** Columns: after everything that is needed, but as close to what needs it as that allows. A cycle, which a plan never has, is cut. */
function columns(nodes) {
  const column = new Map();
  const open = new Set();
  const visit = (id) => {
    if (column.has(id)) return column.get(id);
    if (open.has(id)) return -1;
    open.add(id);
    const at = Math.max(-1, ...nodes.get(id).needs.map(visit)) + 1;
    open.delete(id);
    column.set(id, at);
    return at;
  };
  nodes.forEach((_, id) => visit(id));
  for (const [id, { needs }] of nodes) {
    const after = [...nodes.values()].filter((other) => other.needs.includes(id)).map((other) => column.get(other.id));
    if (!needs.length && after.length) column.set(id, Math.max(0, Math.min(...after) - 1));
  }
  return column;
}

/** Edges without those that a longer way says anyway. */
function edgesOf(nodes) {
  const reaches = (from, to, seen = new Set()) => nodes.get(from).needs.some((need) => {
    if (need === to) return true;
    if (seen.has(need)) return false;
    seen.add(need);
    return reaches(need, to, seen);
  });
  const direct = (node, need) => !node.needs.some((other) => other !== need && reaches(other, need));
  return [...nodes.values()].flatMap((node) => node.needs.filter((need) => direct(node, need)).map((need) => [need, node.id]));
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Where everything lies: nodes in columns, long edges led through the columns between, few crossings. */
function layout(nodes) {
  const column = columns(nodes);
  const width = Math.max(0, ...column.values()) + 1;
  const layers = Array.from({ length: width }, () => []);
  const cells = new Map();
  const put = (id, at, height) => {
    const cell = { id, at, height, left: [], right: [], y: 0 };
    cells.set(id, cell);
    layers[at].push(cell);
    return cell;
  };
  nodes.forEach((_, id) => put(id, column.get(id), NODE.height));
  const ways = edgesOf(nodes).filter(([from, to]) => column.get(from) < column.get(to)).map(([from, to]) => {
    const way = [cells.get(from)];
    for (let at = column.get(from) + 1; at < column.get(to); at += 1) way.push(put(`${from} → ${to} ${at}`, at, GAP.passing));
    way.push(cells.get(to));
    way.slice(1).forEach((cell, at) => {
      cell.left.push(way[at]);
      way[at].right.push(cell);
    });
    return way;
  });
  const stack = (cellsOfLayer) => {
    let y = 0;
    for (const cell of cellsOfLayer) {
      cell.y = y + cell.height / 2;
      y += cell.height + GAP.down;
    }
  };
  layers.forEach(stack);
  for (let round = 0; round < 12; round += 1) {
    const [side, order] = round % 2 ? ["right", layers.toReversed()] : ["left", layers];
    for (const layer of order) {
      const wish = new Map(layer.map((cell) => [cell, cell[side].length ? mean(cell[side].map((other) => other.y)) : cell.y]));
      layer.sort((a, b) => wish.get(a) - wish.get(b));
      settle(layer, wish);
    }
  }
  close([...cells.values()], ways);
  const height = Math.max(...[...cells.values()].map((cell) => cell.y + cell.height / 2));
  return { cells, ways, width, height };
}

/** Places a column near its wishes without overlaps: pushed down where needed, then the whole moved to the middle of the wishes. */
function settle(layer, wish) {
  let edge = -Infinity;
  for (const cell of layer) {
    cell.y = Math.max(wish.get(cell), edge + cell.height / 2);
    edge = cell.y + cell.height / 2 + GAP.down;
  }
  const shift = mean(layer.map((cell) => wish.get(cell) - cell.y));
  layer.forEach((cell) => { cell.y += shift; });
}

/** Moves everything to the top and takes out the empty bands between parts that hang on nothing of each other. */
function close(cells, ways) {
  const bands = cells.map((cell) => [cell.y - cell.height / 2, cell.y + cell.height / 2]);
  for (const way of ways) bands.push([Math.min(...way.map((cell) => cell.y)), Math.max(...way.map((cell) => cell.y))]);
  bands.sort((a, b) => a[0] - b[0]);
  const lifts = [];
  let [edge, lift] = [bands[0]?.[0] ?? 0, bands[0]?.[0] ?? 0];
  for (const [top, bottom] of bands) {
    lift += Math.max(0, top - edge - GAP.down);
    lifts.push([top, lift]);
    edge = Math.max(edge, bottom);
  }
  const before = new Map(cells.map((cell) => [cell, cell.y - cell.height / 2]));
  cells.forEach((cell) => { cell.y -= lifts.findLast(([top]) => top <= before.get(cell))?.[1] ?? 0; });
}

function curve(way, x, nodeWidth) {
  const [first, last] = [way[0], way.at(-1)];
  const points = [[x(first.at) + nodeWidth, first.y]];
  for (const cell of way.slice(1, -1)) points.push([x(cell.at), cell.y], [x(cell.at) + nodeWidth, cell.y]);
  points.push([x(last.at), last.y]);
  let path = `M${points[0]}`;
  for (let at = 1; at < points.length; at += 1) {
    const [[fromX, fromY], [toX, toY]] = [points[at - 1], points[at]];
    const middle = (fromX + toX) / 2;
    path += fromY === toY ? `L${toX},${toY}` : `C${middle},${fromY} ${middle},${toY} ${toX},${toY}`;
  }
  return path;
}

function details(node, nodes, { report }) {
  const units = (report?.units ?? []).filter((unit) => node.members.includes(unit.id));
  const items = (report?.drift?.items ?? []).filter((item) => node.members.includes(item.unit));
  const needed = [...nodes.values()].filter((other) => other.needs.includes(node.id));
  const names = (list) => list.map((other) => other.title).join(", ") || "nothing";
  return [
    el("h3", {}, node.title), badge(node.state, word(node.state)),
    el("dl", { class: "pairs" },
      el("dt", {}, "Unit"), el("dd", {}, node.members.map((unit) => el("code", {}, unit)).flatMap((code, at) => (at ? [" ", code] : [code]))),
      node.owner && [el("dt", {}, "Written by"), el("dd", {}, node.owner)],
      el("dt", {}, "Needs"), el("dd", {}, names(node.needs.map((need) => nodes.get(need)))),
      el("dt", {}, "Needed by"), el("dd", {}, names(needed))),
    units.map((unit) => el("div", { class: "unit" },
      el("p", {}, units.length > 1 && el("b", {}, `${unit.title}: `), unit.reason, typeof unit.seconds === "number" && unit.seconds > 0 && el("span", { class: "muted" }, ` ${duration(unit.seconds)}`)),
      unit.changes?.length > 0 && el("ul", { class: "changes" }, unit.changes.map((change) => el("li", {}, el("code", {}, change.field), " ",
        el("del", {}, change.before ?? "nothing"), " → ", el("ins", {}, change.after ?? "nothing")))))),
    items.length > 0 && el("ul", { class: "drifts" }, items.map(driftItem)),
  ];
}

/** Lays the list out in columns if the window is wide enough, else leaves it a list. */
function place(list, edges, plan, buttons) {
  const room = list.parentElement.clientWidth;
  const wide = room >= 640 && plan && plan.cells.size > 0;
  list.classList.toggle("laid-out", Boolean(wide));
  edges.replaceChildren();
  if (!wide) {
    list.style.cssText = "";
    return;
  }
  const nodeWidth = Math.max(NODE.least, Math.min(NODE.most, (room - (plan.width - 1) * GAP.across) / plan.width));
  const x = (at) => at * (nodeWidth + GAP.across);
  const width = x(plan.width - 1) + nodeWidth;
  list.style.width = `${width}px`;
  list.style.height = `${plan.height}px`;
  for (const [id, button] of buttons) {
    const cell = plan.cells.get(id);
    const item = button.parentElement;
    Object.assign(item.style, { left: `${x(cell.at)}px`, top: `${cell.y - NODE.height / 2}px`, width: `${nodeWidth}px`, height: `${NODE.height}px` });
  }
  edges.setAttribute("viewBox", `0 0 ${width} ${plan.height}`);
  edges.setAttribute("width", width);
  edges.setAttribute("height", plan.height);
  edges.append(...plan.ways.map((way) => svg("path", { d: curve(way, x, nodeWidth), "data-from": way[0].id, "data-to": way.at(-1).id })));
}

/** The drawing. `known` has the report and, while something runs, its steps by unit. */
export function drawGraph(graph, known, chosen, onchoose) {
  const nodes = nodesOf(graph, known);
  if (!nodes.size) return [el("p", { class: "muted" }, "The units are known after the first look.")];
  const plan = nodes.size <= MOST ? layout(nodes) : null;
  const sorted = plan ? [...nodes.values()].sort((a, b) => plan.cells.get(a.id).at - plan.cells.get(b.id).at || plan.cells.get(a.id).y - plan.cells.get(b.id).y) : [...nodes.values()];
  const edges = svg("svg", { class: "edges", "aria-hidden": "true" });
  const panel = el("div", { class: "unit-details", id: "unit-details", role: "region", "aria-label": "The chosen unit", hidden: true });
  const buttons = new Map();
  const choose = (id) => {
    chosen = chosen === id ? null : id;
    onchoose(chosen);
    mark();
    if (chosen) panel.scrollIntoView({ block: "nearest" });
  };
  const near = (id) => new Set([id, ...nodes.get(id).needs, ...[...nodes.values()].filter((node) => node.needs.includes(id)).map((node) => node.id)]);
  function light(id) {
    const lit = id ? near(id) : null;
    buttons.forEach((button, other) => button.classList.toggle("dim", Boolean(lit && !lit.has(other))));
    for (const path of edges.children) path.classList.toggle("lit", Boolean(id && (path.dataset.from === id || path.dataset.to === id)));
  }
  function mark() {
    if (!nodes.has(chosen)) chosen = null;
    buttons.forEach((button, id) => button.setAttribute("aria-expanded", String(id === chosen)));
    panel.hidden = !chosen;
    panel.replaceChildren(...(chosen ? details(nodes.get(chosen), nodes, known).flat(Infinity).filter(Boolean) : []));
    light(chosen);
  }
  const items = sorted.map((node) => {
    const { icon: picture, tone } = outcomeOf(node.state);
    const needs = node.needs.map((need) => nodes.get(need).title).join(", ");
    const button = el("button", {
      type: "button", class: `node tone-${tone}`, "data-key": `unit-${node.id}`, "aria-expanded": "false", "aria-controls": "unit-details",
      "aria-description": needs ? `Needs ${needs}` : null, title: node.title,
      onclick: () => choose(node.id), onmouseenter: () => light(node.id), onmouseleave: () => light(chosen),
      onfocus: () => light(node.id), onblur: () => light(chosen),
    }, icon(picture), el("span", { class: "node-title" }, node.title), el("span", { class: "node-state" }, word(node.state), node.owner && ` · ${node.owner}`));
    buttons.set(node.id, button);
    return el("li", {}, button);
  });
  const list = el("ol", { class: "units", "aria-label": "Units, each after what it needs" }, items);
  const frame = el("div", { class: "graph-inner" }, edges, list);
  new ResizeObserver(() => place(list, edges, plan, buttons)).observe(frame);
  queueMicrotask(mark);
  return [el("div", { class: "graph" }, frame), panel];
}
