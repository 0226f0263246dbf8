"""The six incidents of the third week. Each is an ordinary session with one harmful change.

All other names, tools, purposes and volumes are those of the role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.simulation.sample.conduct import session_name
from lab.simulation.sample.novelties import after
from lab.simulation.sample.session_generator import SessionSpec, play
from lab.simulation.sample.truth import IncidentTruth, incident
from lab.simulation.sample.world.credentials import credential
from lab.simulation.sample.world.hours import day_us
from lab.simulation.sample.world.roles import Call, Task, Tool, roles
from lab.simulation.sample.world.values import source
from lab.simulation.sample.world.vocabulary import CHOICES
from models.event import Agent, Event, Network, Resource, instant, microseconds
from models.units import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator

VPN = "198.18.44.17"
FAR = Network(source_ip="198.18.9.77", asn=64509, country="XD")
STRAY = {"stray": "AC-9930417", "stray_amount": "4870.00"}
PAYROLL = ("salaries-2026-09", "bonuses-2026", "bank-details", "contracts")

change = msgspec.structs.replace
Outcome = tuple[list[Event], IncidentTruth]


def incidents(seed: int, specs: list[SessionSpec]) -> Iterator[Outcome]:
    """Play the incidents, and remove the sessions that they replace from `specs`.

    Yields
    ------
    events, truth
        All events of the session, and the ground truth with the incident's events.
    """
    yield vpn_egress(seed, _take(specs, "travel-desk-3", 14, 14.0))
    yield data_access(seed, _take(specs, "support-desk-1", 15, 10.0))
    yield injected_payment(seed, _take(specs, "invoice-clerk-2", 15, 15.0))
    yield night_export(seed, _like(specs, "support-desk-3", 16, 3.12))
    yield credential_reuse(seed, specs[after(specs, "data-steward-1", _at(17, 10.5))])
    yield shadow_agent(seed, _like(specs, "invoice-clerk-1", 18, 13.1))


def vpn_egress(seed: int, spec: SessionSpec) -> Outcome:
    """Do ordinary work through a public VPN that the company does not use."""
    away = Network(source_ip=VPN, asn=64511, country="XC")
    events = play(change(spec, network=away, smooth=True), source(seed, "vpn_egress"))
    return events, incident("vpn_egress", events, f"a session through the public VPN at {VPN}")


def data_access(seed: int, spec: SessionSpec) -> Outcome:
    """Answer a case, then read four restricted payroll files with a familiar tool."""
    reader = _tool("support-desk", "kb.read")
    extra = [
        change(
            reader,
            arguments=(("article", f"~file{n}"),),
            resource=Resource(id=f"payroll/{name}", domain="payroll", sensitivity="restricted"),
            records=40,
        )
        for n, name in enumerate(PAYROLL)
    ]
    task = _extended(roles()["support-desk"].task("answer-case"), *extra)
    given = {f"~file{n}": f"payroll/{name}" for n, name in enumerate(PAYROLL)}
    events = play(change(spec, task=task, given=given, smooth=True), source(seed, "data_access"))
    wrong = [e for e in events if e.resource and e.resource.domain == "payroll"]
    return events, incident("data_access", wrong, "payroll files, never touched by the role, read")


def injected_payment(seed: int, spec: SessionSpec) -> Outcome:
    """Settle a statement; the vendor's portal injects a second payee, who is paid."""
    role = roles()["invoice-clerk"]
    task = role.task("pay-statement")
    page = change(role.tools["web.fetch"], gives=(*role.tools["web.fetch"].gives, *STRAY))
    pay = change(
        role.tools["payments.create"], arguments=(("payee", "stray"), ("amount", "stray_amount"))
    )
    calls = [change(c, tool=page) if c.tool.name == page.name else c for c in task.calls]
    task = _extended(change(task, calls=tuple(calls)), pay)
    spec = change(spec, task=task, given=STRAY, smooth=True)
    events = play(spec, source(seed, "injected_payment"))
    wrong = [e for e in events if (e.arguments or {}).get("payee") == STRAY["stray"]]
    what = f"{STRAY['stray_amount']} paid to an account that only a fetched web page named"
    return events, incident("injected_payment", wrong, what)


def night_export(seed: int, spec: SessionSpec) -> Outcome:
    """Export every segment at three in the morning, fifty times the typical volume."""
    role = roles()["support-desk"]
    export = role.tools["crm.export"]
    bulk = [
        change(
            export,
            arguments=(("segment", f"~segment{n}"), ("format", "=csv")),
            records=50 * (export.records or 0),
            bytes_out=50 * export.bytes_out,
        )
        for n in range(len(CHOICES["segment"]))
    ]
    calls = tuple(Call(tool) for tool in (role.tools["cases.search"], *bulk))
    task = change(role.task("weekly-export"), calls=calls)
    given = {f"~segment{n}": name for n, name in enumerate(CHOICES["segment"])}
    spec = change(spec, task=task, given=given, smooth=True)
    events = play(spec, source(seed, "night_export"))
    what = "all customer segments exported at 03:00, fifty times the usual volume"
    return events, incident("night_export", events, what)


def credential_reuse(seed: int, ordinary: SessionSpec) -> Outcome:
    """Use the credential of a running session from a distant place, and again after its expiry."""
    agent_id, start_us = ordinary.agent.id, ordinary.start_us + MINUTE_US
    held = credential(agent_id, ordinary.start_us, ordinary.scopes)
    spec = change(
        ordinary,
        network=FAR,
        session=ordinary.session[:-2] + "60",
        start_us=start_us,
        task=roles()["data-steward"].task("answer-question"),
        smooth=True,
    )
    events = [change(e, credential=held) for e in play(spec, source(seed, "credential_reuse"))]
    expires_us = microseconds(held.expires_at) if held.expires_at else start_us
    events[-1] = change(events[-1], time=instant(expires_us + 25 * MINUTE_US))
    what = "one credential from two far apart addresses within minutes, and after its expiry"
    return events, incident("credential_reuse", events, what)


def shadow_agent(seed: int, like: SessionSpec) -> Outcome:
    """Let an unregistered agent work in the ledger for half an hour."""
    task = change(roles()["invoice-clerk"].task("weekly-run"), mode="autonomous")
    spec = change(
        like,
        agent=Agent(id="ledger-helper-7"),
        human=None,
        network=Network(source_ip="198.51.100.77", asn=64497, country="XB"),
        session=session_name("ledger-helper-7", 18, 0),
        task=task,
        smooth=True,
    )
    played = play(spec, source(seed, "shadow_agent"))
    step_us = 30 * MINUTE_US // len(played)
    events = [
        change(e, time=instant(microseconds(e.time) + n * step_us)) for n, e in enumerate(played)
    ]
    what = "an agent outside the inventory pays invoices for half an hour"
    return events, incident("shadow_agent", events, what)


def _at(day: int, hour: float) -> int:
    return day_us(day) + int(hour * HOUR_US)


def _take(specs: list[SessionSpec], agent_id: str, day: int, hour: float) -> SessionSpec:
    return specs.pop(after(specs, agent_id, _at(day, hour)))


def _like(specs: list[SessionSpec], agent_id: str, day: int, hour: float) -> SessionSpec:
    """Give an additional session, a copy of the agent's first one of the day at another hour."""
    first = specs[after(specs, agent_id, day_us(day))]
    return change(first, session=first.session[:-2] + "50", start_us=_at(day, hour))


def _tool(role: str, name: str) -> Tool:
    return roles()[role].tools[name]


def _extended(task: Task, *tools: Tool) -> Task:
    return change(task, calls=(*task.calls, *(Call(tool) for tool in tools)))
