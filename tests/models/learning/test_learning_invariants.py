"""The invariants of learning, by their numbers in the design note, as they apply."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.baseline.profile import LOW32, Profile
from models.baseline.session import SessionScores
from models.constants import KNOWN_DAYS, MAX_HELD, MAX_KNOWN
from models.detectors.promises import Sender
from models.event import Human, Volume, microseconds
from models.learning.learner import Learner
from models.trust.ledger import Item
from tests.models.conftest import OFFICE
from tests.models.fleets import (
    DAYS,
    TYPICAL,
    a_day,
    a_lively_day,
    at_day,
    lively_work,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from models.result import Result
    from tests.models.conftest import Stream

AGENT = "agent-0"
ODD = {"tool": "iam.grant", "human": Human("eve")}


@pytest.fixture
def fleet(a_known_stream: Callable[..., Stream]) -> Stream:
    """Six agents after twenty days of even work."""
    return a_known_stream(work, alerts_per_day=0.2)


@pytest.fixture
def odd(an_event: Callable[..., Event]) -> Callable[..., Event]:
    """A call far from what the fleet does."""

    def build(day: float = DAYS, minute: float = 0, session: str = "odd", **more: Any) -> Event:
        fields = TYPICAL | ODD | {"session": session} | more
        return an_event(AGENT, at_day(day, minutes=minute), **fields)

    return build


def knowledge(stream: Stream) -> tuple[dict[int, int], set[tuple[int, int]], dict[int, Any]]:
    """All values that the agent knows, and that its peers learn of it."""
    knowledge = stream.engine.shared.knowledge
    return (
        dict(stream.agent_state(AGENT).profile.known),
        set(knowledge.pending),
        dict(knowledge.knowers),
    )


def test_l1_values_of_a_rare_session_teach_nothing(fleet, an_event, odd):
    fleet.judge(an_event(AGENT, at_day(DAYS), **TYPICAL))
    fleet.engine.publish()
    before = knowledge(fleet)
    judged = fleet.judge(odd())
    assert judged.alert
    assert not judged.learned
    assert judged.held is not None
    assert knowledge(fleet) == before


def test_l1_a_rare_session_adds_no_value_to_the_known_ones(fleet, odd):
    profile = fleet.agent_state(AGENT).profile
    marks = set(profile.known)
    fleet.judge(odd())
    assert set(profile.known) == marks


def test_l1_values_of_ordinary_sessions_are_learned_and_shared(a_known_stream, an_event):
    """In a fleet that opens another resource now and then."""
    stream = a_known_stream(lively_work, alerts_per_day=0.2)
    known = set(stream.engine.shared.knowledge.knowers)
    events = list(a_lively_day(an_event, 30))
    events[10] = replace(events[10], resource=replace(TYPICAL["resource"], id="crm/customer/99"))
    judged = stream.judge_all(events)
    assert judged[10].learned
    assert all(one.learned is (one.held is None) for one in judged)
    assert sum(one.learned for one in judged) > 0.9 * len(judged)
    stream.engine.publish()
    assert set(stream.engine.shared.knowledge.knowers) > known


def test_l1_values_that_come_on_three_days_are_known_to_their_agent(fleet, odd):
    profile, first = fleet.agent_state(AGENT).profile, None
    learned = []
    for day in range(3):
        judged = fleet.judge(odd(DAYS + day, session=f"odd-{day}"))
        first = first or judged.held
        learned.append({mark & LOW32 for mark in first.marks} <= set(profile.known))
        if day < 2:
            fleet.engine.publish()
            assert not set(first.marks) & set(fleet.engine.shared.knowledge.knowers)
    assert learned == [False, False, True]


@pytest.mark.parametrize("held_days", [0, 1, 2])
def test_l1_a_value_that_waited_counts_for_its_agent_alone(fleet, odd, held_days):
    event, scorer = odd(), fleet.engine.scorer
    profile = fleet.agent_state(AGENT).profile
    scores = scorer.score(
        event, OFFICE, profile, SessionScores(1), microseconds(event.time), Sender()
    )
    scorer.learn(scores, event, held_days=held_days)
    marks = [one.mark for one in scores.novelty.new]
    assert marks
    assert all(profile.knows(mark) is (held_days < 2) for mark in marks)
    shared = {mark for mark, _ in fleet.engine.shared.knowledge.pending}
    assert (set(marks) <= shared) is (held_days == 0)
    assert held_days == 0 or not set(marks) & shared


def test_l1_many_uses_on_one_day_are_one_day(fleet, odd):
    profile = fleet.agent_state(AGENT).profile
    for minute in range(40):
        first = fleet.judge(odd(minute=minute)).held
        assert first is not None
    assert not {mark & LOW32 for mark in first.marks} & set(profile.known)


@pytest.mark.parametrize(
    "why", ["quarantined", "confirmed", "degraded", "conflict", "a window of bad telemetry"]
)
def test_l1_an_excluded_event_teaches_nothing_at_all(a_known_stream, an_event, why):
    degraded = ((0, 1 << 62),) if why.startswith("a window") else ()
    stream = a_known_stream(work, alerts_per_day=0.2)
    stream.judge(an_event(AGENT, at_day(DAYS), **TYPICAL))
    engine = stream.engine
    engine.learner = Learner(engine.scorer, engine.cases, replace(engine.config, degraded=degraded))
    state, more = stream.agent_state(AGENT), {}
    fields = TYPICAL | {"session": "n"}
    if why == "quarantined":
        state.trust.level_state = replace(state.trust.level_state, gate="quarantined")
    if why == "degraded":
        fields |= {"attributes": {"telemetry": "degraded"}}
    if why == "conflict":
        more = {"conflict": True}
    if why == "confirmed":
        first = stream.judge(an_event(AGENT, at_day(DAYS, minutes=1), **fields | ODD))
        items = state.trust.ledger.items
        items[first.key] = replace(items[first.key], status="confirmed")
        fields |= ODD
    stream.engine.publish()
    before, rates = knowledge(stream), state.profile.rates
    event = an_event(
        AGENT,
        at_day(DAYS, minutes=3),
        **fields | {"resource": replace(TYPICAL["resource"], id="c/9")},
    )
    judged = stream.judge(event, **more)
    assert not judged.learned
    assert judged.held is None
    assert knowledge(stream) == before
    assert state.profile.rates == rates


@pytest.mark.parametrize("why", ["quarantined", "degraded"])
def test_days_of_excluded_work_make_no_later_theft_ordinary(a_known_stream, an_event, why):
    """The same large session on nine excluded days, then once more after them."""
    fields = {"attributes": {"telemetry": "degraded"}} if why == "degraded" else {}
    rare = []
    for times in (0, 9):
        stream = a_known_stream(work, alerts_per_day=0.2)
        trust = stream.agent_state(AGENT).trust
        for day in range(DAYS, DAYS + times):
            if why == "quarantined":
                trust.level_state = replace(trust.level_state, gate="quarantined")
            stream.judge(a_theft(an_event, day, **fields))
        trust.level_state = replace(trust.level_state, gate="open")
        last = stream.judge(a_theft(an_event, DAYS + 10))
        rare.append(last.rank)
    assert rare[1] > rare[0] - 0.5, rare
    assert rare[0] > 3.0


def a_theft(an_event: Callable[..., Event], day: int, **fields: Any) -> Event:
    fields |= {"session": f"theft {day}", "volume": Volume(bytes_out=540_000_000)}
    return an_event(AGENT, at_day(day), **TYPICAL | fields)


def ramp(stream: Stream, an_event: Callable[..., Event], growth: float, days: int) -> list[Result]:
    """Let one agent send a little more each day; give what is said of its events."""
    found, draw = [], Random(7)  # noqa: S311 - made-up data
    for day in range(days):
        for event in a_day(an_event, DAYS + day):
            of_ramp = event.agent.id == AGENT
            size = 1_000 * draw.lognormvariate(0.0, 0.2) * (growth**day if of_ramp else 1.0)
            judged = stream.judge(replace(event, volume=Volume(bytes_out=int(size))))
            if of_ramp:
                found.append(judged)
    return found


def test_l2_slow_growth_is_a_case_before_it_is_tenfold(fleet, an_event):
    found = ramp(fleet, an_event, 1.08, 30)
    told = [(one.anomaly, one.lead, number // 6) for number, one in enumerate(found) if one.alert]
    assert any(anomaly == "behavior.drift" and lead == "slow" for anomaly, lead, _ in told)
    assert min(day for _, lead, day in told if lead == "slow") > 1, "one day is no slow growth"


def test_l2_an_even_amount_is_never_slow_growth(fleet, an_event):
    found = ramp(fleet, an_event, 1.0, 30)
    assert not [one for one in found if one.alert and one.lead == "slow"]


marks = st.integers(1, 50)
uses = st.lists(st.tuples(marks, st.integers(0, 400), st.booleans()), max_size=60)


@given(uses, st.integers(1, 5))
def test_l3_a_value_is_held_until_so_many_days_and_is_never_both(drawn: list, days: int) -> None:
    """However often it is used on a day."""
    profile, seen = Profile("a", "unknown"), {}
    for mark, day, rare in sorted(drawn, key=lambda one: one[1]):
        if mark in profile.known:
            continue
        if rare:
            profile.hold(mark, day, days)
            seen.setdefault(mark, set()).add(day)
        else:
            profile.know(mark, day)
            seen.pop(mark, None)
        assert not set(profile.known) & set(profile.held)
        assert (mark in profile.known) is (not rare or len(seen[mark]) >= days)


def test_l3_the_memory_of_an_agent_is_bounded_and_ends() -> None:
    profile = Profile("a", "unknown")
    for mark in range(MAX_HELD + 50):
        profile.hold(mark, mark // 100, 3)
    assert len(profile.held) == MAX_HELD
    assert 0 not in profile.held, "the value that was used longest ago goes first"
    for mark in range(1_000, 1_000 + MAX_KNOWN + 50):
        profile.know(mark, 200 + mark // 1_000)
    profile.forget_values(230)
    assert len(profile.known) == MAX_KNOWN
    profile.forget_values(230 + 2 * KNOWN_DAYS)
    assert profile.known == {}
    assert profile.held == {}


@pytest.mark.parametrize("days", [KNOWN_DAYS - 31, KNOWN_DAYS + 31])
def test_a_value_that_is_used_now_and_then_stays_known(days: int) -> None:
    profile = Profile("a", "unknown")
    for day in range(0, 900, days):
        profile.know(7, day)
        profile.forget_values(day + days)
        assert profile.knows(7) is (days < KNOWN_DAYS)


def test_l4_held_marks_are_what_the_event_would_have_taught(a_known_stream, odd):
    """What a person releases is as if it had never waited."""
    taught = []
    for trusted in (False, True):
        stream = a_known_stream(work, alerts_per_day=0.2)
        profile = stream.agent_state(AGENT).profile
        before = set(profile.known)
        stream.engine.trusted_history = trusted
        judged = stream.judge(odd())
        assert (judged.held is None) is trusted
        if judged.held is not None:
            for mark in judged.held.marks:
                profile.know(mark, judged.time_us // 86_400_000_000)
        taught.append((set(profile.known) - before, dict(profile.held)))
    assert taught[0] == taught[1]
    assert taught[0][0]


def test_trusted_history_is_learned_completely(fleet, odd):
    fleet.engine.trusted_history = True
    judged = fleet.judge(odd())
    assert judged.learned
    assert judged.held is None
    assert not judged.alert


def test_an_agents_first_sessions_teach_values_and_no_rates(a_stream, an_event):
    stream = a_stream()
    for number in range(10):
        stream.judge(an_event(at=20 * number, session=f"s-{number}"))
    profile = stream.agent_state("billing-7").profile
    assert profile.known
    assert profile.rates.cells == {}
    stream.judge(an_event(at=300, session="s-10"))
    assert profile.rates.cells


def test_a_deployment_starts_relearning_and_never_raises_trust(fleet, an_event):
    agent_state = fleet.agent_state(AGENT)
    before = dict(agent_state.trust.ledger.items)
    rollout = fleet.judge(an_event(AGENT, at_day(DAYS), kind="deployment", version="2"))
    assert not rollout.alert
    assert agent_state.profile.state() == "relearning"
    assert agent_state.profile.special_state(rollout.time_us) == "deployed"
    assert dict(agent_state.trust.ledger.items) == before
    fields = TYPICAL | {"session": "v2", "version": "2"}
    judged = fleet.judge(an_event(AGENT, at_day(DAYS, minutes=5), **fields))
    assert judged.learned
    assert not judged.alert


@pytest.mark.parametrize(
    ("announced", "version", "told"), [("2", "2", False), ("2", "3", False), (None, "2", True)]
)
def test_only_an_unannounced_version_is_reported(fleet, an_event, announced, version, *, told):
    for number in range(3):
        at = at_day(DAYS, minutes=number)
        fleet.judge(an_event(AGENT, at, **TYPICAL | {"version": "1", "session": "n"}))
    if announced:
        rollout = an_event(AGENT, at_day(DAYS, minutes=9), kind="deployment", version=announced)
        fleet.judge(rollout)
    at = at_day(DAYS, minutes=12)
    judged = fleet.judge(an_event(AGENT, at, **TYPICAL | {"version": version, "session": "v"}))
    assert (judged.anomaly == "config.change") is told


def test_an_open_item_does_not_stop_learning(fleet, an_event):
    state = fleet.agent_state(AGENT)
    state.trust.ledger.add(Item("k", "a-1", 0, "low", "tool.new", "tools", status="open"))
    judged = fleet.judge(an_event(AGENT, at_day(DAYS) + timedelta(minutes=1), **TYPICAL))
    assert judged.learned
