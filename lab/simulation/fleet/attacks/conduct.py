"""Attacks visible in time, principal and order of an agent's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter, by_day_only, events
from lab.simulation.fleet.fleet_day import add, change, familiar, other_task
from lab.simulation.fleet.world.draw import unit
from models.event import Human, instant

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay
    from lab.simulation.fleet.session_generator import Played


def delegation(fleet_day: FleetDay, case: Case) -> Act:
    """Act for an unknown person, without a person, or at the end of a long unknown chain."""
    spec = fleet_day.spec(case)
    stranger = f"person-guest-{case.key % 100_000:05d}"
    if case.key % 3 == 0:
        spec.human = Human(id=stranger)
        spec.delegation = [f"relay-{case.key % 1_000:03d}", stranger]
    elif case.key % 3 == 1:
        spec.delegation = [f"relay-{case.key % 1_000 + n:03d}" for n in range(5)] + [stranger]
    else:
        spec.delegation = [f"relay-{case.key % 1_000:03d}"]
    played = fleet_day.play(spec)
    if case.key % 3 == 2:
        played = [(at_us, change(event, human=None)) for at_us, event in played]
    yield played, events(played)


def autonomous(fleet_day: FleetDay, case: Case) -> Act:
    """Let a delegated agent act autonomously."""
    played = fleet_day.play(fleet_day.spec(case, delegation=[]))
    played = [
        (at_us, change(event, mode="autonomous", human=None, delegation=None))
        for at_us, event in played
    ]
    yield played, events(played)


def night(fleet_day: FleetDay, case: Case) -> Act:
    """Work at two or three in the morning, when such agents never work."""
    played = fleet_day.play(fleet_day.spec(case, hour=2.0 + 1.5 * fleet_day.draw(case, 3)))
    yield played, events(played)


def order(fleet_day: FleetDay, case: Case) -> Act:
    """Use familiar tools in an unknown order: twice backwards."""
    spec = fleet_day.spec(case)
    task = spec.task
    if len(task.calls) < 5:
        task = max(spec.persona.world.role.tasks, key=lambda one: len(one.calls))
    calls = tuple(change(call, optional=False, repeated=False) for call in reversed(task.calls))
    spec.task = change(task, calls=calls)
    spec.released = 1
    played = fleet_day.play(spec)
    known = spec.persona.world.role.tools
    for call in calls:
        add(spec, played, known[call.tool.name])
    yield played, events(played)


def drift(fleet_day: FleetDay, case: Case) -> Act:
    """Get a request, then do another task of the role."""
    spec = fleet_day.spec(case)
    other = other_task(spec, fleet_day.draw(case, 3))
    played = fleet_day.play(spec)
    mine = {call.tool.name for call in spec.task.calls}
    started = len(played)
    aside: Played = fleet_day.play(fleet_day.spec(case, 1, task=other))
    # Calls of the other task within this session, whose request does not ask for them.
    for _, event in aside:
        before_us, before = played[-1]
        at_us = before_us + 4_000_000
        played.append(
            (
                at_us,
                change(
                    event,
                    id=f"{before.session}-{len(played):02d}",
                    time=instant(at_us),
                    session=before.session,
                    trace_id=before.trace_id,
                    task=before.task,
                    purpose=before.purpose,
                    human=before.human,
                    delegation=before.delegation,
                    credential=before.credential,
                    argument_origins=None,
                ),
            )
        )
    yield played, [event for _, event in played[started:] if event.tool not in mine]


def unproven(fleet_day: FleetDay, case: Case) -> Act:
    """Work with another agent that cannot prove who it is."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, fleet_day.draw(case, 3))
    attributes = {"tokens": 700, "peer_verified": False}
    yield played, [add(spec, played, tool, attributes=attributes) for _ in range(2 + case.key % 3)]


def definition(fleet_day: FleetDay, case: Case) -> Act:
    """Call a tool, and later a tool of the same name with another definition."""
    spec = fleet_day.spec(case)
    played = fleet_day.play(spec)
    tool = familiar(spec, unit(case.key, 3))
    changed = fleet_day.day == case.last_day
    attributes = {"tokens": 600, "tool_digest": f"sha256:{case.key + changed:016x}"}
    calls = [add(spec, played, tool, attributes=attributes) for _ in range(2)]
    yield played, calls if changed else []


PLANTERS = (
    Planter(
        "delegation.anomaly", delegation, "person",
        "an unknown person, a long chain, or nobody",
        ("delegate", "depth", "mode", "tool_mode"),
    ),
    Planter(
        "mode.shift", autonomous, "mode_shift",
        "a delegated agent acts by itself",
        ("mode", "tool_mode", "person"),
        fits=by_day_only,
    ),
    Planter(
        "time.unusual", night, "hour",
        "work in the middle of the night",
        fits=by_day_only,
    ),
    Planter(
        "tool.sequence", order, "step",
        "familiar tools in an order never used",
        ("new_steps", "tool"),
    ),
    Planter(
        "goal.drift", drift, "intent",
        "calls that the request does not ask for",
        ("tool", "step", "new_steps"),
    ),
    Planter(
        "peer.unverified", unproven, "unverified_peer",
        "another agent cannot prove who it is",
    ),
    Planter(
        "tool.definition_changed", definition, "definition",
        "a tool's definition is another than two days ago",
        days=3,
    ),
)  # fmt: skip
