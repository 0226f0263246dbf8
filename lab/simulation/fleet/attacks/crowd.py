"""Attacks through several agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter
from lab.simulation.fleet.fleet_day import add, foreign_tool

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay

_AGENTS = 5
_APART_US = 240_000_000


def cascade(fleet_day: FleetDay, case: Case) -> Act:
    """Pass one harmful request from agent to agent: foreign tools and failures under one trace."""
    chain = [case.index, *fleet_day.helpers(case, _AGENTS - 1)]
    trace = f"t-{case.key >> 16:012x}"
    start = 9.5 + 5 * fleet_day.draw(case, 1)
    for number, index in enumerate(chain):
        spec = fleet_day.spec(case, number, index=index, hour=start, trace=trace)
        spec.start_us += number * _APART_US
        before = fleet_day.fleet[chain[number - 1]].agent.id if number else None
        spec.delegation = [before, spec.persona.humans[0].id] if before else None
        played = fleet_day.play(spec)
        foreign = foreign_tool(spec, fleet_day.draw(case, number, 3))
        for n in range(6):
            failed = {"outcome": "error", "volume": None} if n % 2 else {}
            add(spec, played, foreign, 3.0, **failed)
        yield played, [event for _, event in played[-6:]]


PLANTERS = (
    Planter(
        "cascade", cascade, "trace",
        "five agents under one trace, strange tools and failures",
        ("tool", "step", "resource", "tool_domain", "container", "destination", "denied",
         "errors", "delegate", "intent"),
        helpers=True,
    ),
)  # fmt: skip
