// One agent: where it stands, why, and what brings it back.

import { h, svg } from "/console/dom.js";
import { anomalyItem } from "/console/anomalies.js";
import { agentLink, agentName, chip, count, kind, levelChip, recovers, silentChip, trustBar, when }
  from "/console/words.js";

const BOUNDS = [[75, "trusted"], [50, "normal"], [25, "watch"]];

export function agentRow(row) {
  const reason = row.top_reason;
  return h("tr", {},
    h("th", { scope: "row" }, row.events ? agentLink(row.agent_id) : agentName(row.agent_id),
      h("span", { class: "faint" }, [row.role, row.owner].filter(Boolean).join(" · ") || "no owner known"),
      silentChip(row)),
    h("td", { "data-label": "Trust" }, trustBar(row.score, row.lower, row.level),
      reason ? h("span", { class: "faint" }, `${kind(reason.anomaly)} ${reason.effect}`) : null),
    h("td", { "data-label": "Level" }, levelChip(row)),
    h("td", { "data-label": "State" }, chip(row.state, `state-${row.state}`),
      row.registered === false ? chip("unregistered", "state-stale") : null),
    h("td", { "data-label": "Recovers", class: "faint" }, recovers(row)));
}

function chart(points) {
  if (points.length < 2) return h("p", { class: "faint" }, "One day of history is not a line yet.");
  const x = (i) => (600 * i / (points.length - 1)).toFixed(1);
  const y = (value) => (110 - 1.1 * value).toFixed(1);
  const line = (name) => points.map((p, i) => `${x(i)},${y(p[name])}`).join(" ");
  const last = points[points.length - 1];
  const picture = svg("svg", { class: "chart", viewBox: "0 0 600 110", preserveAspectRatio: "none",
    role: "img", "aria-label": `Trust over ${points.length} days, from ${Math.round(points[0].score)} `
      + `to ${Math.round(last.score)}; cautiously ${Math.round(last.lower)}` },
    BOUNDS.map(([bound]) => svg("line", { class: "bound", x1: 0, x2: 600, y1: y(bound), y2: y(bound) })),
    svg("polyline", { class: "line-lower", points: line("lower") }),
    svg("polyline", { class: "line-score", points: line("score") }));
  return h("figure", {},
    h("div", { class: "chart-box" }, picture,
      BOUNDS.map(([bound, name]) => h("span", { class: `bound-name bound-${bound}` }, name))),
    h("figcaption", { class: "faint chart-foot" }, h("span", {}, when(points[0].at)),
      h("span", {}, h("span", { class: "key-score" }, "score"), " ",
        h("span", { class: "key-lower" }, "cautious")),
      h("span", {}, when(last.at))));
}

function facets(trust) {
  return h("ul", { class: "facets" }, Object.entries(trust.facets).map(([name, score]) =>
    h("li", {}, h("span", {}, name), trustBar(score, score, null))));
}

// Forgotten items are gone, the anomalies behind them are still listed below.
function nothingAgainst(anomalies) {
  const once = anomalies?.some((a) => a.status !== "dismissed");
  return h("p", { class: "empty" }, once
    ? "Nothing speaks against this agent any more: what did has faded." : "Nothing speaks against this agent.");
}

function effects(items, anomalies) {
  if (!items.length) return nothingAgainst(anomalies);
  return h("div", { class: "scroll" }, h("table", { class: "evidence" },
    h("thead", {}, h("tr", {}, ["Effect", "What", "When", "Status", "Half of it gone"].map((name) =>
      h("th", { scope: "col" }, name)))),
    h("tbody", {}, items.map((item) => h("tr", {},
      h("td", { class: "number effect" }, item.effect < -0.05 ? item.effect.toFixed(1) : "0.0"),
      h("td", {}, chip(item.severity, `severity-${item.severity}`), " ", kind(item.anomaly),
        h("span", { class: "faint" }, `${item.facet} · ${item.mode} · ${Math.round(100 * item.confidence)} % sure`)),
      h("td", {}, when(item.at)), h("td", {}, item.status),
      h("td", {}, item.halves_at ? when(item.halves_at) : "—"))))));
}

