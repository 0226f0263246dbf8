"""Attacks through several agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter
from lab.simulation.fleet.scene import add, foreign_tool

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.scene import Scene

_AGENTS = 5
_APART_US = 240_000_000


def cascade(scene: Scene, case: Case) -> Act:
    """Pass one harmful request from agent to agent: foreign tools and failures under one trace."""
    chain = [case.index, *scene.helpers(case, _AGENTS - 1)]
    trace = f"t-{case.key >> 16:012x}"
    start = 9.5 + 5 * scene.luck(case, 1)
    for number, index in enumerate(chain):
        visit = scene.visit(case, number, index=index, hour=start, trace=trace)
        visit.start_us += number * _APART_US
        before = scene.fleet[chain[number - 1]].agent.id if number else None
        visit.delegation = [before, visit.persona.humans[0].id] if before else None
        played = scene.play(visit)
        strange = foreign_tool(visit, scene.luck(case, number, 3))
        for n in range(6):
            failed = {"outcome": "error", "volume": None} if n % 2 else {}
            add(visit, played, strange, 3.0, **failed)
        yield played, [event for _, event in played[-6:]]


PLANTERS = (
    Planter(
        "cascade", cascade, "trace", "five agents under one trace, strange tools and failures",
        ("tool", "resource", "outcome", "delegation", "intent", "area", "destination"),
        helpers=True,
    ),
)  # fmt: skip
