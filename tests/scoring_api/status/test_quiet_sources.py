"""Answers are stale while a live source is quiet, and say no longer than that that they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from models.event import microseconds
from models.trust.opinion import TrustPolicy
from models.units import SECOND_US
from pipeline.store import Commit, LastEvent, PipelineStatus

PATH = "/v1/agents/spiffe:%2F%2Fexample.com%2Fns%2Fshop%2Fsa%2Frefunds/trust"


def hear(installation: Any, kind: Any = "live", ago_s: float | None = 0, **others: Any) -> None:
    """Have a worker that is well say when the source was last heard."""
    now = installation.now_us()
    event = None if ago_s is None else now - int(ago_s * SECOND_US)
    last = {"http": LastEvent(kind, event, now), **others}
    status = PipelineStatus("running", now, now, 0, last_events=last)
    installation.store.commit(Commit(status=status))


@pytest.fixture
def put(installation):
    installation.put(installation.state())
    return installation


@pytest.mark.parametrize(
    ("kind", "ago_s", "state"),
    [
        ("live", 10, "active"),
        ("live", 36 * 86_400, "stale"),
        ("batch", 36 * 86_400, "active"),
        ("live", None, "active"),
    ],
)
def test_a_live_source_that_is_quiet_makes_answers_stale(put, until, kind, ago_s, state):
    with put.client() as client:
        hear(put, kind, ago_s)
        until(lambda: client.get("/readyz").json()["sources"] != [])
        until(lambda: client.get(PATH).json()["state"] == state)
        ready = client.get("/readyz").json()
        assert ready["stale"] is (state == "stale")
        (source,) = ready["sources"]
        assert (source["source"], source["feed"]) == ("http", kind)
        assert source["quiet"] is (state == "stale")
        assert source["age_s"] is None if ago_s is None else 0 <= source["age_s"] - ago_s < 60
        assert ready["lag_s"] < 60
        answers = client.post("/v1/trust/query", json={"agents": [put.REFUNDS, "nobody"]}).json()
        assert (answers["answers"][0]["state"] == "stale") is (state == "stale")
        assert (answers["answers"][1]["state"] == "stale") is (state == "stale")


def test_live_source_without_events_counts_from_the_newest_event_of_the_store(put, until):
    now = put.now_us()
    last = {"http": LastEvent("live")}
    past = now - 36 * 86_400 * SECOND_US
    old = PipelineStatus("running", now, past, 0, last_events=last, newest_us=past)
    with put.client() as client:
        put.store.commit(Commit(status=old))
        until(lambda: client.get(PATH).json()["state"] == "stale")
        ready = client.get("/readyz").json()
        assert ready["stale"] is True
        (source,) = ready["sources"]
        assert (source["last_event"], source["quiet"]) == (None, True)
        assert "habitus_api_stale 1.0" in client.get("/metrics").text


def test_any_live_source_makes_answers_stale_and_is_named(put, until):
    with put.client() as client:
        hear(put, ago_s=5, **{"kafka:agent.actions": LastEvent("live", put.now_us() - 10**12, 1)})
        until(lambda: client.get(PATH).json()["state"] == "stale")
        sources = client.get("/readyz").json()["sources"]
        assert {one["source"]: one["quiet"] for one in sources} == {
            "http": False,
            "kafka:agent.actions": True,
        }


def test_answers_turn_stale_by_themselves_and_active_with_the_next_event(put, until):
    with put.client(TrustPolicy(stale_after_s=2)) as client:
        hear(put, ago_s=0.5)
        until(lambda: client.get(PATH).json()["state"] == "active")
        until(lambda: client.get(PATH).json()["state"] == "stale")
        late = client.get(PATH)
        assert late.headers["cache-control"] == "no-store"
        assert late.json()["valid_until"] == late.json()["computed_at"]
        hear(put, ago_s=0.1)
        until(lambda: client.get(PATH).json()["state"] == "active")


def test_answer_is_valid_until_it_turns_stale_at_most(put, until):
    with put.client(TrustPolicy(stale_after_s=60)) as client:
        hear(put, ago_s=40)
        turns = put.store.status().last_events["http"].event_us + 60 * SECOND_US
        until(lambda: client.get("/readyz").json()["sources"] != [])
        answer = client.get(PATH)
        assert answer.json()["state"] == "active"
        until_us = microseconds(datetime.fromisoformat(answer.json()["valid_until"]))
        assert turns - 5 * SECOND_US < until_us <= turns
        assert int(answer.headers["cache-control"].partition("max-age=")[2]) <= 20


def test_no_source_of_a_recording_is_quiet(put, until):
    with put.client(clock="event") as client:
        hear(put, ago_s=36 * 86_400)
        until(lambda: client.get("/readyz").json()["sources"] != [])
        ready = client.get("/readyz").json()
        assert ready["stale"] is False
        assert ready["sources"][0]["quiet"] is False
        assert client.get(PATH).json()["state"] == "active"


def test_metrics_give_the_age_of_the_last_event_of_each_source(put, until):
    with put.client() as client:
        hear(put, ago_s=2_000, file=LastEvent("batch", put.now_us() - 10**12, 1))
        until(lambda: client.get(PATH).json()["state"] == "stale")
        page = client.get("/metrics").text
        lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if line[0] != "#")
        name = "habitus_pipeline_last_event_age_seconds"
        assert 2_000 <= float(lines[f'{name}{{feed="live",source="http"}}']) < 2_100
        assert float(lines[f'{name}{{feed="batch",source="file"}}']) >= 10**6
        assert lines["habitus_api_stale"] == "1.0"
