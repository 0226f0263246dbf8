"""Destinations of one agent alone are followed only where other agents report as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.models.detectors.small_fleet import SmallFleet


def destination(number: int) -> dict[str, Any]:
    """Give an event's network with a destination of its own."""
    return {"network": {"destination": f"https://host-{number}.example/"}}


def fleet_of(agents: int) -> SmallFleet:
    """Let so many agents call a destination of their own each day for a week."""
    fleet = SmallFleet()
    for day in range(7):
        for number in range(agents):
            at = fleet.now + timedelta(minutes=number)
            fleet.act(f"agent-{number}", at, f"s{day}", **destination(number))
        fleet.day += 1
    fleet.engine.dump(whole=True)
    return fleet


@pytest.mark.parametrize(("agents", "followed"), [(1, 0), (2, 1), (3, 1)])
def test_destination_is_followed_where_another_agent_reports(agents: int, followed: int) -> None:
    fleet = fleet_of(agents)
    last = fleet.agents[f"agent-{agents - 1}"].profile
    assert len(last.sole) == followed
    if followed:
        assert max(len(days) for days in last.sole.values()) >= 6
