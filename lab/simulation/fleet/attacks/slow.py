"""Slow attacks over weeks, with small changes from day to day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter
from lab.simulation.fleet.scene import add, familiar, foreign_resource
from models.event import Volume

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.scene import Scene

_MOST_USES, _USES_A_SESSION = 40, 8


def frog(scene: Scene, case: Case) -> Act:
    """Read a foreign resource once a day, then twice, four times, up to forty times a day."""
    if not scene.works():
        return
    workday = (scene.day - case.first_day) * 5 // 7
    uses = min(_MOST_USES, 1 << (workday // 2))
    place = foreign_resource(case.key)
    number = 0
    while uses > 0:
        visit = scene.visit(case, number)
        played = scene.play(visit)
        tool = familiar(visit, 0.0)
        now = min(uses, _USES_A_SESSION)
        yield played, [add(visit, played, tool, 6.0, resource=place) for _ in range(now)]
        uses -= now
        number += 1


def seepage(scene: Scene, case: Case) -> Act:
    """Send twice the typical volume out several times a day for three weeks."""
    if not scene.works():
        return
    for number in range(3):
        visit = scene.visit(case, number)
        played = scene.play(visit)
        tool = familiar(visit, 0.0, lambda one: one.bytes_out >= 1_000)
        size = 2.0 * visit.persona.size * (1 + scene.luck(case, number, 4))
        volume = Volume(
            bytes_in=tool.bytes_in or None,
            bytes_out=int(max(tool.bytes_out, 4_000) * size),
            records=int((tool.records or 1) * size) or 1,
        )
        wrong = [add(visit, played, tool, 15.0, volume=volume) for _ in range(2)]
        yield played, wrong


def crowd(scene: Scene, case: Case) -> Act:
    """Let each of several agents of a group read a little of one foreign resource."""
    if not scene.works():
        return
    agents = [case.index, *scene.helpers(case, 7)]
    for number in range(2):
        turn = (scene.day - case.first_day) * 2 + number
        visit = scene.visit(case, number, index=agents[turn % len(agents)])
        played = scene.play(visit)
        place = foreign_resource(case.key, "shared")
        yield played, [add(visit, played, familiar(visit, 0.0), 6.0, resource=place)]


PLANTERS = (
    Planter(
        "slow.frog", frog, "resource", "a foreign resource: 1, 2, 4 … 40 uses a day",
        ("sensitivity", "area", "drift"), days=28,
    ),
    Planter(
        "slow.exfil", seepage, "bytes_out_hour", "twice the usual volume out, for three weeks",
        ("drift", "records_hour", "bytes_out_day"), days=21,
    ),
    Planter(
        "slow.many", crowd, "resource", "eight agents, each reads a little of one foreign resource",
        ("sensitivity", "area", "drift"), days=10, helpers=True,
    ),
)  # fmt: skip
