"""One story through everything: a file comes in, it is judged, published, and the API answers."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

from lab.simulation.sample import fleet_events
from models.trust.response import trust_answer
from pipeline.configuration.derived import trust_policy_of
from pipeline.formats import Native
from pipeline.processing import runner
from pipeline.settings import Settings
from pipeline.store import Store, open_store
from scoring_api.app import create_app
from scoring_api.config import ApiConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from pipeline.processing.run_summary import RunSummary

STRANGER = "spiffe://example.com/ns/shop/sa/stranger"
AGENTS = 6
EVENTS = 900


def of_the_stranger(number: int, time: str) -> bytes:
    event = {
        "id": f"stranger-{number}",
        "time": time,
        "agent": {"id": STRANGER},
        "tool": "payroll.export",
        "session": "stranger",
        "mode": "autonomous",
        "resource": {"id": f"payroll/{number}", "sensitivity": "restricted"},
        "network": {"source_ip": "192.0.2.7"},
    }
    return json.dumps(event).encode()


@pytest.fixture
def lines() -> list[bytes]:
    """An ordinary fleet, and a stranger among its last events."""
    lines = list(fleet_events(7, AGENTS, limit=EVENTS))
    last = json.loads(lines[-1])["time"]
    return [*lines, *(of_the_stranger(n, last) for n in range(5)), b"no event"]


@pytest.fixture
def settings(tmp_path: Path, lines: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("SOURCE", "FORMAT", "STORE", "SINK", "INVENTORY", "CLOCK", "ALERTS_PER_DAY"):
        monkeypatch.delenv(f"HABITUS_{name}", raising=False)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    agents = sorted({json.loads(line)["agent"]["id"] for line in lines[:EVENTS]})
    rows = [f"{agent},{agent.rsplit('-', 1)[0]},team@example.com\n" for agent in agents]
    (tmp_path / "inventory.csv").write_text("agent_id,role,owner\n" + "".join(rows))
    return Settings(
        source=f"file:{tmp_path / 'events.jsonl'}",
        store=f"sqlite:{tmp_path / 'habitus.db'}",
        sink=f"file:{tmp_path / 'out'}",
        inventory=tmp_path / "inventory.csv",
        # Made-up events are never ahead, whatever the clock of the machine says.
        clock="event",
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings.store) as opened:
        yield opened


def run(settings: Settings) -> RunSummary:
    return runner.run(settings, drain=True, stop=threading.Event())


def published(tmp_path: Path, topic: str) -> list[dict[str, Any]]:
    path = tmp_path / "out" / f"{topic}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def served(store: Store, settings: Settings) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    from contextlib import asynccontextmanager

    app = create_app(
        store,
        Native().read,
        ApiConfig(clock="event", poll_s=0.02),
        trust_policy_of(settings),
    )

    @asynccontextmanager
    async def client() -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app)
        async with (
            app.api.router.lifespan_context(app.api),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as made,
        ):
            yield made

    return client()


async def answer_of(client: httpx.AsyncClient, path: str, **expected: Any) -> dict[str, Any]:
    """Ask until the answer says what is expected: the API follows the store a moment later."""
    for _ in range(200):
        response = await client.get(path)
        if response.status_code == 200:
            body: dict[str, Any] = response.json()
            if all(body[name] == value for name, value in expected.items()):
                return body
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path}: {response.status_code} {response.text}")


def test_file_leads_to_an_answer_of_the_api(tmp_path, settings, store, lines):
    summary = run(settings)
    assert (summary.events, summary.rejected) == (EVENTS + 5, 1)
    (refused,) = published(tmp_path, "agent.actions.rejected")
    assert (refused["line"], refused["value"]) == (len(lines), "no event")
    found = [a for a in published(tmp_path, "agent.anomalies") if a["agent_id"] == STRANGER]
    assert {anomaly["anomaly"] for anomaly in found} == {"identity.shadow"}
    told = [t for t in published(tmp_path, "agent.trust") if t["agent_id"] == STRANGER][-1]
    anomaly = max(found, key=lambda one: one["version"])
    assert anomaly["count"] == 5
    asyncio.run(_the_api_says_the_same(settings, store, anomaly, told, lines))


async def _the_api_says_the_same(
    settings: Settings,
    store: Store,
    anomaly: dict[str, Any],
    told: dict[str, Any],
    lines: list[bytes],
) -> None:
    async with served(store, settings) as client:
        trust = f"/v1/agents/{STRANGER}/trust"
        answer = await answer_of(client, trust, state="learning")
        at_us, policy = store.status().watermark_us or 0, trust_policy_of(settings)
        own = trust_answer(store.states(STRANGER), STRANGER, at_us, at_us, policy)
        for name in ("score", "lower", "level", "gate", "state", "mode", "belief", "as_of"):
            assert answer[name] == getattr(own, name), name
        for name in ("score", "lower", "level", "gate", "state", "facets", "reasons"):
            assert answer[name] == told[name], name
        (reason,) = answer["reasons"]  # its own evidence of what may be a finding of several agents
        assert (await client.get(f"/v1/anomalies/{reason['id']}")).json() == anomaly
        colleague = json.loads(lines[0])["agent"]["id"]
        assert answer["score"] < (await answer_of(client, f"/v1/agents/{colleague}/trust"))["score"]
        page = (await client.get("/v1/anomalies", params={"agent": STRANGER})).json()
        api = (await client.get("/openapi.json")).json()
        described = api["components"]["schemas"]["Anomaly"] | {"additionalProperties": False}
        jsonschema.validate(page["anomalies"][0], {**api, **described})
        assert page["anomalies"] == [anomaly]
        assert (await client.get(f"/v1/anomalies/{anomaly['id']}")).json() == anomaly
        agents = (await client.get("/v1/agents")).json()["agents"]
        assert len(agents) == AGENTS + 1
        assert agents[0]["agent_id"] == STRANGER
        assert not agents[0]["registered"]
        await _an_event_over_http_moves_the_answer(client, settings, anomaly, lines)


async def _an_event_over_http_moves_the_answer(
    client: httpx.AsyncClient, settings: Settings, anomaly: dict[str, Any], lines: list[bytes]
) -> None:
    again = json.loads(lines[EVENTS]) | {"id": "stranger-6"}
    response = await client.post("/v1/actions", json=[again, again, {"id": "incomplete"}])
    assert response.status_code == 202
    said = response.json()
    assert (said["accepted"], said["duplicate"], said["rejected"]) == (1, 1, 1)
    summary = await asyncio.to_thread(run, settings)
    assert (summary.events, summary.rejected) == (1, 0)
    agent = await answer_of(client, f"/v1/agents/{STRANGER}", events=6)
    assert agent["level"] == "restricted"
    grown = (await client.get(f"/v1/anomalies/{anomaly['id']}")).json()
    assert (grown["version"], grown["count"]) == (anomaly["version"] + 1, 6)
