"""Engines that share a stream tell each other what one engine for all would know."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.simulation.sample import fleet_events
from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.engine import Engine
from models.errors import StateError
from models.event import Origin
from models.features.extraction import FEATURES
from models.kernel import native_kernel
from models.peers.fleet import FLEET
from models.provenance.history.request_clusters import RoleTable
from models.provenance.history.stored_tables import read_role
from models.replication import exchange
from models.replication.exchange import NAME, Exchange
from models.trust.state import TrustState
from pipeline.formats import FORMATS, event_of
from pipeline.processing.stream_types import RawRecord
from pipeline.publishing.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.event import Event
    from models.result import Result

SECRET = b"0123456789abcdef"
CONFIG = ModelConfig(pool_minimum=60, session_minimum=10, learning_sessions=2, snapshot_minutes=30)
OFFICE = Origin("direct", 64500, "SE", "list@1")


class Part:
    """One engine of several, with its agents."""

    def __init__(self, kernel: str = "auto", stored: dict[str, bytes] | None = None) -> None:
        self.engine = Engine(CONFIG, SECRET, catalogue(), kernel=kernel)
        shared = stored or {}
        self.engine.load({k: v for k, v in shared.items() if k != NAME}, [])
        self.exchange = Exchange(self.engine, shared.get(NAME, b""))
        self.subjects: dict[tuple[str, str], AgentState] = {}

    def judge(self, events: Iterable[Event]) -> list[Result]:
        return [self._one(event) for event in events]

    def _one(self, event: Event) -> Result:
        key = event.agent.id, event.mode
        if key not in self.subjects:
            profile = Profile.new(*key, CONFIG, self.engine.kernel)
            self.subjects[key] = AgentState(profile, TrustState(agent_id=key[0], mode=key[1]))
        return self.engine.judge(event, OFFICE, self.subjects[key])

    def shared(self) -> dict[str, bytes]:
        return dict(self.engine.dump(whole=True) + self.exchange.dump())


def a_stream(limit: int, agents: int = 12) -> list[Event]:
    lines = islice(fleet_events(3, agents), limit)
    return [event_of(RawRecord(line, "test", 1, 0), FORMATS["native"]) for line in lines]


def halves(events: list[Event]) -> tuple[list[Event], list[Event]]:
    names = sorted({event.agent.id for event in events})
    mine = set(names[::2])
    return [e for e in events if e.agent.id in mine], [e for e in events if e.agent.id not in mine]


def pass_on(parts: list[Part]) -> list[bytes | None]:
    told = [part.exchange.contribution() for part in parts]
    for giver, blob in enumerate(told):
        for taker, part in enumerate(parts):
            if blob is not None and taker != giver:
                part.exchange.take(blob)
    return told


def together(kernel: str = "auto", limit: int = 3_000) -> tuple[list[Part], list[bytes | None]]:
    """Let two engines judge a stream, a chunk of time each in turn, telling in between."""
    parts, told = [Part(kernel), Part(kernel)], []
    events = a_stream(limit)
    for start in range(0, len(events), 200):
        for part, own in zip(parts, halves_of(events, start, start + 200), strict=True):
            part.judge(own)
        told += pass_on(parts)
    for _ in range(2):  # the second takes in what the first told
        for part in parts:
            part.engine.fleet.publish()
        told += pass_on(parts)
    return parts, told


def halves_of(events: list[Event], start: int, end: int) -> tuple[list[Event], list[Event]]:
    names = sorted({event.agent.id for event in events})
    mine = set(names[::2])
    chunk = events[start:end]
    return [e for e in chunk if e.agent.id in mine], [e for e in chunk if e.agent.id not in mine]


def test_votes_of_both_shards_count_once_in_each() -> None:
    parts, _ = together()
    one = Part()
    one.judge(a_stream(3_000))
    one.engine.fleet.publish()
    for feature in (0, 2, 3):  # tool, resource, area
        known = [votes(part, feature) for part in (*parts, one)]
        assert known[0] == known[1]
        assert known[0].keys() == known[2].keys() != set()
        for value in known[0]:
            p = [
                part.engine.fleet.groups.view(FLEET).probability(feature, value, -1, 1e-4)
                for part in (*parts, one)
            ]
            assert p[0] == pytest.approx(p[1])
            assert p[0] == pytest.approx(p[2], rel=0.02)


def votes(part: Part, feature: int) -> dict[int, str]:
    return part.engine.fleet.groups.view(FLEET).names(feature)


def test_value_known_to_peers_of_another_shard_is_less_surprising() -> None:
    (together_part, _), _ = together()
    alone = Part()
    own, _ = halves(a_stream(3_000))
    alone.judge(own)
    alone.engine.fleet.publish()
    humans = [feature.name for feature in FEATURES].index("human")
    known = set(votes(together_part, humans)) - set(votes(alone, humans))
    assert known
    for value in known:
        p = [
            part.engine.fleet.groups.view(FLEET).probability(humans, value, -1, 1e-5)
            for part in (alone, together_part)
        ]
        assert p[1] > p[0]


def test_agents_of_all_shards_count_for_the_budget() -> None:
    parts, _ = together()
    alone = Part()
    own, _ = halves(a_stream(3_000))
    alone.judge(own)
    alone.engine.fleet.publish()
    maximum = [part.engine.fleet.active_agents() for part in parts]
    assert maximum[0] == maximum[1] > alone.engine.fleet.active_agents()
    each = [part.engine.fleet.events_per_agent() for part in parts]
    assert each[0] == each[1] > 0


def sessions_learned(part: Part) -> int:
    """Give how many sessions the content tables have learned, over all roles."""
    total = 0
    for name, blob in part.shared().items():
        if name.startswith("role:"):
            role = RoleTable()
            read_role(role, blob, 0)
            total += role.n
    return total


def test_provenance_tables_learn_sessions_of_other_shards() -> None:
    parts, _ = together()
    alone = Part()
    own, _ = halves(a_stream(3_000))
    alone.judge(own)
    assert sessions_learned(parts[0]) > 1.3 * sessions_learned(alone)


def test_equal_order_of_contributions_gives_equal_bytes() -> None:
    first, second = together(), together()
    assert first[1] == second[1]
    assert [part.shared() for part in first[0]] == [part.shared() for part in second[0]]


def test_pending_contributions_survive_a_restart() -> None:
    parts, _ = together(limit=1_000)
    events = a_stream(1_400)
    teller, taker = parts
    teller.judge(halves_of(events, 1_000, 1_400)[0])
    teller.engine.fleet.publish()
    blob = teller.exchange.contribution()
    assert blob is not None
    taker.exchange.take(blob)
    again = Part(stored=taker.shared())
    for part in (taker, again):
        part.engine.fleet.publish()
    assert dict(again.engine.dump(whole=True)) == dict(taker.engine.dump(whole=True))
    assert votes(again, 0).keys() >= votes(teller, 0).keys()


def test_engine_without_events_has_the_newest_snapshots_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MAX_WAITING", 16)
    teller, taker = Part(), Part()
    events = a_stream(1_000)
    for start in range(0, len(events), 200):
        teller.judge(events[start : start + 200])
        teller.engine.fleet.publish()
        blob = teller.exchange.contribution()
        assert blob is not None
        taker.exchange.take(blob)
        waiting = taker.shared()[NAME]
    assert len(msgspec.msgpack.decode(waiting)) == 16
    taker.judge(events[-1:])
    taker.engine.fleet.publish()
    assert 0 < len(votes(taker, 0)) <= len(votes(teller, 0))


def test_days_of_streams_with_different_starts_are_aligned() -> None:
    events = a_stream(6_000, agents=4)
    early, late = Part(), Part()
    first_day = events[0].time.date()
    rest = [event for event in events if event.time.date() > first_day]
    assert rest
    early.judge(halves(events)[0])
    late.judge(halves(rest)[1])
    late.engine.fleet.publish()
    blob = late.exchange.contribution()
    assert blob is not None
    early.exchange.take(blob)
    early.engine.fleet.publish()
    epochs = [part.engine.fleet.head.epoch_us for part in (early, late)]
    assert epochs[0] < epochs[1]
    assert all(epoch % 86_400_000_000 == 0 for epoch in epochs)
    assert max(early.engine.fleet.head.active) <= early.engine.fleet.head.day


def test_bytes_that_are_not_a_contribution_are_refused() -> None:
    with pytest.raises(StateError, match="another shard"):
        Part().exchange.take(b"\x93\x01")
    with pytest.raises(StateError, match="cannot be read"):
        Exchange(Part().engine, b"\xc1")


@pytest.mark.skipif(
    native_kernel("native" if os.environ.get("CI") == "true" else "auto") is None,
    reason="habitus-native is not installed",
)
def test_both_kernels_send_and_learn_the_same_bytes() -> None:
    reference, compiled = together("python", 1_500), together("native", 1_500)
    assert reference[1] == compiled[1]
    assert [part.shared() for part in reference[0]] == [part.shared() for part in compiled[0]]
