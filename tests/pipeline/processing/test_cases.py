"""Cases as the worker writes them: opened, grown, closed, bounded, and one message where due."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.replay import replay
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.store import Store

KNOWN, GHOST = "clerk-1", "ghost-1"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
ARRIVED_US = 1_798_761_600_000_000


@pytest.fixture
def settings(pipeline: Any, store_url: str) -> Any:
    """Give settings of a store whose inventory knows one agent."""
    pipeline.inventory.write_text(f"agent_id,role,owner\n{KNOWN},clerk,team@example.com\n")
    open_store(store_url, secret=pipeline.SECRET).close()
    return pipeline.settings("-").model_copy(update={"store": store_url})


@pytest.fixture
def store(settings: Any) -> Iterator[Store]:
    with open_store(settings.store) as opened:
        yield opened


def an_event(name: str, agent: str = GHOST, minutes: float = 0.0, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "time": (START + timedelta(minutes=minutes)).isoformat(),
        "agent": {"id": agent},
        "tool": "mail.send",
        "mode": "delegated",
        "session": "s-1",
    } | more


def judge(settings: Any, store: Store, events: Iterable[dict[str, Any]], size: int = 100) -> list:
    """Judge events in batches, each by a worker that reads the store anew; give the messages."""
    given, outbox = list(events), []
    for start in range(0, len(given), size):
        records = [
            RawRecord(json.dumps(one).encode(), "stdin", start + at, ARRIVED_US)
            for at, one in enumerate(given[start : start + size])
        ]
        out = build_worker(settings, store).judge(records)
        store.commit(out)
        outbox += out.outbox
    return [json.loads(one.value) for one in outbox if one.topic == "agent.cases"]


DAYS = 24 * 60


def a_life() -> list[dict[str, Any]]:
    """Give two events, one of the next day, and another agent that works for three weeks."""
    later = [an_event(f"k-{n}", KNOWN, n * DAYS) for n in range(2, 22)]
    return [an_event("e-1"), an_event("e-2", minutes=5), an_event("e-3", minutes=DAYS), *later]


@pytest.mark.parametrize("size", [1, 100])
def test_a_case_opens_grows_on_the_next_day_and_closes_after_quiet_days(settings, store, size):
    messages = judge(settings, store, a_life(), size)
    opened, grew, closed = (one for one in messages if one["agent_id"] == GHOST)
    assert [one["change"] for one in (opened, grew, closed)] == ["opened", "grew", "closed"]
    assert [one["version"] for one in (opened, grew, closed)] == [1, 2, 3]
    assert [one["status"] for one in (opened, grew, closed)] == ["open", "open", "closed"]
    assert opened["case_id"] == grew["case_id"] == closed["case_id"]
    assert (opened["agent_id"], opened["mode"], opened["severity"]) == (GHOST, "delegated", "high")
    assert opened["title"] == f"Agent outside the inventory: {GHOST}"
    assert opened["signals"][0]["anomaly"] == "identity.shadow"
    assert opened["signals"][0]["reasons"][0]["why"].startswith(f"Agent {GHOST} is not in the inv")
    assert opened["trust"]["after"]["score"] < opened["trust"]["before"]["score"]
    assert grew["trust"]["before"] == opened["trust"]["before"]
    assert (opened["opened"], opened["last"]) == ("2026-03-02T10:00:00.000000Z",) * 2
    assert grew["last"] == closed["last"] == "2026-03-03T10:00:00.000000Z"
    assert store.case(opened["case_id"]) == closed


def test_an_event_without_a_message_still_counts_in_the_stored_case(settings, store):
    (opened,) = judge(settings, store, [an_event("e-1")])
    assert judge(settings, store, [an_event("e-2", minutes=5)]) == []
    (case,) = store.cases()
    assert case["events"] == {"count": 2, "ids": ["e-1", "e-2"]}
    assert case["last"] == "2026-03-02T10:05:00.000000Z"
    assert case["version"] == opened["version"] == 1


def test_a_case_is_bounded_and_keeps_the_newest(settings, store):
    events = [an_event(f"e-{n}", minutes=n, session=f"s-{n}", trace_id=f"t-{n}") for n in range(50)]
    judge(settings, store, events, 20)
    (case,) = store.cases()
    assert case["events"] == {"count": 50, "ids": [f"e-{n}" for n in range(30, 50)]}
    assert case["sessions"] == [f"s-{n}" for n in range(30, 50)]
    assert case["traces"] == [f"t-{n}" for n in range(30, 50)]
    assert len(case["signals"]) <= 8
    assert all(len(signal["reasons"]) <= 5 for signal in case["signals"])


def test_many_unknown_agents_with_one_credential_are_one_case_found_by_each(settings, store):
    events = [
        an_event(f"e-{n}", f"ghost-{n:02}", n / 60, credential={"id": "c-9"}, session=f"s-{n}")
        for n in range(30)
    ]
    messages = judge(settings, store, events, 7)
    (case,) = store.cases()
    assert case["agent_id"] == "ghost-00"
    assert case["agents"] == [f"ghost-{n:02}" for n in range(20)]
    assert (case["agent_count"], case["events"]["count"]) == (30, 30)
    assert len(messages) <= 3
    for name in ("ghost-00", "ghost-25"):
        assert [one["case_id"] for one in store.cases(agent_id=name)] == [case["case_id"]]
    assert store.cases(agent_id=KNOWN) == []


def test_same_event_id_of_several_agents_opens_a_case_for_each(settings, store):
    agents = [f"ghost-{n}" for n in range(3)]
    events = [
        an_event("e-1", name, DAYS * n, credential={"id": name}) for n, name in enumerate(agents)
    ]
    judge(settings, store, events)
    assert sorted(one["agent_id"] for one in store.cases()) == agents


def test_messages_do_not_depend_on_batches(settings, store, pipeline):
    events = [json.loads(line) for line in pipeline.events(600)]
    expected = judge(settings, store, events, 600)
    assert Counter(one["change"] for one in expected)["opened"] > 1
    with open_store(f"sqlite:{pipeline.folder / 'other.db'}", secret=pipeline.SECRET) as other:
        assert judge(settings, other, events, 50) == expected
        assert other.cases(limit=100) == store.cases(limit=100)


def test_lines_of_a_replay_name_the_cases_of_its_store(pipeline):
    events = pipeline.file(pipeline.events(2_500))
    out, kept = pipeline.folder / "out.jsonl", f"sqlite:{pipeline.folder / 'kept.db'}"
    settings = Settings(inventory=pipeline.inventory, clock="event")
    replay([str(events)], fmt="native", out=str(out), store=kept, settings=settings)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    counts = Counter(line["case_id"] for line in lines if line["case_id"])
    alerts = Counter(line["case_id"] for line in lines if line["alert"])
    with open_store(kept, read_only=True) as store:
        cases = {one["case_id"]: one for one in store.cases(limit=1_000)}
        assert not store.outbox(10)
    assert len(cases) > 5
    assert {name: one["events"]["count"] for name, one in cases.items()} == counts
    assert {name: one["version"] for name, one in cases.items()} == alerts
    for name, case in cases.items():
        periods = [one["return_period_days"] for one in lines if one["case_id"] == name]
        assert case["return_period_days"] == max(filter(None, periods), default=None)
