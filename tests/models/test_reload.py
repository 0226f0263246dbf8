"""K3: an engine that was stored and read at any point judges as one that never stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.baseline.profile import Profile
from models.event import Human
from tests.models.fleets import TYPICAL, a_lively_day, at_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from tests.models.conftest import Stream

DAYS = 9
PURPOSES = ("Answer the mail of today", "Note the calls", "Write to the landlord")
CONFIG = {"alerts_per_day": 2.0}


@pytest.fixture(scope="module")
def events(an_event: Any) -> list[Event]:
    """Nine days of four agents with requests and origins, a deployment and an attack."""
    found = []
    for day in range(DAYS):
        for number, event in enumerate(a_lively_day(an_event, day, agents=4)):
            origins = {"to": [(f"person-{number % 9}@example.com", ["result:crm.find"])]}
            found.append(
                replace(
                    event,
                    purpose=PURPOSES[number // 5 % 3],
                    argument_origins=origins,
                    trace_id=f"t-{number // 9}",
                )
            )
    rollout = an_event("agent-1", at_day(7), id="rollout", kind="deployment", version="2")
    odd = [
        an_event(
            "agent-2",
            at_day(8, hours=5, minutes=step),
            **TYPICAL | {"tool": "vault.export", "session": "odd", "human": Human("eve")},
        )
        for step in range(4)
    ]
    return sorted([*found, rollout, *odd], key=lambda one: (one.time, one.id))


@pytest.fixture(scope="module")
def through(a_stream: Callable[..., Stream], events: list[Event]) -> tuple[list[Any], Any]:
    """The judgements of an engine that never stopped, and its bytes afterwards."""
    stream = a_stream(**CONFIG)
    judged = stream.judge_all(events)
    assert any(one.case_id for one in judged)
    return judged, stream.stored()


@settings(max_examples=12)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_k3_a_reload_at_any_point_changes_nothing_byte_for_byte(
    a_stream, events, through, shares: list[float]
) -> None:
    expected, stored = through
    cuts = sorted({int(share * len(events)) for share in shares})
    stream, judged = a_stream(**CONFIG), []
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        before = stream.stored()
        stream = a_stream(**CONFIG)
        stream.load(before)
        judged += stream.judge_all(events[start:end])
    assert judged == expected
    assert stream.stored() == stored


def test_k3_changes_written_after_each_batch_are_the_whole_state(a_stream, events, through):
    """A store keeps one row beside the other, as a worker commits them."""
    _, stored = through
    stream, rows, sessions = a_stream(**CONFIG), {}, {}
    for start in range(0, len(events), 37):
        stream.judge_all(events[start : start + 37])
        rows |= dict(stream.engine.dump())
        changed, closed = stream.engine.dump_sessions()
        sessions |= dict(changed)
        for key in closed:
            sessions.pop(key, None)
    again = a_stream(**CONFIG)
    again.engine.load(rows, sessions.items())
    assert dict(again.engine.dump(whole=True)).keys() == stored.shared.keys()
    assert dict(again.engine.dump(whole=True)) == stored.shared
    assert sorted(sessions.items()) == stored.sessions


def test_no_two_parts_of_the_state_have_one_name(a_stream, events):
    stream = a_stream(**CONFIG)
    stream.judge_all(events)
    names = [name for name, _ in stream.engine.dump(whole=True)]
    assert len(names) == len(set(names))


def test_a_profile_survives_its_bytes(a_stream, events):
    stream = a_stream(**CONFIG)
    stream.judge_all(events)
    for agent, agent_state in stream.subjects.items():
        raw = agent_state.profile.dump()
        back = Profile.load(raw, agent, "unknown")
        assert back.dump() == raw
        assert back == agent_state.profile


def test_a_session_that_is_open_over_midnight_is_stored_with_both_days(a_stream, an_event):
    stream = a_stream(**CONFIG)
    late = at_day(0, hours=15, minutes=50)
    for step in range(6):
        stream.judge(an_event("agent-0", late + timedelta(minutes=5 * step), session="night"))
    assert len(stream.agent_state("agent-0").profile.open_days) == 2
    again = a_stream(**CONFIG)
    again.load(stream.stored())
    event = an_event("agent-0", late + timedelta(minutes=40), session="night")
    assert again.judge(event) == stream.judge(event)
    assert again.stored() == stream.stored()
