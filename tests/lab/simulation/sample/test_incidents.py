"""What each incident and each benign novelty looks like in the events."""

from __future__ import annotations

import csv
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from models.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulation.sample.truth import Truth
    from models.event import Event

    SampleOf = Callable[[int], tuple[list[Event], Truth]]

DATA = Path(__file__).parents[4] / "data"


@pytest.fixture(scope="module", params=[7, 11])
def made(request: pytest.FixtureRequest, sample_of: SampleOf) -> tuple[list[Event], Truth]:
    return sample_of(request.param)


def of(made: tuple[list[Event], Truth], incident: str) -> list[Event]:
    events, truth = made
    actual = next(i for i in truth.incidents if i.incident == incident)
    wrong = [event for event in events if event.id in set(actual.event_ids)]
    assert [e.id for e in wrong] == actual.event_ids
    assert {e.agent.id for e in wrong} == {actual.agent_id}
    return wrong


def before(made: tuple[list[Event], Truth], wrong: list[Event]) -> list[Event]:
    """What the role had done until then."""
    return [e for e in made[0] if e.agent.role == wrong[0].agent.role and e.time < wrong[0].time]


def registered() -> set[str]:
    text = (DATA / "sample_inventory.csv").read_text("utf-8")
    return {row["agent_id"] for row in csv.DictReader(text.splitlines())}


def address(event: Event) -> str:
    assert event.network
    assert event.network.source_ip
    return event.network.source_ip


def test_only_the_vpn_incident_uses_addresses_of_the_list(
    made: tuple[list[Event], Truth],
) -> None:
    listed = msgspec.json.decode((DATA / "intel" / "vpn_ipv4.json").read_bytes())
    networks = [ipaddress.ip_network(prefix) for prefix in listed["prefixes"]]
    wrong = of(made, "vpn_egress")
    actions = [e for e in made[0] if e.network]
    hits = [e for e in actions if any(ipaddress.ip_address(address(e)) in n for n in networks)]
    assert hits == wrong


def test_the_payroll_files_are_foreign_but_the_tool_is_daily(
    made: tuple[list[Event], Truth],
) -> None:
    wrong = of(made, "data_access")
    past = before(made, wrong)
    assert {e.tool for e in wrong} <= {e.tool for e in past}
    assert {e.resource.sensitivity for e in wrong if e.resource} == {"restricted"}
    assert all(e.resource.sensitivity != "restricted" for e in past if e.resource)
    assert {e.resource.domain for e in wrong if e.resource} == {"payroll"}


def test_the_injected_payee_came_out_of_a_web_page_only(made: tuple[list[Event], Truth]) -> None:
    (wrong,) = of(made, "injected_payment")
    assert wrong.operation == "pay"
    assert wrong.argument_origins
    assert [found for _, found in wrong.argument_origins["payee"]] == [["result:web.fetch"]]
    session = [e for e in made[0] if e.session == wrong.session]
    assert len(session) > 5
    assert any(e.tool == "payments.create" and e.id != wrong.id for e in session)


def test_the_night_export_is_far_above_every_export_before(
    made: tuple[list[Event], Truth],
) -> None:
    wrong = of(made, "night_export")
    assert {e.time.hour for e in wrong} == {3}
    exports = [e for e in wrong if e.tool == "crm.export"]
    usual = [e for e in before(made, wrong) if e.tool == "crm.export" and e.outcome == "ok"]
    assert len(exports) == 5
    records = [e.volume.records or 0 for e in usual if e.volume]
    assert len(records) > 30
    assert sum(e.volume.records or 0 for e in exports if e.volume) > 20 * max(records)


def test_one_credential_is_used_from_two_addresses_within_minutes_and_after_expiry(
    made: tuple[list[Event], Truth],
) -> None:
    wrong = of(made, "credential_reuse")
    held = wrong[0].credential
    assert held
    assert held.expires_at
    assert all(e.credential == held for e in wrong)
    rightful = [
        e
        for e in made[0]
        if e.credential and e.credential.id == held.id and e.id not in {w.id for w in wrong}
    ]
    assert {address(e) for e in rightful}.isdisjoint({address(e) for e in wrong})
    gap = min(abs((a.time - b.time).total_seconds()) for a in rightful for b in wrong)
    assert gap < 300
    assert [e.time > held.expires_at for e in wrong] == [False] * (len(wrong) - 1) + [True]


def test_only_the_shadow_agent_is_outside_the_inventory(made: tuple[list[Event], Truth]) -> None:
    wrong = of(made, "shadow_agent")
    assert [e for e in made[0] if e.agent.id not in registered()] == wrong
    assert 1500 <= (wrong[-1].time - wrong[0].time).total_seconds() <= 2400


def test_a_deployment_comes_before_the_new_version_and_its_tool(
    made: tuple[list[Event], Truth],
) -> None:
    rollouts = [e for e in made[0] if e.kind == "deployment"]
    assert len(rollouts) == 6
    for rollout in rollouts:
        mine = [e for e in made[0] if e.agent.id == rollout.agent.id and e.kind == "action"]
        tool = (rollout.attributes or {})["adds_tool"]
        assert all((e.agent.version == "1.1") == (e.time > rollout.time) for e in mine)
        assert all(e.time > rollout.time for e in mine if e.tool == tool)
        assert any(e.tool == tool for e in mine)


def test_novelties_happen_as_described(made: tuple[list[Event], Truth]) -> None:
    by_id = {e.id: e for e in made[0]}
    actual = {n.kind: [by_id[i] for i in n.event_ids] for n in made[1].novelties}
    vendor = next(e for e in actual["new_vendor"] if e.tool == "payments.create")
    assert vendor.argument_origins
    assert "request" in vendor.argument_origins["payee"][0][1]
    corporate = ipaddress.ip_network(made[1].corporate_networks[0])
    assert all(ipaddress.ip_address(address(e)) in corporate for e in actual["corporate_vpn"])
    assert actual["first_use"][0].tool in {
        e.tool
        for e in made[0]
        if e.agent.role == "travel-desk" and e.agent.id != "travel-desk-2" and e.time.day < 12
    }
    holiday = actual["public_holiday"][0].time.date()
    per_day = sum(e.human is not None and e.time.date() == holiday for e in made[0])
    usual = sum(e.human is not None and e.time.day == holiday.day - 3 for e in made[0])
    assert per_day < usual / 5
