// Numbers and names into words.

import { h, svg } from "/console/dom.js";
import { toldApart, visible } from "/console/visible.js";

const KINDS = {
  tool: "tool", resource: "resource", data: "data", network: "network", volume: "volume",
  identity: "identity", sequence: "sequence", rate: "rate", time: "time", purpose: "purpose",
  provenance: "provenance", credential: "credential", change: "change",
};

// "resource.new" -> "Resource: new"
export function kind(name) {
  const [area, ...rest] = String(name).split(".");
  const text = `${KINDS[area] ?? area}${rest.length ? ": " + rest.join(" ") : ""}`.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function when(time) {
  return h("time", { datetime: time, title: time },
    `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`);
}

let shown = new Map();

// Ids that are on the page together: where two look alike, what differs is named.
export function tellApart(ids) {
  shown = toldApart(ids);
  return [...shown];
}

// A long id is broken after a slash where it can be.
const broken = (text) => text.split(/(?<=\/)/)
  .flatMap((part, at) => [at ? h("wbr") : null, document.createTextNode(part)]);

// The whole id; its last two parts are dark, as most ids of a fleet begin alike.
export function agentName(id) {
  const text = shown.get(id) ?? visible(id, { name: true });
  const [, head, tail] = text.match(/^(.*\/)([^/]+\/[^/]+)$/s) ?? [null, "", text];
  return h("span", { class: "agent-id" },
    head ? h("span", { class: "id-head" }, broken(head)) : null, broken(tail));
}

export const agentHash = (id) => `#/agent/${encodeURIComponent(id)}`;

export function agentLink(id, attributes = {}) {
  return h("a", { href: agentHash(id), class: "agent-link", "data-key": `agent-${id}`, ...attributes },
    agentName(id));
}

// What the inventory covers, in a line; nothing without one.
export function coverage({ coverage: found }) {
  if (!found || found.entries === null) return "";
  const share = found.share === null ? "" : ` (${Math.round(100 * found.share)} %)`;
  const rest = ["unowned", "overdue", "dormant"].filter((name) => found[name])
    .map((name) => `, ${found[name].toLocaleString("en")} ${name}`).join("");
  return `${found.registered.toLocaleString("en")} of ${found.seen.toLocaleString("en")} agents seen in 30 days are registered${share}${rest}.`;
}

export function chip(text, tone) {
  return h("span", { class: `chip ${tone}` }, text);
}

export function levelChip(row) {
  if (row.gate === "quarantined") return chip("quarantined", "level-quarantined");
  return chip(row.level, `level-${row.level}`);
}

// Only an agent that has stopped reporting has a silence.
export function silentChip({ silent }) {
  if (!silent) return null;
  const words = `silent ${silent.hours} h, usually ${Math.round(silent.usual_hours)} h at most`;
  return h("span", { class: "chip silent", title: `Last event ${silent.since.slice(0, 13).replace("T", " ")} h UTC. `
    + "Weekends do not count where it rests then." }, words);
}

// Score as the bar, the cautious bound as the mark on it.
export function trustBar(score, lower, level) {
  return h("span", { class: "trust" },
    h("span", { class: "trust-number" }, score),
    svg("svg", { class: level ? `bar level-${level}` : "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${score} of 100${lower === score ? "" : `, cautiously ${lower}`}` },
      svg("rect", { class: "bar-back", width: 100, height: 8, rx: 2 }),
      svg("rect", { class: "bar-fill", width: score, height: 8, rx: 2 }),
      lower === score ? null
        : svg("rect", { class: "bar-mark", x: Math.max(0, lower - 0.6), width: 1.2, height: 8 })));
}

export function oneIn(p) {
  if (p === null || p === undefined) return "not calibrated yet";
  if (p >= 0.5) return "on most days";
  const n = 1 / p;
  const round = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return `on about 1 day in ${(Math.round(n / round) * round).toLocaleString("en")}`;
}

export function recovers(row) {
  if (row.gate === "quarantined") return "held until a person releases it";
  if (!row.recovers) return row.level === "trusted" ? "at the top" : "not by time alone";
  const days = row.recovers.clean_days;
  return `${row.recovers.to} in ${days} clean ${days === 1 ? "day" : "days"}`;
}

export const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export function span(seconds) {
  for (const [length, name] of [[86400, "days"], [3600, "h"], [60, "min"]])
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${name}`;
  return `${Math.floor(seconds)} s`;
}
