"""The invariants of the model, by their numbers in the design note, through the engine."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from models.baseline.session import SessionScores
from models.calibration.day_maxima import DayMaxima
from models.calibration.rates import Rates
from models.calibration.series import Series
from models.detectors.promises import Sender
from models.event import Human, Resource, Volume, microseconds
from tests.models.conftest import OFFICE
from tests.models.fleets import DAYS, TYPICAL, a_day, at_day, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.scoring import Scores
    from tests.models.conftest import Stream

CALLS = Series("calls", "breadth")
ODD: dict[str, dict[str, Any]] = {
    "usual": {},
    "tool": {"tool": "vault.export"},
    "size": {"volume": Volume(bytes_out=90_000_000)},
    "domain": {"resource": Resource(id="hr/1", type="record", domain="hr")},
    "person": {"human": Human("eve"), "mode": "autonomous"},
    "origin": {"argument_origins": {"to": [("eve@evil.example", ["result:web.fetch"])]}},
}


@pytest.fixture
def fleet(a_known_stream: Callable[..., Stream]) -> Stream:
    """Six agents after twenty days of even work."""
    return a_known_stream(work, alerts_per_day=0.2)


def score(stream: Stream, event: Any, session: SessionScores) -> Scores:
    profile = stream.agent_state(event.agent.id).profile
    return stream.engine.scorer.score(
        event, OFFICE, profile, session, microseconds(event.time), Sender()
    )


@pytest.mark.parametrize("kind", ODD)
def test_m6_scoring_twice_gives_the_same_bits_and_teaches_nothing(fleet, an_event, kind):
    event = an_event("agent-0", at_day(DAYS), **TYPICAL | ODD[kind])
    profile = fleet.agent_state("agent-0").profile
    shared = fleet.engine.shared.dump(whole=True)
    known = deepcopy((profile.known, profile.held, profile.rates, profile.amounts, profile.maxima))
    first, second = (score(fleet, event, SessionScores(1)) for _ in range(2))
    assert (first.own, first.rarity, first.sum) == (second.own, second.rarity, second.sum)
    assert fleet.engine.shared.dump(whole=True) == shared
    now = (profile.known, profile.held, profile.rates, profile.amounts, profile.maxima)
    assert now == known


@pytest.mark.parametrize("kind", ["tool", "size", "domain", "person"])
def test_m6_an_event_does_not_vouch_for_itself(fleet, an_event, kind):
    """It is judged as it would be in a fleet that never sees it, and learned afterwards."""
    fleet.judge(an_event("agent-0", at_day(DAYS), **TYPICAL))  # yesterday is over
    event = an_event("agent-0", at_day(DAYS, seconds=9), **TYPICAL | ODD[kind] | {"session": "n"})
    alone = score(fleet, event, SessionScores(1))
    judged = fleet.judge(event)
    assert judged.s_sum == pytest.approx(alone.sum)
    assert judged.s_sum > 3.0


@settings(max_examples=20)
@given(st.sampled_from(sorted(ODD)), st.integers(1, 40))
def test_m4_many_uses_of_one_agent_on_one_day_change_another_ones_score_as_one_use(
    a_known_stream, an_event, kind: str, times: int
) -> None:
    seen = []
    for uses in (1, times):
        stream = a_known_stream(work, alerts_per_day=0.2)
        for number in range(uses):
            at = at_day(DAYS, seconds=number)
            stream.judge(an_event("agent-0", at, **TYPICAL | ODD[kind] | {"session": "s"}))
        stream.engine.publish()
        event = an_event("agent-1", at_day(DAYS, minutes=9), **TYPICAL | ODD[kind])
        judged = stream.judge(event)
        seen.append((judged.s_sum, judged.s_max, judged.rank))
    assert seen[0] == seen[1]


def test_m4_a_tool_of_more_agents_is_less_surprising(a_known_stream, an_event):
    seen = []
    for others in (0, 1):
        stream = a_known_stream(work, alerts_per_day=0.2)
        stream.engine.trusted_history = True
        for number in range(others):
            fields = TYPICAL | ODD["tool"] | {"session": "s"}
            stream.judge(an_event(f"agent-{number + 1}", at_day(DAYS), **fields))
        stream.engine.publish()
        event = an_event("agent-0", at_day(DAYS, minutes=9), **TYPICAL | ODD["tool"])
        seen.append(stream.judge(event).s_sum)
    assert seen[1] < seen[0] - 1.0


days_of = st.lists(st.tuples(st.integers(0, 55), st.floats(0, 60)), max_size=20)


@given(days_of, days_of, st.floats(0, 60))
def test_m3_own_days_leave_the_days_of_the_role_unchanged(
    others: list, own_days: list, bits: float
) -> None:
    """Counted as those of its role or of another one: its role is what the rest does."""
    found = []
    for role in ("clerk", "cook"):
        rates, own = Rates([CALLS]), DayMaxima()
        for day, reached in others:
            rates.close(day, "clerk", None, None, {CALLS.id: reached})
        for day, reached in own_days:
            rates.close(day, role, None, own, {CALLS.id: reached})
        rates.publish(55)
        if role == "cook":  # the days of its role are all those of others
            rates.tables.of_role("clerk").merge(own)
        found.append(rates.rarity(own, "clerk", None, CALLS.id, bits))
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ODD)
def test_explaining_every_event_changes_no_result(a_known_stream, an_event, kind):
    pair = []
    for explain_all in (False, True):
        stream = a_known_stream(work, alerts_per_day=0.2, explain_all=explain_all)
        fields = TYPICAL | ODD[kind] | {"session": "odd"}
        events = [an_event("agent-0", at_day(DAYS, minutes=step), **fields) for step in range(4)]
        judged = stream.judge_all([*a_day(an_event, DAYS), *events])
        pair.append([asdict(replace(one, reasons=[])) for one in judged])
    assert pair[0] == pair[1]


def test_a_role_without_days_is_judged_by_the_fleet(fleet):
    """What no clerk does is as rare for a cook whom nobody knows."""
    profile = fleet.agent_state("agent-0").profile
    rates = fleet.engine.shared.rates
    series = CALLS.id
    for bits in (2.0, 7.0):
        cook = rates.rarity(DayMaxima(), "cook", None, series, bits)
        assert cook == rates.rarity(DayMaxima(), "gardener", None, series, bits)
        assert cook <= rates.rarity(profile.maxima, "clerk", None, series, bits)
