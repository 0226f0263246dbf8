"""Engines that share a stream tell each other what one engine for all would know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.constants import MAX_KNOWERS
from models.engine import Engine
from models.errors import StateError
from models.event import Human
from models.provenance.history.request_clusters import RoleTable
from models.provenance.history.stored_tables import read_role
from models.replication import exchange
from models.replication.exchange import NAME, Exchange
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.publishing.catalogue import catalogue
from tests.models.conftest import OFFICE, SECRET
from tests.models.fleets import a_lively_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from models.event import Event
    from models.result import Result

CONFIG = ModelConfig(snapshot_minutes=30, alerts_per_day=2.0)
AGENTS = 6


class Part:
    """One engine of several, with its agents."""

    def __init__(self, stored: dict[str, bytes] | None = None) -> None:
        self.engine = Engine(CONFIG, SECRET, catalogue(), kernel="python")
        shared = stored or {}
        self.engine.load({k: v for k, v in shared.items() if k != NAME}, [])
        self.exchange = Exchange(self.engine, shared.get(NAME, b""))
        self.subjects: dict[str, AgentState] = {}

    def judge(self, events: Iterable[Event]) -> list[Result]:
        return [self._one(event) for event in events]

    def _one(self, event: Event) -> Result:
        name = event.agent.id
        if name not in self.subjects:
            trust = TrustState(agent_id=name, mode="unknown")
            self.subjects[name] = AgentState(Profile(name, "unknown"), trust)
        return self.engine.judge(event, OFFICE, self.subjects[name])

    def shared(self) -> dict[str, bytes]:
        return dict(self.engine.dump(whole=True) + self.exchange.dump())

    def published(self) -> dict[str, Any]:
        """Give what snapshots have made known; cases and open sessions are each shard's own."""
        shared = self.engine.shared
        return {
            "rates": shared.rates.tables,
            "combined": shared.combined.tables,
            "knowledge": {  # beyond so many it says no more who they are
                mark: MAX_KNOWERS if len(who) == MAX_KNOWERS else sorted(who)
                for mark, who in shared.knowledge.knowers.items()
            },
            "novelty": shared.novelty.counts,
            "amounts": shared.amounts.fleet,
            "spread": (shared.spread.young, shared.spread.counts),
            "reports": shared.relations.reports,
            "active": shared.active,
        }


@pytest.fixture(scope="module")
def days(an_event: Callable[..., Event]) -> list[list[Event]]:
    """Give twelve days of six agents with requests and origins."""
    found = []
    for day in range(12):
        events = []
        for number, event in enumerate(a_lively_day(an_event, day, AGENTS)):
            origins = {"to": [(f"person-{number % 9}@example.com", ["result:crm.find"])]}
            more = {"purpose": "Write to the landlord", "argument_origins": origins}
            more["human"] = Human(f"person-{int(event.agent.id[-1]) % 2}")
            events.append(msgspec.structs.replace(event, **more))
        found.append(events)
    return found


def shares_of(events: list[Event], shards: int) -> list[list[Event]]:
    """Give the events of each shard: an agent belongs to one."""
    return [
        [one for one in events if int(one.agent.id.rpartition("-")[2]) % shards == shard]
        for shard in range(shards)
    ]


def pass_on(parts: list[Part]) -> list[bytes | None]:
    told = [part.exchange.contribution() for part in parts]
    for giver, blob in enumerate(told):
        for taker, part in enumerate(parts):
            if blob is not None and taker != giver:
                part.exchange.take(blob)
    return told


def tell(parts: list[Part]) -> None:
    """Let all parts publish what all of them have said so far."""
    for _ in range(2):
        for part in parts:
            part.engine.publish()
        pass_on(parts)
    for part in parts:
        part.engine.publish()


def settle(parts: list[Part], time_us: int) -> None:
    """Let every part publish all, close its days, and publish these."""
    tell(parts)
    for part in parts:
        part.engine.advance(time_us)
        for agent_state in part.subjects.values():
            part.engine.arrivals.close_days(agent_state.profile)
    tell(parts)


def together(days: list[list[Event]], shards: int) -> tuple[list[Part], list[bytes | None]]:
    """Let some engines judge a stream, a day each in turn, telling in between."""
    parts, told = [Part() for _ in range(shards)], []
    for events in days:
        for part, own in zip(parts, shares_of(events, shards), strict=True):
            part.judge(own)
        told += pass_on(parts)
    return parts, told


def end_of(days: list[list[Event]]) -> int:
    return int(days[-1][-1].time.timestamp()) * 1_000_000 + 2 * DAY_US


@pytest.mark.parametrize("shards", [2, 3])
def test_k3_several_shards_publish_the_snapshots_of_one(days, shards):
    """Each hears of every event before the next, as one engine does with a snapshot after each.

    Without requests: content tables learn sessions in the order in which they arrive.
    """
    parts, one = [Part() for _ in range(shards)], Part()
    for event in (event for events in days[:2] for event in events):
        event = msgspec.structs.replace(event, purpose=None, argument_origins=None)
        shard = int(event.agent.id[-1]) % shards
        for part in (*parts, one):
            part.engine.advance(int(event.time.timestamp() * 1e6))
        tell(parts)
        tell([one])
        judged = parts[shard].judge([event])
        expected = one.judge([event])
        assert judged[0].s_sum == expected[0].s_sum
        assert judged[0].rank == expected[0].rank
        tell(parts)
        tell([one])
    settle(parts, end_of(days[:2]))
    settle([one], end_of(days[:2]))
    expected = one.published()
    assert expected["rates"].states
    for part in parts:
        found = part.published()
        assert {name for name in expected if found[name] != expected[name]} == set()


