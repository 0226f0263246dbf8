// One anomaly in words and bits.

import { h, svg } from "/console/dom.js";
import { agentLink, agentName, chip, count, kind, oneIn, when } from "/console/words.js";

const opened = new Set();

function bitsBar(bits, most) {
  return svg("svg", { class: "bits", viewBox: "0 0 100 6", preserveAspectRatio: "none",
    "aria-hidden": "true" },
    svg("rect", { class: "bar-back", width: 100, height: 6, rx: 2 }),
    svg("rect", { class: "bits-fill", width: Math.max(0, Math.min(100, 100 * bits / most)),
      height: 6, rx: 2 }));
}

function expected(pairs) {
  return pairs.slice(0, 3)
    .map(([value, share]) => `${value} (${Math.round(100 * share)} %)`).join(", ");
}

function reason(found, most) {
  const bits = found.bits ?? 0;
  return h("li", { class: "reason" },
    h("p", { class: "reason-why" }, found.why ?? found.observed),
    h("div", { class: "reason-bits" }, bitsBar(bits, most),
      h("span", { class: "number" }, `${bits.toFixed(1)} bits`),
      h("span", { class: "faint" }, found.feature)),
    found.why && found.observed
      ? h("p", { class: "faint" }, "Observed: ", h("span", { class: "said" }, found.observed)) : null,
    found.expected?.length
      ? h("p", { class: "faint" }, "Expected: ", h("span", { class: "said" }, expected(found.expected)))
      : null);
}

function fact(name, value) {
  if (value === null || value === undefined || value === "") return [];
  return [h("dt", {}, name), h("dd", {}, value)];
}

// p is a share of agent-days: on so many does honest work come as far. An anomaly with a ground is of
// the judge before, whose p was a share of events.
function rarity(a) {
  if (a.ground !== undefined) return fact("How rare", "judged by an earlier version");
  const days = a.p_n ? `, of ${count(a.p_n, "day", "days")} of agents of the ${a.p_pool}` : "";
  return [
    ...fact("Case", a.case_id),
    ...fact("How rare", `${oneIn(a.p)}${a.p === null ? "" : days}`),
    ...fact("Session so far", a.session_p === null ? null : oneIn(a.session_p)),
  ];
}

function facts(a) {
  const tags = Object.entries(a.tags ?? {})
    .flatMap(([family, ids]) => ids.map((id) => chip(`${family} ${id}`, "tag")));
  const change = a.trust?.before !== undefined && a.trust?.after !== undefined
    ? `${Math.round(a.trust.before)} → ${Math.round(a.trust.after)}` : null;
  return h("dl", { class: "facts" },
    rarity(a),
    a.agents?.count > 1
      ? [...fact("Agents", count(a.agents.count, "agent", "agents")),
        ...fact("First of them", h("ul", { class: "names" }, a.agents.first.map((id) => h("li", {}, agentName(id))))),
        ...fact("Events", count(a.count, "event", "events"))]
      : fact("Trust", change),
    fact("Session", a.session), fact("Event", a.event_id), fact("Position", a.position),
    fact("Tags", tags.length ? h("span", { class: "tags" }, tags) : null));
}

const NAMED = 3;

function agentsOf(a) {
  const several = a.agents?.count > 1;
  const link = (id, at) => agentLink(id, { "data-key": `of-${a.id}-${at}` });
  if (!several) return h("p", { class: "anomaly-agent" }, link(a.agent_id, 0));
  const named = a.agents.first.slice(0, NAMED), others = a.agents.count - named.length;
  return h("p", { class: "anomaly-agent" }, `${count(a.agents.count, "agent", "agents")}: `,
    named.flatMap((id, at) => [at ? ", " : null, link(id, at)]),
    others ? ` and ${count(others, "other", "others")}` : null);
}

export function anomalyItem(a, { withAgent = true } = {}) {
  const reasons = a.reasons ?? [];
  const most = Math.max(1, ...reasons.map((r) => r.bits ?? 0));
  const fold = h("details", { open: opened.has(a.id) },
    h("summary", { "data-key": `anomaly-${a.id}` },
      h("span", { class: "anomaly-line" },
        chip(a.severity, `severity-${a.severity}`),
        h("strong", {}, kind(a.anomaly)),
        a.status && a.status !== "open" ? chip(a.status, "tag") : null,
        h("span", { class: "faint anomaly-when" }, when(a.time))),
      h("span", { class: "anomaly-why" }, reasons[0]?.why ?? reasons[0]?.observed ?? "No reason was recorded.")),
    h("div", { class: "anomaly-body" },
      reasons.length
        ? h("ul", { class: "reasons", "aria-label": "Reasons" }, reasons.map((r) => reason(r, most))) : null,
      facts(a)));
  fold.addEventListener("toggle", () => (fold.open ? opened.add(a.id) : opened.delete(a.id)));
  return h("li", { class: `anomaly status-${a.status ?? "open"}` }, fold,
    withAgent || a.agents?.count > 1 ? agentsOf(a) : null);
}
