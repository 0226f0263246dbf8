// Elements out of data. Text goes in as text only, so data can never become markup, and what it
// hides is named. A node goes in as it is.

import { visible } from "/console/visible.js";

const SVG = "http://www.w3.org/2000/svg";

// Attributes that a person reads.
const READ = new Set(["title", "aria-label", "placeholder"]);

function text(said, inLines) {
  const lines = inLines ? said.split("\n") : [said];
  return document.createTextNode(lines.map((line) => visible(line)).join("\n"));
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    const text = value === true ? "" : String(value);
    node.setAttribute(name, READ.has(name) ? visible(text) : text);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : text(String(child), node.localName === "pre"));
  }
  return node;
}

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

// Lists are drawn anew only when their data changed, and the focus stays where it was.
const drawn = new WeakMap();

export function draw(place, data, make) {
  const state = JSON.stringify(data);
  if (drawn.get(place) === state) return;
  drawn.set(place, state);
  const held = document.activeElement?.closest?.("[data-key]");
  const key = place.contains(held) ? held.dataset.key : null;
  place.replaceChildren(...[make()].flat().filter((node) => node instanceof Node));
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

export function forget(place) {
  drawn.delete(place);
  place.replaceChildren();
}

export function note(id, said) {
  const shown = visible(said);
  if (byId(id).textContent !== shown) byId(id).textContent = shown;
  byId(id).hidden = !said;
}