def test_all_shards_know_the_same(days):
    parts, _ = together(days, 3)
    settle(parts, end_of(days))
    first, *others = (part.published() for part in parts)
    for one in (first, *others):
        one.pop("spread")  # each counts a value once it is a day old, by what it has heard then
    assert first["knowledge"]
    assert first["rates"].fleet.days
    assert all(other == first for other in others)


def test_agents_of_all_shards_count_for_the_budget(days):
    parts, _ = together(days, 2)
    alone = Part()
    for events in days:
        alone.judge(shares_of(events, 2)[0])
    settle(parts, end_of(days))
    settle([alone], end_of(days))
    today = end_of(days) // DAY_US
    active = [part.engine.shared.active_agents(today) for part in (*parts, alone)]
    assert active == [AGENTS, AGENTS, AGENTS / 2]


def test_a_value_known_to_peers_of_another_shard_is_less_new(days):
    parts, _ = together(days, 2)
    settle(parts, end_of(days))
    here, there = (part.engine.shared.knowledge for part in parts)
    profile = parts[0].subjects["agent-0"].profile
    alone = Part()
    for events in days:
        alone.judge(shares_of(events, 2)[0])
    settle([alone], end_of(days))
    nobody = alone.engine.shared.knowledge
    of_others = [mark for mark in there.knowers if mark not in nobody.knowers]
    levels = {here.level(profile.role, profile.mark, mark) for mark in of_others}
    assert levels
    assert levels <= {1, 2}
    assert {nobody.level(profile.role, profile.mark, mark) for mark in of_others} == {3}


def sessions_learned(part: Part) -> int:
    """Give how many sessions the content tables have learned, over all roles."""
    total = 0
    for name, blob in part.shared().items():
        if name.startswith("role:"):
            role = RoleTable()
            read_role(role, blob, 0)
            total += role.n
    return total


def test_content_tables_learn_sessions_of_other_shards(days):
    parts, _ = together(days, 2)
    alone = Part()
    for events in days:
        alone.judge(shares_of(events, 2)[0])
    assert sessions_learned(parts[0]) > 1.3 * sessions_learned(alone) > 0


def test_an_agent_that_any_shard_has_seen_was_seen(days):
    parts, _ = together(days, 2)
    for part in parts:
        assert {name for name, _ in part.engine.last_seen.activities()} == {
            f"agent-{number}" for number in range(AGENTS)
        }


def test_equal_order_of_contributions_gives_equal_bytes(days):
    first, second = together(days[:6], 2), together(days[:6], 2)
    assert first[1] == second[1]
    assert [part.shared() for part in first[0]] == [part.shared() for part in second[0]]


@settings(max_examples=6)
@given(st.integers(1, 5), st.integers(0, 1))
def test_k3_a_reload_between_two_batches_changes_nothing(days, cut: int, which: int) -> None:
    """What others told and what waits survives a restart of either shard."""
    expected, _ = together(days[:6], 2)
    parts = [Part(), Part()]
    for at, events in enumerate(days[:6]):
        if at == cut:
            before = parts[which]
            again = Part(before.shared())
            again.engine.load(before.shared(), before.engine.dump_sessions()[0])
            again.exchange = Exchange(again.engine, before.shared().get(NAME, _waiting(before)))
            again.subjects = before.subjects
            parts[which] = again
        for part, own in zip(parts, shares_of(events, 2), strict=True):
            part.judge(own)
        pass_on(parts)
    for part, other in zip(parts, expected, strict=True):
        assert part.published() == other.published()
        assert dict(part.engine.dump(whole=True)) == dict(other.engine.dump(whole=True))


def _waiting(part: Part) -> bytes:
    return msgspec.msgpack.encode(part.exchange._waiting)


def test_contributions_that_wait_survive_a_restart(days):
    parts, _ = together(days[:4], 2)
    teller, taker = parts
    teller.judge(shares_of(days[4], 2)[0])
    teller.engine.publish()
    blob = teller.exchange.contribution()
    assert blob is not None
    taker.exchange.take(blob)
    again = Part(stored=taker.shared())
    for part in (taker, again):
        part.engine.publish()
    assert dict(again.engine.dump(whole=True)) == dict(taker.engine.dump(whole=True))
    assert again.published()["knowledge"].keys() >= teller.published()["knowledge"].keys()


def test_an_engine_without_events_has_the_newest_snapshots_of_others(monkeypatch, days):
    monkeypatch.setattr(exchange, "MAX_WAITING", 16)
    teller, taker = Part(), Part()
    for events in days:
        for start in range(0, len(events), 20):
            teller.judge(events[start : start + 20])
            teller.engine.publish()
            blob = teller.exchange.contribution()
            if blob is not None:
                taker.exchange.take(blob)
    assert len(msgspec.msgpack.decode(taker.shared()[NAME])) == 16
    taker.engine.publish()
    known, told = taker.published(), teller.published()
    assert 0 < len(known["reports"]) <= len(told["reports"])
    assert known["knowledge"].keys() <= told["knowledge"].keys()


def test_a_contribution_of_the_judge_before_is_passed_over() -> None:
    part = Part()
    before = part.shared()
    part.exchange.take(b"\x93\x01")
    assert part.shared() == before


def test_bytes_that_are_not_a_contribution_are_refused() -> None:
    with pytest.raises(StateError, match="another shard"):
        Part().exchange.take(exchange._FIRST + b"\x93\x01")
    with pytest.raises(StateError, match="cannot be read"):
        Exchange(Part().engine, b"\xc1")