function obligations({ max_credential_ttl_s: ttl, step_up: stepUp }) {
  const words = ttl === 0 ? "No new credentials" : `Credentials up to ${count(ttl, "second", "seconds")}`;
  return words + (stepUp ? "; a person has to agree to each action." : "; nobody has to agree.");
}

function head(agent) {
  const trust = agent.trust;
  return h("section", { class: "panel hero", "aria-label": "Trust" },
    h("div", { class: `score level-${trust.level}` },
      h("span", { class: "score-number" }, trust.score),
      h("span", { class: "faint" }, `cautiously ${trust.lower}`)),
    h("div", { class: "hero-words" },
      h("p", { class: "chips" }, levelChip(trust), chip(trust.state, `state-${trust.state}`),
        silentChip(agent), chip(`risk ${agent.risk_level.toLowerCase()}`, "tag"),
        agent.registered === false ? chip("unregistered", "state-stale") : null),
      h("p", {}, h("strong", {}, recovers(trust))),
      h("p", { class: "faint" }, `belief ${trust.belief.toFixed(2)} · disbelief `
        + `${trust.disbelief.toFixed(2)} · uncertainty ${trust.uncertainty.toFixed(2)}`),
      h("p", { class: "faint" }, obligations(trust.obligations))),
    facets(trust));
}

function inInventory(registered) {
  return registered === null ? "none loaded" : registered ? "registered" : "not registered";
}

function identity({ joined, aliases }) {
  return [...(joined ? [["Judged as", agentLink(joined.agent_id)]] : []),
    ...(aliases.length ? [["Aliases", h("ul", { class: "aliases" }, aliases.map((one) =>
      h("li", {}, agentLink(one.alias),
        h("span", { class: "faint" }, `${one.kind}, since `, when(one.since)))))]] : [])];
}

function seen(time) {
  return time ? when(time) : "not yet";
}

function about(agent) {
  const claims = Object.entries(agent.claims).map(([name, value]) => `${name} ${value}`).join(", ");
  const facts = [["Owner", agent.owner ?? "unknown"], ["Role", agent.role ?? "unknown"],
    ["Inventory", inInventory(agent.registered)], ...(claims ? [["Claims, unproven", claims]] : []),
    ["Version", agent.version ?? "unknown"], ["Modes", agent.modes.join(", ")],
    ["Events", agent.events.toLocaleString("en")], ["First seen", seen(agent.first_seen)],
    ["Last seen", seen(agent.last_seen)], ["As of", when(agent.trust.as_of)], ...identity(agent)];
  return h("dl", { class: "facts panel" }, facts.flatMap(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

export function agentDetail({ agent, evidence, history, anomalies }) {
  const modes = agent.by_mode.length > 1
    ? h("p", { class: "chips" }, agent.by_mode.map((m) => chip(`${m.mode} ${m.score}`, `level-${m.level}`))) : null;
  return [
    h("p", {}, h("a", { href: "#/", "data-key": "back" }, "← All agents")),
    h("h1", { class: "agent-name" }, agentName(agent.agent_id)), modes,
    head(agent),
    h("div", { class: "detail-columns" },
      h("section", { class: "panel" }, h("h2", {}, `Last 30 days, ${history.mode}`), chart(history.points)),
      about(agent)),
    h("section", { class: "panel" }, h("h2", {}, "What moved the score"),
      h("p", { class: "lead" }, "Points that each item takes away now; without it the score would be that much higher."),
      effects(evidence.items, anomalies)),
    h("section", { class: "panel" }, h("h2", {}, "Anomalies"),
      anomalies === null ? h("p", { class: "empty" }, "Your key has no scope to read anomalies.")
        : anomalies.length ? h("ol", { class: "queue" },
          anomalies.map((a) => anomalyItem(a, { withAgent: false })))
          : h("p", { class: "empty" }, "None on record.")),
    h("details", { class: "panel raw" }, h("summary", { "data-key": "raw" }, "The answer as a policy sees it"),
      h("pre", {}, JSON.stringify(agent.trust, null, 2))),
  ];
}
