"""Pauses raise nothing, and events that arrive late give the sessions of events in order."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from models.event import microseconds
from models.features.counters import COUNTERS
from tests.models.behaviour.conftest import START, Past

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from models.behaviour.state import SessionScores

AGENTS = 6
TYPICAL: dict[str, Any] = {
    "resource": {"id": "crm/customer/1", "type": "record", "domain": "crm"},
    "volume": {"bytes_out": 1_000},
}


def day_of_work(past: Past, at: datetime) -> list[float]:
    """Let all agents work as ever; give ``log2`` of the return periods of their sessions."""
    found = []
    for number in range(AGENTS):
        for step in range(3):
            later = at + timedelta(minutes=number, seconds=20 * step)
            judged = past.act(f"agent-{number}", later, f"{at}", **TYPICAL)
        assert judged.bits is not None
        found.append(judged.bits)
    return found


@pytest.mark.parametrize("days", [1, 3, 7, 30])
def test_a_pause_makes_the_first_day_back_no_rarer(days: int, worked: Callable[..., Past]) -> None:
    without, with_pause = worked(20, **TYPICAL), worked(20, **TYPICAL)
    at = without.next
    expected = day_of_work(without, at)
    assert day_of_work(with_pause, at + timedelta(days=days)) == pytest.approx(expected, abs=0.1)


def test_a_pause_keeps_an_attack_as_rare(worked: Callable[..., Past]) -> None:
    without, with_pause = worked(20, **TYPICAL), worked(20, **TYPICAL)
    at = without.next
    stolen = TYPICAL | {"volume": {"bytes_out": 500_000_000}}
    now = without.act("agent-0", at, "judged", **stolen).bits
    later = with_pause.act("agent-0", at + timedelta(days=30), "judged", **stolen).bits
    assert now is not None
    assert later == pytest.approx(now, abs=0.5)


def events_of(days: int) -> list[tuple[datetime, str, str, dict[str, Any]]]:
    """Give (time, agent, session, fields) of a fleet with some attacks."""
    random = Random(5)  # noqa: S311 - a simulation
    found = []
    for day in range(days):
        for number in range(AGENTS):
            for session in range(3):
                at = START + timedelta(days=day, hours=3 * session, minutes=random.uniform(0, 100))
                attack = day > days // 2 and random.random() < 0.03
                amount = 900_000_000 if attack else random.randrange(500, 2_000)
                fields = TYPICAL | {"volume": {"bytes_out": amount}}
                if attack:
                    fields |= {"tool": "vault.export"}
                found += [
                    (at + timedelta(minutes=step), f"agent-{number}", f"{day} {session}", fields)
                    for step in range(3)
                ]
    return sorted(found, key=lambda one: one[:3])


def sessions_of(events: list[tuple[datetime, str, str, dict[str, Any]]]) -> Past:
    past = Past()
    for at, agent, session, fields in events:
        past.act(agent, at, session, **fields)
    return past


def test_events_up_to_an_hour_late_give_the_same_sessions_but_for_the_order_of_tools() -> None:
    events = events_of(24)
    random = Random(6)  # noqa: S311 - a simulation
    arrival = {id(one): one[0] + timedelta(minutes=random.uniform(0, 60)) for one in events}
    in_order = sessions_of(events)
    late = sessions_of(sorted(events, key=lambda one: arrival[id(one)]))
    warm = microseconds(START + timedelta(days=3))
    for key, session in in_order.sessions.items():
        if session.first_us > warm:
            other = late.sessions[key]
            assert without_order(other.amounts) == without_order(session.amounts)
            assert rare_families(other) == rare_families(session)


def without_order(amounts: dict[int, float]) -> dict[int, float]:
    return {index: one for index, one in amounts.items() if COUNTERS[index].name != "new_steps"}


def rare_families(session: SessionScores) -> set[str]:
    return {name for name, bits in session.rarities.items() if bits > 6 and name != "act"}
