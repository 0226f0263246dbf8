"""What the engine makes of a story: one case, few messages, an order, and silence on calm days."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import log2
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.alerting.combination import little_bits
from models.baseline.identity import Declared
from models.constants import MAX_MESSAGES
from models.event import Agent, Credential, Human, Network, Origin, Volume
from models.features.families import FAMILIES
from models.trust.policy import SEVERITIES
from models.units import DAY_US
from tests.models.fleets import DAYS, TYPICAL, a_day, a_lively_day, at_day, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from models.result import Result
    from tests.models.conftest import Stream

BUDGET = 0.2
SHADOW = Declared(registered=False)


@pytest.fixture
def fleet(a_known_stream: Callable[..., Stream]) -> Stream:
    """Six agents after twenty days of even work, none of which was a case."""
    return a_known_stream(work, alerts_per_day=BUDGET)


def expired(event: Event) -> Event:
    late = Credential(id="c", scopes=["crm.read"], expires_at=event.time - timedelta(hours=3))
    return replace(event, credential=late)


def as_role(event: Event) -> Event:
    return replace(event, agent=Agent(id=event.agent.id, role="steward"))


BROKEN: dict[str, tuple[Callable[[Event], Event], dict[str, Any]]] = {
    "expired": (expired, {}),
    "mismatch": (as_role, {}),
    "unregistered": (lambda event: event, {"declared": SHADOW}),
    "conflict": (lambda event: event, {"conflict": True}),
    "unverified_peer": (lambda event: replace(event, attributes={"peer_verified": False}), {}),
}


def break_daily(
    fleet: Stream, an_event: Callable[..., Event], rule: str, days: int
) -> list[Result]:
    """Let one agent of the fleet break a rule in each of its calls, day after day."""
    change, more = BROKEN[rule]
    return [
        fleet.judge(change(event), **more) if event.agent.id == "agent-0" else fleet.judge(event)
        for day in range(DAYS, DAYS + days)
        for event in a_day(an_event, day)
    ]


@pytest.mark.parametrize("rule", BROKEN)
def test_k5_an_agent_that_breaks_a_rule_every_day_raises_one_case(fleet, an_event, rule):
    judged = break_daily(fleet, an_event, rule, 30)
    alerts = [one for one in judged if one.alert]
    assert Counter(one.change for one in alerts)["opened"] == 1
    assert {(one.case_id, one.agent_id) for one in alerts} == {(alerts[0].case_id, "agent-0")}
    a_day_of_one = Counter((one.case_id, one.time_us // 86_400_000_000) for one in alerts)
    assert max(a_day_of_one.values()) <= MAX_MESSAGES
    assert all(one.case_id == alerts[0].case_id for one in judged if one.case_id)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_promise_stays_a_case_until_somebody_decides_and_a_habit_does_not(
    fleet, an_event, rule
):
    judged = break_daily(fleet, an_event, rule, 30)
    days = Counter(one.time_us // 86_400_000_000 for one in judged if one.alert)
    assert len(days) == 30 if FAMILIES[rule].certain else 1 <= len(days) < 20


def test_calm_work_raises_no_case_and_joins_none(fleet, an_event):
    judged = fleet.judge_all(a_day(an_event, DAYS))
    assert not any(one.alert or one.case_id or one.change for one in judged)
    assert all(one.severity is None and one.key == "" for one in judged)
    assert max(one.rank for one in judged) < -log2(BUDGET)


def an_attack(an_event: Callable[..., Event], calls: int = 5) -> list[Event]:
    fields = TYPICAL | {"tool": "vault.export", "volume": Volume(bytes_out=9_000_000)}
    return [
        an_event("agent-0", at_day(DAYS, minutes=2 * step), **fields | {"session": "odd"})
        for step in range(calls)
    ]


def test_several_signals_of_one_session_are_one_case(fleet, an_event):
    judged = fleet.judge_all(an_attack(an_event))
    assert judged[0].change == "opened"
    assert {one.case_id for one in judged} == {judged[0].case_id}
    assert [one.change for one in judged].count("opened") == 1
    assert sum(one.alert for one in judged) <= MAX_MESSAGES
    assert all(one.alert is (one.change is not None) for one in judged)
    assert len({one.key for one in judged}) == 1, "and one piece of evidence"


def test_the_event_that_opens_a_case_has_reasons_a_type_and_a_return_period(fleet, an_event):
    first = fleet.judge_all(an_attack(an_event))[0]
    assert first.reasons
    assert first.anomaly in fleet.engine.filing.kinds
    assert first.facet == fleet.engine.filing.kinds[first.anomaly].facet
    assert first.return_period_days == pytest.approx(2.0**first.rank)
    assert first.return_period_days >= 1.0 / BUDGET
    assert first.severity in ("medium", "high")
    assert 0.25 <= first.confidence <= 1.0
    assert first.trust_after < first.trust_before


FACTS = {
    "hooks": ("config.change", {"changed_hooks": "~/.claude/settings.json"}),
    "unreported": ("telemetry.gap", {"unreported_tool": "Bash"}),
    "leak": ("secret.leak", {"leaked_secret": "api_key out of Read to paste.example.com"}),
}


@pytest.mark.parametrize("family", FACTS)
def test_fact_of_a_new_agent_is_one_case_of_its_session(a_stream, an_event, family):
    anomaly, attributes = FACTS[family]
    stream = a_stream(alerts_per_day=BUDGET)
    judged = [
        stream.judge(an_event("new", step, session="s", attributes=attributes))
        for step in range(20)
    ]
    assert [one.change for one in judged if one.alert] == ["opened"]
    assert (judged[0].anomaly, judged[0].facts) == (anomaly, [family])
    assert {one.case_id for one in judged} == {judged[0].case_id}


@pytest.mark.parametrize("family", FACTS)
def test_fact_names_an_event_and_hides_no_graver_lead(fleet, an_event, family):
    anomaly, attributes = FACTS[family]
    event = an_attack(an_event, calls=1)[0]
    attack = replace(event, agent=Agent(id="agent-1", role=event.agent.role))
    plain = fleet.judge(attack)
    found = fleet.judge(replace(event, attributes=attributes))
    assert found.anomaly == anomaly
    assert plain.anomaly in [one.anomaly for one in found.findings]
    assert SEVERITIES.index(found.severity) >= SEVERITIES.index(plain.severity)


def test_an_event_of_a_case_that_raises_nothing_itself_ranks_below_it(fleet, an_event):
    judged = fleet.judge_all(an_attack(an_event))
    calm = an_event("agent-0", at_day(DAYS, minutes=20), **TYPICAL | {"session": "odd"})
    after = fleet.judge(calm)
    assert after.case_id == judged[0].case_id
    assert not after.alert
    assert after.rank < judged[0].rank


def test_the_rank_of_events_orders_them_by_how_rare_they_are(fleet, an_event):
    """All events have one: 0 is once a day of the fleet."""
    slip, odd = (
        fleet.judge(an_event(agent, at_day(DAYS), **TYPICAL | {"session": "n"} | more))
        for agent, more in (
            ("agent-1", {"volume": Volume(bytes_out=2_500)}),
            ("agent-2", {"tool": "vault.export", "volume": Volume(bytes_out=9_000_000)}),
        )
    )
    usual = fleet.judge(an_event("agent-3", at_day(DAYS), **TYPICAL | {"session": "n"}))
    assert usual.rank <= slip.rank < odd.rank


def test_the_same_new_thing_at_other_agents_is_one_case(fleet, an_event):
    """A network operator nobody came from, for all agents within an hour."""
    away, found = Origin("direct", 64_999, "SE", "list@1"), []
    for number in range(6):
        fields = TYPICAL | {"session": "moved", "network": Network(source_ip="198.51.100.7")}
        event = an_event(f"agent-{number}", at_day(DAYS, minutes=9 * number), **fields)
        found.append(fleet.judge(event, away))
    assert found[0].change == "opened"
    assert {one.case_id for one in found if one.case_id} == {found[0].case_id}


def test_a_flood_of_unregistered_agents_is_one_case_by_its_credential(fleet, an_event):
    judged = [
        fleet.judge(
            an_event(f"ghost-{number}", at_day(DAYS, seconds=9 * number), **TYPICAL),
            declared=SHADOW,
        )
        for number in range(60)
    ]
    assert [one.change for one in judged].count("opened") == 1
    assert sum(one.alert for one in judged) <= MAX_MESSAGES
    assert len({one.case_id for one in judged if one.case_id}) == 1


def test_a_trusted_history_raises_no_case_and_is_learned(fleet, an_event):
    fleet.engine.trusted_history = True
    judged = fleet.judge_all(an_attack(an_event))
    assert not any(one.alert or one.case_id for one in judged)
    assert all(one.learned for one in judged)
    assert judged[0].change == "opened", "the review names what would have been one"
    assert not fleet.agent_state("agent-0").trust.ledger.items
    assert fleet.engine.cases._by_id == {}


def test_c4_only_certain_rules_raise_a_case_before_any_day_is_known(a_stream, an_event):
    stream = a_stream()
    for number in range(120):
        stream.judge(an_event(at=number, session=f"s{number}"))
    odd = an_event(at=121, tool="iam.grant", session="odd", operation="admin", human=Human("eve"))
    judged = stream.judge(odd)
    assert (judged.p, judged.session_p, judged.return_period_days) == (None, None, None)
    assert (judged.p_pool, judged.p_n) == (None, 0)
    assert not judged.alert
    assert judged.learned
    by_rule = stream.judge(an_event(at=122, session="odd"), declared=SHADOW)
    assert by_rule.p is None
    assert by_rule.alert
    assert by_rule.anomaly == "identity.shadow"
    assert by_rule.confidence == 1.0


def test_c4_p_values_come_with_the_days_that_they_are_of(fleet, an_event):
    """Days of an agent's first week judge agents in theirs alone."""
    judged = fleet.judge(an_event("agent-0", at_day(DAYS), **TYPICAL))
    assert judged.p_pool == "fleet"
    assert 6 * (DAYS - 9) <= judged.p_n <= 6 * DAYS
    assert 0.0 < judged.p <= 1.0
    assert judged.session_p is None, "without a request or origins there is no content to rank"


