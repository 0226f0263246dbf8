"""Benign novelties of the sample, which must not lower trust.

Monday of the first week is day 0. `conditions` changes whole days, `amend` changes single sessions,
and `deployments` announces the two new versions.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from lab.simulation.sample.conduct import ORDINARY, Conditions
from lab.simulation.sample.truth import NoveltyTruth, novelty
from lab.simulation.sample.world.hours import day_us
from lab.simulation.sample.world.roles import Task, call
from models.event import Agent, Event, Network, instant, microseconds
from models.units import DAY_US, HOUR_US

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.simulation.sample.session_generator import SessionSpec
    from lab.simulation.sample.world.staff import Member

HOLIDAY = 7
DEPLOYED = {"invoice-clerk": 8, "travel-desk": 10}
JOINS = ("support-desk-4", 14)
COLLEAGUE = ("support-desk-2", 15, "vera.klein")
VENDOR = ("invoice-clerk-3", 16, "Willow Works")
FIRST_USE = ("travel-desk-2", 16, "trains.search")
CORPORATE = ("data-steward-2", 17, "203.0.113.9")
PEAK = ("invoice-clerk", (17, 18))
VERSION = "1.1"


def conditions(member: Member, day: int) -> Conditions | None:
    """Give the deviations of an agent on a day; None if it does not work."""
    name, role = member.agent_id, member.role.name
    if name == JOINS[0] and day < JOINS[1]:
        return None
    changes: dict[str, object] = {}
    if day == HOLIDAY:
        changes["sessions"] = 1
    elif day % 7 == 5 and role == "support-desk":
        changes["sessions"] = 3
    elif role == PEAK[0] and day in PEAK[1]:
        changes |= {"sessions": 20, "first_h": 7.0, "last_h": 20.0, "scale": 2.0}
    if role in DEPLOYED and day >= DEPLOYED[role]:
        changes |= {"version": VERSION, "released": 1}
    if name == FIRST_USE[0] and day < FIRST_USE[1]:
        changes["without"] = frozenset({FIRST_USE[2]})
    if name == COLLEAGUE[0] and day >= COLLEAGUE[1]:
        changes["colleagues"] = (COLLEAGUE[2],)
    return msgspec.structs.replace(ORDINARY, **changes)


def amend(specs: list[SessionSpec], members: dict[str, Member]) -> None:
    """Change single sessions in place: the new vendor, and the afternoon on the corporate VPN."""
    name, day, vendor = VENDOR
    index = after(specs, name, day_us(day) + 10 * HOUR_US)
    tools = members[name].role.tools
    calls = "invoices.read orders.match vendors.lookup payments.create ledger.post mail.send"
    purpose = (
        "Please pay the first invoice {invoice} of our new vendor {vendor} to the account "
        "{account} as agreed in the contract."
    )
    task = Task("new-vendor", "delegated", purpose, tuple(call(c, tools) for c in calls.split()))
    specs[index] = msgspec.structs.replace(
        specs[index], task=task, given={"vendor": vendor}, smooth=True
    )
    name, day, address = CORPORATE
    start_us = day_us(day) + 13 * HOUR_US
    away = Network(source_ip=address, asn=64500, country="XA")
    for index, spec in enumerate(specs):
        if spec.agent.id == name and start_us <= spec.start_us < start_us + 6 * HOUR_US:
            specs[index] = msgspec.structs.replace(spec, network=away)


def after(specs: Sequence[SessionSpec], agent_id: str, at_us: int) -> int:
    """Give the index of an agent's first delegated session at or after a time."""
    return min(
        (spec.start_us, index)
        for index, spec in enumerate(specs)
        if spec.agent.id == agent_id and spec.start_us >= at_us and spec.human
    )[1]


def deployments(members: Sequence[Member]) -> list[Event]:
    """Announce the new version of each agent of the two roles, in the morning before work."""
    events = []
    for number, member in enumerate(members):
        day = DEPLOYED.get(member.role.name)
        if day is None:
            continue
        agent = Agent(id=member.agent_id, role=member.role_name, version=VERSION)
        added = next(tool.name for tool in member.role.tools.values() if tool.release)
        events.append(
            Event(
                id=f"{member.agent_id}-{day:03d}-rollout",
                time=instant(day_us(day) + 6 * HOUR_US + number * 240_000_000),
                agent=agent,
                tool="deploy.rollout",
                operation="admin",
                outcome="ok",
                kind="deployment",
                attributes={"adds_tool": added, "change": f"CHG-{2040 + day}"},
            )
        )
    return events


def found(events: Sequence[Event]) -> list[NoveltyTruth]:
    """Give the first events that show each novelty; `events` are in order of time."""
    holiday = [e for e in events if _day(e) == HOLIDAY and e.human]
    what = "public holiday: hardly any delegated work"
    shown = [msgspec.structs.replace(novelty("public_holiday", holiday, what), agent_id=None)]
    for event in events:
        if event.kind == "deployment":
            what = f"version {VERSION} with a new tool, announced beforehand"
            shown.append(novelty("deployment", [event], what))
    peak = sorted({e.agent.id for e in events if e.agent.role == PEAK[0]})
    rules: list[tuple[str, str, str, Callable[[Event], bool]]] = [
        ("new_agent", JOINS[0], "a registered agent starts work", lambda _: True),
        (
            "new_colleague",
            COLLEAGUE[0],
            "a new person of the team asks for work",
            lambda e: e.human is not None and e.human.id == COLLEAGUE[2],
        ),
        (
            "new_vendor",
            VENDOR[0],
            "a payee nobody has paid before, asked for by a person",
            lambda e: e.task == "new-vendor",
        ),
        (
            "first_use",
            FIRST_USE[0],
            "first use of a tool its peers use daily",
            lambda e: e.tool == FIRST_USE[2],
        ),
        (
            "corporate_vpn",
            CORPORATE[0],
            "an afternoon through the company's own VPN",
            lambda e: e.network is not None and e.network.source_ip == CORPORATE[2],
        ),
        *(
            (
                "month_end_peak",
                name,
                "the period closes: more sessions, twice the volume, long hours",
                lambda e: _day(e) >= PEAK[1][0],
            )
            for name in peak
        ),
    ]
    for kind, name, what, shows in rules:
        mine = [e for e in events if e.agent.id == name and shows(e)]
        _, session = next(groupby(mine, key=lambda e: e.session))
        shown.append(novelty(kind, list(session), what))  # type: ignore[arg-type]  # from the list
    return sorted(shown, key=lambda truth: truth.first)


def _day(event: Event) -> int:
    return (microseconds(event.time) - day_us(0)) // DAY_US
