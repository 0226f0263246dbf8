"""Pauses raise nothing, late events give the cases of events in order, and time can be shifted."""

from __future__ import annotations

from datetime import timedelta
from math import lcm
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from models.baseline.profile import BLOCK_DAYS
from models.constants import COMBINED_DAYS, HALF_LIFE_DAYS
from models.event import Credential, Human, Resource, Volume
from tests.models.fleets import (
    AGENTS,
    DAYS,
    TYPICAL,
    a_day,
    a_lively_day,
    at_day,
    lively_work,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from models.event import Event
    from models.result import Result
    from tests.models.conftest import Stream

LIVELY_DAYS, KNOWN, BUDGET = 60, 20, 1.0  # rates need `RARE_AFTER_DAYS` of 12 agents
LATE_MINUTES = 60
WEEKS = lcm(7, HALF_LIFE_DAYS, COMBINED_DAYS, BLOCK_DAYS) // 7
WHEN = {"time_us", "held", "key", "case_id"}


def opened(judged: Iterable[Result]) -> int:
    return sum(one.change == "opened" for one in judged)


def messages(judged: Iterable[Result]) -> int:
    return sum(one.alert for one in judged)


@pytest.fixture(scope="module")
def of_days(a_stream: Callable[..., Stream], an_event: Any) -> list[tuple[int, int]]:
    """How many cases and messages each day raises in a fleet of uneven work, once it is known."""
    stream = a_stream(alerts_per_day=BUDGET)
    days = [stream.judge_all(a_lively_day(an_event, day)) for day in range(LIVELY_DAYS)]
    return [(opened(day), messages(day)) for day in days[KNOWN:]]


def test_cases_of_uneven_work_are_within_the_budget(of_days):
    cases = [cases for cases, _ in of_days]
    assert 0.5 * BUDGET <= sum(cases) / len(cases) <= 1.2 * BUDGET


@pytest.mark.parametrize("days", [1, 3, 7, 30])
def test_a_pause_raises_no_more_cases_on_the_first_day_back_than_any_day_does(
    days, a_known_stream, an_event, of_days
):
    stream = a_known_stream(lively_work, alerts_per_day=BUDGET)
    back = stream.judge_all(a_lively_day(an_event, LIVELY_DAYS, pause=days))
    most_cases, most_messages = map(max, zip(*of_days, strict=True))
    assert opened(back) <= most_cases
    assert messages(back) <= most_messages


@pytest.mark.parametrize("days", [1, 3, 7, 30])
def test_a_pause_makes_even_work_no_rarer(days, a_known_stream, an_event):
    found = []
    for pause in (0, 7 * days):  # as many weeks: the days of the week are the same
        stream = a_known_stream(work, alerts_per_day=0.2)
        found.append(stream.judge_all(a_day(an_event, DAYS + pause)))
    for now, later in zip(*found, strict=True):
        assert later.rank <= now.rank + 0.1
    assert opened(found[1]) == 0


@pytest.mark.parametrize("days", [7, 28])
def test_a_pause_keeps_an_attack_as_rare(days, a_known_stream, an_event):
    stolen = TYPICAL | {"volume": Volume(bytes_out=500_000_000), "session": "odd"}
    ranks = []
    for pause in (0, days):
        stream = a_known_stream(work, alerts_per_day=0.2)
        ranks.append(stream.judge(an_event("agent-0", at_day(DAYS + pause), **stolen)).rank)
    assert ranks[0] > 3.0
    assert ranks[1] == pytest.approx(ranks[0], abs=0.5)


ATTACKS: dict[str, tuple[int, dict[str, Any]]] = {
    "tool": (3, {"tool": "vault.export", "volume": Volume(bytes_out=2_000_000)}),
    "size": (3, {"volume": Volume(bytes_out=500_000_000)}),
    "domain": (3, {"resource": Resource(id="hr/1", type="record", domain="hr")}),
    "expired": (
        3,
        {"credential": Credential(id="c", scopes=["crm.read"], expires_at=at_day(DAYS - 3))},
    ),
    "scopes": (3, {"credential": Credential(id="c", scopes=["crm.read", "admin"])}),
    "denied": (30, {"outcome": "denied"}),
    "person": (3, {"human": Human("eve"), "mode": "autonomous"}),
}
attacks = st.lists(
    st.tuples(st.integers(0, AGENTS - 1), st.integers(0, 2), st.sampled_from(sorted(ATTACKS))),
    max_size=3,
    unique_by=lambda one: one[0],
)


def three_days(an_event: Callable[..., Event], planted: list[tuple[int, int, str]]) -> list[Event]:
    """Give three days of even work, with some attacks in sessions of their own."""
    events = [event for day in range(3) for event in a_day(an_event, DAYS + day)]
    for agent, day, kind in planted:
        times, fields = ATTACKS[kind]
        for step in range(times):
            at = at_day(DAYS + day, hours=3, minutes=agent, seconds=7 * step)
            more = TYPICAL | fields | {"session": f"odd {kind}"}
            events.append(an_event(f"agent-{agent}", at, **more))
    return sorted(events, key=lambda one: (one.time, one.id))


def cases_of(stream: Stream, events: list[Event]) -> set[frozenset[tuple[str, str]]]:
    """Give for each case the sessions that belong to it, but for what the order of tools led."""
    cases: dict[str, set[tuple[str, str]]] = {}
    for one in stream.judge_all(events):
        if one.case_id and one.lead != "act":
            cases.setdefault(one.case_id, set()).add((one.agent_id, one.session))
    return {frozenset(sessions) for sessions in cases.values()}


@settings(max_examples=15)
@given(attacks, st.randoms(use_true_random=False))
def test_events_up_to_an_hour_late_give_the_cases_of_events_in_order(
    a_known_stream, an_event, planted: list, random: Random
) -> None:
    events = three_days(an_event, planted)
    arrival = {
        one.id: (one.time + timedelta(minutes=random.uniform(0, LATE_MINUTES)), one.id)
        for one in events
    }
    late = sorted(events, key=lambda one: arrival[one.id])
    found = [cases_of(a_known_stream(work, alerts_per_day=0.2), order) for order in (events, late)]
    assert found[0] == found[1]
    assert bool(found[0]) is bool(planted)


@pytest.mark.parametrize("weeks", [WEEKS, 2 * WEEKS])
def test_m5_a_stream_that_is_shifted_is_judged_the_same(a_stream, an_event, weeks):
    """By as many days as weeks and blocks of fading have in common; else days fade at others."""
    events = [event for day in range(12) for event in a_lively_day(an_event, day, agents=4)]
    later = [replace(one, time=one.time + timedelta(weeks=weeks)) for one in events]
    pair = []
    for stream_of in (events, later):
        judged = a_stream(alerts_per_day=2.0).judge_all(stream_of)
        pair.append([{k: v for k, v in asdict(one).items() if k not in WHEN} for one in judged])
    assert any(one["change"] == "opened" for one in pair[0])
    assert pair[0] == pair[1]
