"""Many unknown agents are one finding, and hide no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.commands.pages.anomaly import anomaly_with
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store import open_shard, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.store import Store

KNOWN = "clerk-1"
DAY = "2026-03-02T"


@pytest.fixture
def settings(pipeline: Any, store_url: str) -> Any:
    """Give settings of a store whose inventory knows one agent."""
    pipeline.inventory.write_text(f"agent_id,role,owner\n{KNOWN},clerk,team@example.com\n")
    open_store(store_url, secret=pipeline.SECRET).close()
    return pipeline.settings("-").model_copy(update={"store": store_url})


def an_event(number: int, agent: str, time: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"e-{number}",
        "time": f"{DAY}{time}Z",
        "agent": {"id": agent},
        "tool": "mail.send",
        "mode": "delegated",
        **more,
    }


def ghosts(count: int, time: str = "10:00:{second:02}", **more: Any) -> list[dict[str, Any]]:
    """Give one event of each of so many unknown agents."""
    return [
        an_event(
            n, f"ghost-{n:03}", time.format(second=n % 60, minute=n // 60, hour=n % 24), **more
        )
        for n in range(count)
    ]


def incident() -> list[dict[str, Any]]:
    """Give a credential that a known agent uses after its end."""
    return [
        an_event(
            9_000 + n,
            KNOWN,
            f"09:0{n}:00",
            credential={"id": "c-known", "expires_at": "2026-01-01T00:00:00Z"},
            network={"source_ip": address},
        )
        for n, address in enumerate(("192.0.2.7", "203.0.113.7"))
    ]


def judge(settings: Any, store: Store, events: Iterable[dict[str, Any]], size: int = 1_000) -> list:
    """Judge events in batches of a size, each by a worker that reads the store anew."""
    given = list(events)
    outbox = []
    for start in range(0, len(given), size):
        records = [
            RawRecord(json.dumps(one).encode(), "stdin", start + at, 1_798_761_600_000_000)
            for at, one in enumerate(given[start : start + size])
        ]
        out = build_worker(settings, store).judge(records)
        store.commit(out)
        outbox += out.outbox
    return [json.loads(one.value) for one in outbox if one.topic == "agent.anomalies"]


def test_250_unknown_agents_are_one_finding_and_the_incident_is_on_the_first_page(settings):
    with open_store(settings.store) as store:
        judge(settings, store, [*incident(), *ghosts(250, tool="ping")])
        page = store.anomalies(limit=50)
    assert [a["anomaly"] for a in page] == ["identity.shadow", "cred.lifetime"]
    shadow, expired = page
    assert shadow["agents"] == {
        "count": 250,
        "first": [f"ghost-{n:03}" for n in range(10)],
        "operations": {},
        "conflicts": 0,
        "shared": {},
    }
    assert (shadow["count"], shadow["severity"]) == (250, "high")
    assert shadow["reasons"][0]["why"].startswith("250 agents are not in the inventory")
    assert shadow["reasons"][0]["observed"] == "250 agents"
    assert expired["agent_id"] == KNOWN
    assert "agents" not in expired


@pytest.mark.parametrize("shared", ["credential", "network", "asn"])
def test_agents_that_share_a_credential_or_a_network_are_one_finding_all_day(settings, shared):
    carried = {
        "credential": {"credential": {"id": "c-9"}},
        "network": {"network": {"source_ip": "203.0.113.9"}},
        "asn": {"network": {"asn": 64_500}},
    }[shared]
    named = {"credential": "c-9", "network": "203.0.113.0/24", "asn": "AS64500"}[shared]
    with open_store(settings.store) as store:
        judge(settings, store, ghosts(24, "{hour:02}:30:00", **carried))
        (found,) = store.anomalies()
    assert found["agents"]["count"] == 24
    assert list(found["agents"]["shared"].values()) == [named]
    assert named in found["reasons"][0]["why"]


def test_credentials_made_up_for_each_agent_do_not_divide_a_minute(settings):
    events = ghosts(250, "10:00:00")
    for n, event in enumerate(events):
        event["credential"] = {"id": f"c-{n}"}
        event["network"] = {"source_ip": f"203.{n}.113.9"}
    with open_store(settings.store) as store:
        judge(settings, store, events)
        (found,) = store.anomalies()
    assert found["agents"]["count"] == 250


def test_reused_ids_of_unknown_agents_join_their_finding(settings):
    events = [
        event | {"id": "e", "tool": tool}
        for event in ghosts(250, credential={"id": "c-9"})
        for tool in ("ping", "tick")
    ]
    with open_store(settings.store) as store:
        judge(settings, store, [*incident(), *events])
        page = store.anomalies(limit=50)
        (state,) = store.states("ghost-249")
        items = sorted(item.anomaly for item in state.ledger.items.values())
        assert items == ["identity.shadow"], "one case is one item"
        assert [store.anomaly(item.id) for item in state.ledger.items.values()] == [page[0]]
    assert [a["anomaly"] for a in page] == ["identity.shadow", "cred.lifetime"]
    agents, reasons = page[0]["agents"], page[0]["reasons"]
    assert (agents["count"], agents["conflicts"], page[0]["count"]) == (250, 250, 500)
    assert [one["observed"] for one in reasons[:2]] == ["250 agents", "250 events"]


def test_a_conflict_that_begins_the_day_of_an_unknown_agent_is_a_shadow_finding(settings):
    events = [
        an_event(1, "ghost", "10:00:00", tool=tool) | {"time": f"2026-03-0{day}T10:00:00Z"}
        for day, tool in ((2, "ping"), (3, "tick"))
    ]
    with open_store(settings.store) as store:
        judge(settings, store, events)
        second, first = store.anomalies()
    assert [second["anomaly"], first["anomaly"]] == ["identity.shadow"] * 2
    assert (second["facet"], second["tags"]) == (first["facet"], first["tags"])
    assert second["reasons"][0]["observed"] == "ghost"
    assert second["agents"]["conflicts"] == 1


def test_reused_id_of_a_registered_agent_is_a_separate_finding(settings):
    events = [an_event(1, KNOWN, "10:00:00", tool=tool) for tool in ("ping", "tick")]
    with open_store(settings.store) as store:
        judge(settings, store, [*ghosts(9), *events])
        assert sorted(a["anomaly"] for a in store.anomalies()) == [
            "identity.shadow", "telemetry.conflict",
        ]  # fmt: skip


def decoys(last: int) -> list[dict[str, Any]]:
    """Give twelve unknown agents that ping once a minute from 08:00 on."""
    return [
        an_event(minute * 12 + n, f"decoy-{n:02}", f"{8 + minute // 60:02}:{minute % 60:02}:00",
                 tool="ping", credential={"id": f"c-{n}"})
        for minute in range(last)
        for n in range(12)
    ]  # fmt: skip


def test_an_unrelated_agent_does_not_join_a_crowd_that_began_in_another_minute(settings):
    rogue = an_event(
        9_500, "real-rogue", "12:10:30", tool="payments.pay", operation="pay",
        credential={"id": "c-rogue"}, network={"source_ip": "198.51.100.7"},
    )  # fmt: skip
    with open_store(settings.store) as store:
        judge(settings, store, [*decoys(251), rogue])
        found, crowd = store.anomalies()
    assert (found["agent_id"], found["agents"]["count"]) == ("real-rogue", 1)
    assert crowd["agents"]["count"] == 12
    assert "real-rogue" not in crowd["agents"]["first"]


def test_members_that_do_more_than_read_are_named_first_and_all_are_listed(settings):
    crowd = ghosts(30, tool="ping", operation="read")
    crowd[20]["operation"] = "write"
    crowd[25]["operation"] = "pay"
    later = an_event(99, "ghost-028", "11:00:00", tool="wipe", operation="delete")
    with open_store(settings.store) as store:
        judge(settings, store, [*crowd, later])
        (found,) = store.anomalies()
        assert store.members(found["id"], 1_000) == [f"ghost-{n:03}" for n in range(30)]
        assert store.members(found["id"], 2) == ["ghost-000", "ghost-001"]
        assert store.members("", 2) == []
    agents = found["agents"]
    assert agents["first"] == [
        "ghost-025", "ghost-028", "ghost-020", *(f"ghost-00{n}" for n in range(7)),
    ]  # fmt: skip
    assert agents["operations"] == {"ghost-025": "pay", "ghost-028": "delete", "ghost-020": "write"}
    assert "Among their operations: pay, delete, write." in found["reasons"][0]["why"]


@pytest.mark.parametrize("first", [False, True])
def test_security_events_leave_shared_values_and_operations_unchanged(settings, first):
    crowd = ghosts(3, tool="ping", operation="read", network={"source_ip": "192.0.2.7"})
    time = "09:59" if first else "10:30"
    reports = [
        event | {"kind": "security_event", "tool": "ssf:session-revoked", "operation": "admin",
                 "attributes": {"security_event": "session-revoked", "effect": "revoked"}}
        for event in (an_event(10 + n, f"ghost-{n:03}", f"{time}:00") for n in range(3))
    ]  # fmt: skip
    with open_store(settings.store) as store:
        judge(settings, store, [*reports, *crowd] if first else [*crowd, *reports])
        found = {one["agents"]["shared"].get("network"): one for one in store.anomalies()}
        of_events = found["192.0.2.0/24"]
        assert store.members(of_events["id"], 9) == [f"ghost-{n:03}" for n in range(3)]
    assert found.keys() == ({None, "192.0.2.0/24"} if first else {"192.0.2.0/24"})
    assert [one["agents"]["count"] for one in found.values()] == [3] * len(found)
    assert of_events["agents"]["operations"] == {}
    assert of_events["reasons"][0]["why"] == (
        "3 agents are not in the inventory, all from 192.0.2.0/24: nobody registered them and "
        "nobody owns them."
    )


def test_agents_that_share_nothing_are_separate_findings(settings):
    with open_store(settings.store) as store:
        judge(settings, store, ghosts(5, "{hour:02}:30:00"))
        assert [a["agents"]["count"] for a in store.anomalies()] == [1] * 5


def test_each_agent_has_evidence_that_links_to_the_finding(settings):
    with open_store(settings.store) as store:
        judge(settings, store, ghosts(30))
        (found,) = store.anomalies()
        for agent in ("ghost-000", "ghost-029"):
            (state,) = store.states(agent)
            (item,) = state.ledger.items.values()
            assert item.anomaly == "identity.shadow"
            assert store.anomaly(item.id) == found
            assert anomaly_with(store, item.id) == found
            assert store.anomalies(agent_id=agent) == [found]
        assert store.anomalies(agent_id="ghost-030") == []
        assert store.anomalies(agent_id="") == []


def test_batches_restarts_and_repeats_change_no_byte(settings, pipeline):
    events = [*ghosts(40, "10:{second:02}:00"), *ghosts(40, "10:{second:02}:30")]
    for n, event in enumerate(events):
        event["id"] = f"e-{n}"
        if n % 3 == 0:
            event["credential"] = {"id": f"c-{n % 4}"}
    with open_store(settings.store) as store:
        at_once = judge(settings, store, events)
        kept = store.anomalies(limit=1_000)
        assert judge(settings, store, events) == []
        assert store.anomalies(limit=1_000) == kept
    for size in (1, 7):
        other = pipeline.settings("-", f"by-{size}")
        with open_store(other.store) as store:
            assert judge(other, store, events, size) == at_once
            assert store.anomalies(limit=1_000) == kept


def test_messages_about_many_agents_are_few_and_bounded(settings):
    events = ghosts(500)
    for event in events:
        event["agent"]["id"] = event["agent"]["id"].ljust(256, "x")
    with open_store(settings.store) as store:
        published = judge(settings, store, events)
        (found,) = store.anomalies()
    assert len({one["id"] for one in published}) == 1
    assert [one["agents"]["count"] for one in published] == [*range(1, 11), 16, 32, 64, 128, 256]
    assert all(len(json.dumps(one)) < 16_384 for one in [*published, found])


@pytest.mark.postgresql
def test_each_partition_has_its_own_finding(settings, postgresql_url):
    settings = settings.model_copy(update={"store": postgresql_url})
    events = ghosts(40)
    with open_shard(postgresql_url, "") as whole:
        for at, name in enumerate(("kafka:t:0", "kafka:t:1")):
            store = whole.of(name)
            store.claim()
            judge(settings, store, events[at::2])
        found = whole.anomalies()
    assert [a["agents"]["count"] for a in found] == [20, 20]
