"""Slow attacks over weeks, with small changes from day to day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter
from lab.simulation.fleet.fleet_day import add, familiar, foreign_resource
from models.event import Volume

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay

_MAX_USES, _USES_A_SESSION = 40, 8


def boiling_frog(fleet_day: FleetDay, case: Case) -> Act:
    """Read a foreign resource once a day, then twice, four times, up to forty times a day."""
    if not fleet_day.works():
        return
    workday = (fleet_day.day - case.first_day) * 5 // 7
    uses = min(_MAX_USES, 1 << (workday // 2))
    place = foreign_resource(case.key)
    number = 0
    while uses > 0:
        spec = fleet_day.spec(case, number)
        played = fleet_day.play(spec)
        tool = familiar(spec, 0.0)
        now = min(uses, _USES_A_SESSION)
        yield played, [add(spec, played, tool, 6.0, resource=place) for _ in range(now)]
        uses -= now
        number += 1


def slow_exfiltration(fleet_day: FleetDay, case: Case) -> Act:
    """Send twice the typical volume out several times a day for three weeks."""
    if not fleet_day.works():
        return
    for number in range(3):
        spec = fleet_day.spec(case, number)
        played = fleet_day.play(spec)
        tool = familiar(spec, 0.0, lambda one: one.bytes_out >= 1_000)
        size = 2.0 * spec.persona.size * (1 + fleet_day.draw(case, number, 4))
        volume = Volume(
            bytes_in=tool.bytes_in or None,
            bytes_out=int(max(tool.bytes_out, 4_000) * size),
            records=int((tool.records or 1) * size) or 1,
        )
        wrong = [add(spec, played, tool, 15.0, volume=volume) for _ in range(2)]
        yield played, wrong


def crowd(fleet_day: FleetDay, case: Case) -> Act:
    """Let each of several agents of a group read a little of one foreign resource."""
    if not fleet_day.works():
        return
    agents = [case.index, *fleet_day.helpers(case, 7)]
    for number in range(2):
        turn = (fleet_day.day - case.first_day) * 2 + number
        spec = fleet_day.spec(case, number, index=agents[turn % len(agents)])
        played = fleet_day.play(spec)
        place = foreign_resource(case.key, "shared")
        yield played, [add(spec, played, familiar(spec, 0.0), 6.0, resource=place)]


PLANTERS = (
    Planter(
        "slow.frog", boiling_frog, "resource",
        "a foreign resource: 1, 2, 4 … 40 uses a day",
        ("tool_sensitivity", "data_class", "tool_domain", "container", "tool_container",
         "slow_change"),
        days=28,
    ),
    Planter(
        "slow.exfil", slow_exfiltration, "slow_change",
        "twice the usual volume out, for three weeks",
        ("bytes_out", "records"),
        days=21,
    ),
    Planter(
        "slow.many", crowd, "resource",
        "eight agents, each reads a little of one foreign resource",
        ("tool_sensitivity", "data_class", "tool_domain", "container", "tool_container",
         "spread"),
        days=10, helpers=True,
    ),
)  # fmt: skip
