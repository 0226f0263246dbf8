// The queue: which anomalies are asked for, and in which order. The address holds all of it.

import { anomalyItem } from "/console/anomalies.js";
import { ask } from "/console/api.js";
import { byId, draw, h } from "/console/dom.js";
import KINDS from "/console/kinds.js";
import { count } from "/console/words.js";

const PAGE = 50;
const HOURS = { "1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24 };
const SORTS = {
  severity: { sort: "severity" }, newest: { sort: "time" },
  oldest: { sort: "time", order: "asc" }, rank: { sort: "rank" },
};
const SEVERITIES = ["critical", "high", "medium", "low"];
// Each filter with its words, and how it is taken away.
const FILTERS = {
  severity: { words: (s) => `severity ${s.severity.join(" or ")}`, none: { severity: [] } },
  kind: { words: (s) => `type “${KINDS[s.kind] ?? s.kind}”`, none: { kind: "" } },
  not_kind: { words: (s) => `no type “${KINDS[s.not_kind] ?? s.not_kind}”`, none: { not_kind: "" },
    show: "Show agents outside the inventory" },
  time: { words: timeWords, none: { range: "", since: "", until: "" } },
};
const SHADOW = "identity.shadow"; // a flood of unknown agents may be left out
const NOTHING = { severity: [], kind: "", not_kind: "", range: "", since: "", until: "", order: "severity", cursor: "" };

let state = { ...NOTHING };
let changed = () => {};

function timeWords({ range, since, until }) {
  if (range in HOURS) return byId("range").querySelector(`[value="${range}"]`).textContent.toLowerCase();
  const at = (time) => `${time.replace("T", " ")} UTC`;
  return [since && `from ${at(since)}`, until && `before ${at(until)}`].filter(Boolean).join(", ");
}

const active = () => Object.keys(FILTERS).filter((name) =>
  Object.keys(FILTERS[name].none).some((key) => state[key].length));

// ---- the address

const minute = (text) => (/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text ?? "") ? text : "");

export function readAddress() {
  const said = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const one = (name, known) => (said.get(name) in known ? said.get(name) : "");
  const chosen = said.getAll("severity");
  const since = minute(said.get("since")), until = minute(said.get("until"));
  state = { severity: SEVERITIES.filter((name) => chosen.includes(name)), kind: said.get("kind") ?? "",
    not_kind: said.get("not_kind") === SHADOW ? SHADOW : "",
    range: since || until ? "" : one("range", HOURS), since, until,
    order: one("order", SORTS) || "severity", cursor: said.get("cursor") ?? "" };
  byId("q").value = said.get("q") ?? "";
  for (const name of ["level", "group"]) {
    byId(name).value = said.get(name) ?? "";
    if (byId(name).selectedIndex < 0) byId(name).value = "";
  }
  showControls();
}

export function writeAddress({ replace = false } = {}) {
  const said = new URLSearchParams();
  const chosen = { q: byId("q").value, level: byId("level").value, group: byId("group").value };
  for (const [name, value] of Object.entries({ ...state, ...chosen }))
    for (const one of [value].flat()) if (one && (name !== "order" || one !== "severity")) said.append(name, one);
  const hash = `${said}` ? `#/?${said}` : "#/";
  if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
}

function change(some) {
  state = { ...state, cursor: "", ...some };
  writeAddress();
  showControls();
  changed();
}

// ---- the controls

function showControls() {
  for (const box of document.querySelectorAll("#queue-filter [name=severity]"))
    box.checked = state.severity.includes(box.value);
  if (state.kind && !(state.kind in KINDS) && ![...byId("kind").options].some((o) => o.value === state.kind))
    byId("kind").append(h("option", { value: state.kind }, state.kind));
  byId("kind").value = state.kind;
  byId("not-shadow").checked = state.not_kind === SHADOW;
  byId("range").value = state.since || state.until ? "own" : state.range;
  byId("own-range").hidden = byId("range").value !== "own";
  byId("since").value = state.since;
  byId("until").value = state.until;
  byId("order").value = state.order;
  byId("queue-reset").hidden = !active().length;
}

