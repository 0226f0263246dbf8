"""The latest events over HTTP: their order, pages, age, content and scope."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.credentials.entries import make_key
from pipeline.identity.alias import Alias
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import Commit, PipelineStatus, open_store
from pipeline.store.batch import RecentEvents
from tests.components import ROOT

if TYPE_CHECKING:
    import httpx

    from pipeline.store import Store
    from tests.scoring_api.conftest import Installation

DATA = ROOT / "data" / "sample_events.jsonl.gz"


def sample(number: int) -> list[bytes]:
    with gzip.open(DATA) as lines:
        return [line for _, line in zip(range(number), lines, strict=False)]


def judge(store: Store, lines: list[bytes], *, size: int = 40, **settings: Any) -> None:
    worker = build_worker(Settings(**settings), store, publish=False, recent=True)
    for start in range(0, len(lines), size):
        batch = lines[start : start + size]
        records = [RawRecord(line, "t", start + at, 1 << 62) for at, line in enumerate(batch)]
        worker.commit(worker.judge(records), {}, PipelineStatus("running"))


def pages(client: httpx.Client, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get(f"/v1/events?limit={limit}{cursor}").json()
        found += page["events"]
        if page["next_cursor"] is None:
            return found
        assert len(page["events"]) == limit
        cursor = f"&cursor={page['next_cursor']}"


def test_latest_events_come_page_by_page_the_newest_first(installed: Installation) -> None:
    lines = sample(100)
    judge(installed.store, lines, recent_events=70)
    with installed.client() as client:
        found = pages(client, 30)
    assert [one["id"] for one in found] == [json.loads(line)["id"] for line in lines[:29:-1]]


@pytest.mark.parametrize("kernel", ["native", "python"])
def test_assessment_is_that_of_a_replay(installation: Installation, kernel: str) -> None:
    if kernel == "native":
        pytest.importorskip("habitus_native")
    lines = sample(600)
    seen: dict[str, dict[str, Any]] = {}

    def observe(_record: Any, event: Any, result: Any, _state: Any) -> None:
        seen[event.id] = {"rank": round(result.rank, 4), "learned": result.learned}
        seen[event.id] |= {"s_sum": round(result.s_sum, 3), "s_max": round(result.s_max, 3)}
        seen[event.id] |= {"p_n": result.p_n, "anomaly": result.anomaly, "case_id": result.case_id}

    with installation.client() as client:
        judge(installation.store, lines, kernel=kernel, size=150)
        found = pages(client, 1000)
        with open_store("sqlite::memory:", secret=installation.store.secret) as store:
            worker = build_worker(Settings(), store, publish=False, observer=observe)
            for start in range(0, 600, 150):
                batch = lines[start : start + 150]
                records = [RawRecord(one, "t", at, 1 << 62) for at, one in enumerate(batch)]
                worker.commit(worker.judge(records), {}, PipelineStatus("running"))
    assert len(found) == len(lines)
    for event in found:
        said = event["assessment"]
        assert {name: said[name] for name in seen[event["id"]]} == seen[event["id"]]


@pytest.mark.parametrize("kept", [True, False])
def test_content_is_listed_only_where_a_setting_keeps_it(
    installation: Installation, client: httpx.Client, kept: bool
) -> None:
    event = json.loads(sample(1)[0]) | {
        "purpose": "of a person",
        "arguments": {"to": "private@example.com"},
        "argument_origins": {"to": [["private@example.com", ["request"]]]},
        "attributes": {"call_id": "c-1", "files_read": ["private.csv"]},
    }
    judge(installation.store, [json.dumps(event).encode()], recent_content=kept)
    answer = client.get("/v1/events")
    (found,) = answer.json()["events"]
    assert ("private" in answer.text) is ("of a person" in answer.text) is kept
    assert found["attributes"]["call_id"] == "c-1"
    assert found["argument_origins"]["to"][0][1] == ["request"]


def test_identifier_of_a_confirmed_alias_is_listed_and_one_that_an_emitter_wrote_is_hidden(
    installation: Installation, client: httpx.Client
) -> None:
    event = json.loads(sample(1)[0]) | {"attributes": {"alias": "private", "note": "private"}}
    row = Alias(
        value="bot-7-in-entra", agent_id="bot-7", kind="agent", state="confirmed", version=1
    )
    installation.store.commit(Commit(aliases=[row]))
    own = event | {"id": "own", "agent": {"id": "bot-7"}}
    named = event | {"agent": {"id": row.value}, "delegation": ["ana", row.value]}
    judge(installation.store, [json.dumps(one).encode() for one in (own, named)])
    answer = client.get("/v1/events")
    (last, first) = answer.json()["events"]
    assert last["agent"]["id"] == first["agent"]["id"] == "bot-7"
    assert last["attributes"] == {
        "alias": row.value, "delegation_as_reported": ["ana", row.value],
    }  # fmt: skip
    assert first.get("attributes") is None
    assert "private" not in answer.text


def test_events_beyond_the_age_are_deleted(installation: Installation) -> None:
    now_us = installation.now_us()
    for age_s in (90, 30):
        at_us = now_us - age_s * 1_000_000
        recent = RecentEvents([b'{"id":"%d"}' % age_s], 10, at_us, 0)
        installation.store.commit(Commit(recent=recent))
    with installation.client(recent_events_s=60) as client:
        assert client.get("/v1/events").json() == {"events": [{"id": "30"}], "next_cursor": None}
    assert len(installation.store.recent_events(None, 0, 10)) == 2
    worker = build_worker(Settings(recent_events_s=60), installation.store, recent=True)
    worker.commit(worker.flush(), {}, PipelineStatus("running"))
    assert len(installation.store.recent_events(None, 0, 10)) == 1
    worker = build_worker(Settings(recent_events=0), installation.store, recent=True)
    worker.commit(worker.flush(), {}, PipelineStatus("running"))
    assert installation.store.recent_events(None, 0, 10) == []


def test_zero_keeps_no_event(installation: Installation, client: httpx.Client) -> None:
    judge(installation.store, sample(50), recent_events=0)
    assert client.get("/v1/events").json() == {"events": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=MA", "limit=0", "limit=1001", "agent=a", "cursor=ImEi"]
)
def test_wrong_query_is_refused(client: httpx.Client, query: str) -> None:
    assert client.get(f"/v1/events?{query}").status_code == 400


def test_events_need_the_scope_of_anomalies(installation: Installation, tmp_path: Any) -> None:
    keys = tmp_path / "keys.json"
    made = [make_key(scope.partition(":")[0], [scope]) for scope in ("trust:read", "anomaly:read")]
    keys.write_bytes(msgspec.json.encode([entry for _, entry in made]))
    secrets = [secret for secret, _ in made]
    found = []
    for secret in secrets:
        with installation.client(key=secret, api_keys_file=keys) as client:
            found.append(client.get("/v1/events").status_code)
    assert found == [403, 200]