def test_a_case_of_before_that_is_quiet_closes_and_the_next_one_is_another(fleet, an_event):
    first = fleet.judge_all(an_attack(an_event))[0]
    for day in range(DAYS + 1, DAYS + 17):
        fleet.judge_all(a_day(an_event, day))
    closed = fleet.engine.quiet_cases()
    assert [case.case_id for case in closed] == [first.case_id]
    assert fleet.engine.quiet_cases() == []
    again = fleet.judge(
        an_event("agent-0", at_day(DAYS + 18), **TYPICAL | {"tool": "wire.send", "session": "late"})
    )
    assert again.case_id != first.case_id


# ------------------------------------------------------------------ what says little


def test_a_larger_budget_finds_more_and_each_case_says_something(a_stream, an_event):
    """Twelve agents: the default budget is already more than they fill."""
    found = {}
    for budget in (1.0, 5.0, 20.0, 50.0):
        stream = a_stream(alerts_per_day=budget)
        judged = [one for day in range(30) for one in stream.judge_all(a_lively_day(an_event, day))]
        alerts = [one for one in judged if one.alert]
        assert min(one.reasons[0].bits for one in alerts) > little_bits(budget)
        found[budget] = len({(one.agent_id, one.time_us // DAY_US) for one in alerts})
    assert found[1.0] < found[5.0] < found[20.0] < found[50.0], found
