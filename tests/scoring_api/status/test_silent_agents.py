"""Agents that have stopped reporting, as the API tells of them."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from models.telemetry.last_seen import bucket_of, stored_names
from models.units import HOUR_US
from pipeline.store import Commit

WORKER, GONE = "worker-1", "gone-1"


@pytest.fixture
def fleet(installation, until):
    installation.put(installation.state(WORKER))
    installation.put(installation.state(GONE, at_us=installation.ago_us(31)))
    installation.hear_until(WORKER, 3)
    installation.hear_until(GONE, 31)
    with installation.client() as client:
        until(lambda: silent(client) == [GONE])
        yield client


def silent(client, wanted="true"):
    page = client.get("/v1/agents", params={"silent": wanted}).json()
    assert page["total"] == len(page["agents"])
    return [row["agent_id"] for row in page["agents"]]


def test_agent_that_stopped_reporting_is_listed_with_its_last_hour(fleet):
    row = fleet.get(f"/v1/agents/{GONE}").json()["silent"]
    assert (row["hours"], row["usual_hours"], row["times"]) == (31, 14.0, 2.2)
    assert row["since"].endswith(":00:00.000000Z")
    rows = {one["agent_id"]: one["silent"] for one in fleet.get("/v1/agents").json()["agents"]}
    assert rows == {WORKER: None, GONE: row}
    assert silent(fleet, "false") == [WORKER]
    assert fleet.get(f"/v1/agents/{WORKER}").json()["silent"] is None
    assert fleet.get("/v1/agents", params={"silent": "perhaps"}).status_code == 400


def test_silence_does_not_lower_trust(fleet):
    gone, worker = (fleet.get(f"/v1/agents/{name}").json() for name in (GONE, WORKER))
    assert gone["level"] == worker["level"] == "trusted"
    assert gone["top_reason"] is None
    assert "silent" not in fleet.get(f"/v1/agents/{GONE}/trust").json()


def test_the_number_of_silent_agents_is_a_metric(fleet, until):
    until(lambda: "\nhabitus_pipeline_silent_agents 1.0\n" in fleet.get("/metrics").text)


def test_agent_that_reports_again_is_not_silent(installation, fleet, until):
    installation.put(installation.state(GONE, at_us=installation.ago_us(0)))
    installation.hear(GONE, 0)
    until(lambda: silent(fleet) == [])
    until(lambda: "\nhabitus_pipeline_silent_agents 0.0\n" in fleet.get("/metrics").text)


def test_no_agent_becomes_silent_while_the_whole_stream_is_stopped(installation, fleet):
    then = installation.store.status()
    alive = replace(then, heartbeat_us=then.heartbeat_us + 24 * HOUR_US)
    installation.store.commit(Commit(status=alive))
    time.sleep(0.3)  # six looks
    assert silent(fleet) == [GONE]


def test_events_of_a_late_partition_may_still_come(installation, fleet, until):
    installation.say(lag_s=10 * 3600)
    until(lambda: silent(fleet) == [])


def test_tampered_row_is_counted_and_others_are_read(installation, fleet, until):
    name = stored_names(bucket_of(GONE))[0]
    work = installation.store._work
    with work.transaction():
        work.run("update shared set blob = ? where name = ?", (b"x", name))
    now = installation.store.status()
    later = replace(now, watermark_us=now.watermark_us + HOUR_US)
    installation.store.commit(Commit(status=later))
    good = "\nhabitus_api_store_errors_total 0.0\n"
    until(lambda: good not in fleet.get("/metrics").text)
    assert fleet.get(f"/v1/agents/{GONE}/trust").status_code == 200
    assert silent(fleet) == [GONE]