export function begin(refresh) {
  changed = refresh;
  byId("kind").append(...Object.entries(KINDS).sort((a, b) => a[1].localeCompare(b[1]))
    .map(([name, title]) => h("option", { value: name }, title)));
  const form = byId("queue-filter");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const box of form.querySelectorAll("[name=severity]"))
    box.addEventListener("change", () => change({
      severity: SEVERITIES.filter((name) => form.querySelector(`[name=severity][value=${name}]`).checked) }));
  byId("kind").addEventListener("change", () => change({ kind: byId("kind").value }));
  byId("not-shadow").addEventListener("change", ({ target }) =>
    change({ not_kind: target.checked ? SHADOW : "" }));
  byId("order").addEventListener("change", () => change({ order: byId("order").value }));
  byId("range").addEventListener("change", () => {
    const own = byId("range").value === "own";
    if (!own) return change({ range: byId("range").value, since: "", until: "" });
    byId("own-range").hidden = false;
    byId("since").focus();
  });
  for (const name of ["since", "until"])
    byId(name).addEventListener("change", () => change({ range: "", [name]: byId(name).value.slice(0, 16) }));
  byId("queue-reset").addEventListener("click", () => {
    change({ ...NOTHING, order: state.order });
    byId("queue-title").focus();
  });
  for (const way of ["next", "previous"])
    byId(`queue-${way}`).addEventListener("click", (event) => {
      change({ cursor: event.currentTarget.dataset.cursor });
      byId("queue-title").focus();
    });
}

// ---- the question and the answer

function question(of, asOf, limit) {
  const asked = new URLSearchParams({ ...SORTS[of.order], limit });
  for (const name of of.severity) asked.append("severity", name);
  if (of.kind) asked.set("kind", of.kind);
  if (of.not_kind) asked.set("not_kind", of.not_kind);
  // Of a recording the last hour is that before its end.
  const now = asOf ? Date.parse(asOf) : Date.now();
  if (of.range) asked.set("since", new Date(now - HOURS[of.range] * 3_600_000).toISOString());
  if (of.since) asked.set("since", `${of.since}:00Z`);
  if (of.until) asked.set("until", `${of.until}:00Z`);
  if (of.cursor) asked.set("cursor", of.cursor);
  return `/v1/anomalies?${asked}`;
}

// An empty page also asks what would be there without each of the filters.
export async function askQueue(asOf) {
  const page = await ask(question(state, asOf, PAGE));
  if (page.anomalies.length || state.cursor) return { page, hides: [] };
  const without = await Promise.all(active().map((name) =>
    ask(question({ ...state, ...FILTERS[name].none }, asOf, 1))));
  return { page, hides: active().filter((_, at) => without[at].anomalies.length) };
}

function emptyWords(hides) {
  const names = active();
  if (!names.length) return ["Nothing unusual. This list fills when an agent leaves its habits."];
  const all = names.map((name) => FILTERS[name].words(state)).join(", ");
  const buttons = hides.map((name) => {
    const button = h("button", { type: "button", "data-key": `without-${name}` },
      FILTERS[name].show ?? `Show without ${FILTERS[name].words(state)}`);
    button.addEventListener("click", () => change(FILTERS[name].none));
    return button;
  });
  const why = buttons.length ? "These filters hide anomalies:" : "No single filter hides them.";
  return [`No anomaly fits: ${all}. ${why}`, h("span", { class: "chips" }, buttons)];
}

export function showQueue(asked, names) {
  const list = asked === null ? [] : asked.page.anomalies;
  draw(byId("queue"), [list, names], () => list.map((a) => anomalyItem(a)));
  const empty = byId("queue-empty");
  empty.hidden = list.length > 0;
  draw(empty, [asked === null, asked?.hides, state], () => [h("span", {}, asked === null
    ? "Your key has no scope to read anomalies."
    : state.cursor ? "There is nothing more on this page." : emptyWords(asked.hides))]);
  const { next_cursor: next, previous_cursor: previous } = asked?.page ?? {};
  const counted = list.length
    ? `${count(list.length, "anomaly", "anomalies")}${next || previous ? " on this page" : ""}` : "";
  if (byId("queue-count").textContent !== counted) byId("queue-count").textContent = counted;
  for (const [way, cursor] of [["next", next], ["previous", previous]]) {
    byId(`queue-${way}`).disabled = !cursor;
    byId(`queue-${way}`).dataset.cursor = cursor ?? "";
  }
  byId("queue-pages").hidden = !next && !previous && !state.cursor;
}
