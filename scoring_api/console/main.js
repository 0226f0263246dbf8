// What is on the page, and when it is asked for again.

import { agentDetail, agentRow } from "/console/agents.js";
import { ApiError, agentPath, ask, useKey } from "/console/api.js";
import { byId, draw, forget, h, note } from "/console/dom.js";
import { askQueue, begin, readAddress, showQueue, writeAddress } from "/console/queue.js";
import { count, coverage, span, tellApart } from "/console/words.js";
import { visible } from "/console/visible.js";

const EVERY_MS = 5000;
const SHOWN = 200;
const FILTERS = ["q", "level", "group"];
let turn = 0;
let timer = 0;
let lastGood = null;

const agentInHash = () => {
  const found = location.hash.match(/^#\/agent\/(.+)$/);
  try {
    return found ? decodeURIComponent(found[1]) : null;
  } catch {
    return null;
  }
};

// A key may hold one scope and not the other; what it may not read is said, not hidden.
async function orDenied(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}

function showPulse(ready) {
  const words = { running: "live", drained: "all judged", stopped: "worker stopped", none: "no worker yet" };
  const late = ready.lag_s === null ? "" : ready.lag_s < 60 ? "" : `, ${Math.round(ready.lag_s / 60)} min late`;
  const quiet = (ready.sources ?? []).filter((one) => one.quiet)
    .map((one) => ` · nothing from ${one.source}${one.age_s === null ? " yet" : ` for ${span(one.age_s)}`}`).join("");
  const asOf = ready.as_of ? ` · as of ${ready.as_of.slice(0, 16).replace("T", " ")} UTC` : "";
  byId("pulse").textContent = `${words[ready.pipeline] ?? ready.pipeline}${late}${quiet}${asOf}`;
  byId("pulse").className = `pulse ${ready.stale ? "pulse-stale" : "pulse-live"}`;
}

function showAgents(page, names) {
  const rows = page === null ? [] : page.agents;
  draw(byId("agents"), [rows, names], () => rows.map(agentRow));
  const filtered = FILTERS.some((name) => byId(name).value);
  note("agents-coverage", page === null ? "" : coverage(page));
  note("agents-empty", page === null ? "Your key has no scope to read agents."
    : rows.length ? "" : filtered ? "No agent fits. Try fewer letters or all levels."
      : "No agent has been seen. Send events to /v1/actions or start habitus run.");
  byId("agents-count").textContent = page?.total
    ? rows.length < page.total ? `${rows.length} of ${page.total.toLocaleString("en")}; search for more`
      : count(page.total, "agent", "agents") : "";
}

async function overview(mine, ready) {
  const question = new URLSearchParams({ limit: SHOWN });
  for (const name of FILTERS) if (byId(name).value) question.set(name, byId(name).value);
  const [queue, agents] = await Promise.all([
    orDenied(askQueue(ready.as_of)), orDenied(ask(`/v1/agents?${question}`))]);
  if (mine !== turn) return;
  const names = tellApart([
    ...(queue?.page.anomalies ?? []).flatMap((a) => a.agents?.first ?? [a.agent_id]),
    ...(agents?.agents ?? []).map((row) => row.agent_id)]);
  showQueue(queue, names);
  showAgents(agents, names);
}

async function detail(id, mine) {
  const [agent, evidence, history, found] = await Promise.all([
    ask(agentPath(id)), ask(agentPath(id, "/evidence")), ask(agentPath(id, "/history", { days: 30 })),
    orDenied(ask(`/v1/anomalies?${new URLSearchParams({ agent: id, sort: "severity", limit: 50 })}`))]);
  if (mine !== turn) return;
  const data = { agent, evidence, history, anomalies: found && found.anomalies };
  draw(byId("detail"), data, () => agentDetail(data));
}

function trouble(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401) {
    byId("key-form").hidden = false;
    byId("key-open").setAttribute("aria-expanded", "true");
    note("trouble", "This installation asks for an API key.");
    return;
  }
  if (error.status === 404 && agentInHash()) {
    draw(byId("detail"), "absent", () => [h("p", {}, h("a", { href: "#/" }, "← All agents")),
      h("p", { class: "empty" }, "No such agent.")]);
    return;
  }
  const since = lastGood ? ` Shown is what was known at ${lastGood.toISOString().slice(11, 19)} UTC.` : "";
  note("trouble", `${error.message}${since} Trying again every few seconds.`);
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  const id = agentInHash();
  byId("overview").hidden = id !== null;
  byId("detail").hidden = id === null;
  try {
    const ready = await ask("/readyz");
    if (mine === turn) showPulse(ready);
    await (id === null ? overview(mine, ready) : detail(id, mine));
    if (mine === turn) {
      lastGood = new Date();
      note("trouble", "");
    }
  } catch (error) {
    if (mine === turn) trouble(error);
  } finally {
    // Only the newest turn goes on, so that a slow answer never doubles the rhythm.
    if (mine === turn) timer = setTimeout(refresh, EVERY_MS);
  }
}

function navigate(event) {
  forget(byId("detail"));
  const id = agentInHash();
  document.title = id ? `${visible(id, { name: true })} · Habitus` : "Habitus";
  if (id === null) readAddress();
  if (event && (id !== null || location.hash === "#/")) byId("main").focus({ preventScroll: true });
  window.scrollTo(0, 0);
  refresh();
}

byId("key-open").addEventListener("click", () => {
  const form = byId("key-form");
  form.hidden = !form.hidden;
  byId("key-open").setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) byId("key").focus();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value);
  byId("key").value = "";
  byId("key-form").hidden = true;
  refresh();
});
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("q").addEventListener("input", () => {
  writeAddress({ replace: true });
  clearTimeout(timer);
  timer = setTimeout(refresh, 200);
});
for (const name of ["level", "group"]) {
  byId(name).addEventListener("change", () => {
    writeAddress();
    refresh();
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});
window.addEventListener("hashchange", (event) => {
  if (location.hash !== "#main") navigate(event);
});
begin(refresh);
navigate();
