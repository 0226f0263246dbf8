"""Events without a session that arrive late: in a session of their own time, or in none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.models.fleets import at_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event

WORK = 30
HOURS = (1.0, 2.5, 4.0)


def calls_of(an_event: Callable[..., Event], name: str | None) -> list[Event]:
    """Give three runs of one agent on one day, an hour and a half apart."""
    return [
        an_event("runner", at_day(0) + timedelta(hours=hour, seconds=10 * number), session=name)
        for hour in HOURS
        for number in range(WORK)
    ]


@pytest.mark.parametrize("minutes", [80, 100, 300])
def test_events_later_than_the_idle_time_do_not_join_the_open_session(
    a_stream, an_event, minutes: int
) -> None:
    stream, largest = a_stream(), 0.0
    events = calls_of(an_event, None)
    late = {id(one): timedelta(minutes=minutes) for one in events[WORK : 2 * WORK]}
    for event in sorted(events, key=lambda one: one.time + late.get(id(one), timedelta())):
        judged = stream.judge(event)
        assert judged.case_id is None
        sessions = stream.engine.sessions.open
        session = sessions.resume("runner", "unknown", "", 0, stream.engine.watermark_us)
        assert session is not None
        scores = stream.engine.sessions.scores_of(session)
        largest = max(largest, *scores.amounts.values())
    assert largest == WORK


def test_late_events_of_a_named_session_belong_to_it(a_stream, an_event) -> None:
    stream = a_stream()
    events = calls_of(an_event, "s-1")
    for event in [*events[:WORK], *events[2 * WORK :], *events[WORK : 2 * WORK]]:
        stream.judge(event)
    assert stream.agent_state("runner").profile.opened == 2, "one before the silence, one after"
