"""One small simulation, read once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from lab.simulation.fleet import SimulationConfig, Truth, simulate
from pipeline.formats.native import Native

if TYPE_CHECKING:
    from models.event import Event

CONFIG = SimulationConfig(agents=90, days=28, activity=0.5, attacked=0.6, novelties_per_week=0.3)


class Simulated(NamedTuple):
    config: SimulationConfig
    events: list[Event]
    truths: list[Truth]
    by_id: dict[str, Event]

    def of(self, kind: str) -> list[Truth]:
        found = [truth for truth in self.truths if truth.type == kind]
        assert found, kind
        return found

    def events_of(self, truth: Truth) -> list[Event]:
        return [self.by_id[name] for name in truth.event_ids]


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    truths: list[Truth] = []
    read = Native().normalise
    events = [read(line) for line in simulate(CONFIG, truths.append)]
    return Simulated(CONFIG, events, truths, {event.id: event for event in events})
