"""Attacks visible in volume, rate and failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.simulation.fleet.attacks.planter import Act, Planter
from lab.simulation.fleet.fleet_day import add, change, familiar, own_resource
from lab.simulation.fleet.world.roles import STRANGE
from models.event import Volume

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay
    from lab.simulation.fleet.session_generator import Played, SessionSpec
    from lab.simulation.sample.world.roles import Tool
    from models.event import Event


def again(
    spec: SessionSpec, played: Played, tool: Tool, gap_s: float, times: int, **changes: Any
) -> list[Event]:
    """Append calls of one tool, each on a separate resource."""
    return [
        add(spec, played, tool, gap_s, resource=own_resource(spec, tool, n), **changes)
        for n in range(times)
    ]


def failures(fleet_day: FleetDay, case: Case) -> Act:
    """Repeat denied calls."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3))
    wrong = again(spec, played, tool, 2.0, 15 + case.key % 15, outcome="denied", volume=None)
    yield played, wrong


def burst(fleet_day: FleetDay, case: Case) -> Act:
    """Call one familiar tool hundreds of times within minutes."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3))
    count = 200 + case.key % 100
    yield played, again(spec, played, tool, 0.8, count)


def exfiltration(fleet_day: FleetDay, case: Case) -> Act:
    """Move a hundred times the typical volume with a familiar tool."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3), lambda one: one.bytes_out >= 1_000)
    size = 60 + case.key % 120
    volume = Volume(
        bytes_in=tool.bytes_in or None,
        bytes_out=max(tool.bytes_out, 20_000) * size,
        records=(tool.records or 1) * size,
    )
    wrong = again(spec, played, tool, 20.0, 3 + case.key % 4, volume=volume)
    yield played, wrong


def destruction(fleet_day: FleetDay, case: Case) -> Act:
    """Delete many objects one after the other."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    own = [one for one in spec.persona.world.role.tools.values() if one.operation == "delete"]
    tool = own[0] if own else STRANGE["records.purge"]
    count = 25 + case.key % 35
    yield played, again(spec, played, tool, 1.2, count)


def cost(fleet_day: FleetDay, case: Case) -> Act:
    """Use fifty times the typical tokens per call."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3))
    wrong = [
        add(
            spec,
            played,
            tool,
            15.0,
            resource=own_resource(spec, tool, n),
            attributes={"tokens": 90_000 + 7_000 * (n + case.key % 5)},
        )
        for n in range(8)
    ]
    yield played, wrong


def silence(fleet_day: FleetDay, case: Case) -> Act:
    """Stop reporting, while another agent's events show that this one still acts.

    The day's plan removes the events of this agent.
    """
    if fleet_day.day != case.last_day:
        return
    for helper in fleet_day.helpers(case, 1):
        spec = fleet_day.spec(case, index=helper)
        people = spec.persona.humans
        spec.delegation = [case.agent_id, people[0].id]
        played = fleet_day.play(change(spec, human=people[0]))
        yield played, [event for _, event in played]


def approvals(fleet_day: FleetDay, case: Case) -> Act:
    """Approve requests faster than a person can read."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3))
    attributes = {"tokens": 400, "approval_seconds": 0.4 + 0.1 * (case.key % 8)}
    yield played, again(spec, played, tool, 15.0, 8 + case.key % 5, attributes=attributes)


PLANTERS = (
    Planter(
        "auth.failure_burst", failures, "denied",
        "denied call after denied call",
        ("errors", "calls"),
    ),
    Planter(
        "rate.burst", burst, "calls",
        "hundreds of calls within minutes",
        ("bytes_in", "bytes_out", "records"),
    ),
    Planter(
        "volume.exfil", exfiltration, "bytes_out",
        "a hundred times the usual volume out",
        ("records", "bytes_in"),
    ),
    Planter(
        "destructive.burst", destruction, "deleted",
        "dozens of deletions within minutes",
        ("changes", "calls", "tool", "step", "resource", "container", "intent"),
    ),
    Planter(
        "cost.spike", cost, "tokens",
        "fifty times the usual tokens",
        ("price", "duration", "calls"),
    ),
    Planter(
        "approval.pattern", approvals, "hasty",
        "approvals faster than anybody reads",
    ),
    Planter(
        "telemetry.gap", silence, "silence",
        "acts through others but reports nothing itself",
        ("delegate", "depth"),
        days=2, helpers=True,
    ),
)  # fmt: skip
