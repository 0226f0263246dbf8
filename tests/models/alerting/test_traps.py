"""What honest work must not raise, and what an attack must not hide behind."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from models.event import Credential, Network, Origin, Volume
from tests.models.fleets import DAYS, TYPICAL, a_day, at_day, work
from tests.models.places import ABROAD, FAR, HOME, NEAR, TOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.event import Event
    from models.result import Result
    from tests.models.conftest import Stream

BUDGET = 0.2
KEY = Credential(id="c", scopes=["crm.read"])
OWN_EXIT = Origin("corporate", 64_500, "SE", "settings")
NOWHERE = Origin()


@pytest.fixture
def fleet(a_known_stream: Callable[..., Stream]) -> Stream:
    """Six agents after twenty days of even work."""
    return a_known_stream(work, alerts_per_day=BUDGET)


@pytest.fixture
def call(an_event: Callable[..., Event]) -> Callable[..., Event]:
    """A call of an agent of the fleet in a session of its own, so many minutes into a new day."""

    def build(minute: float = 0, agent: str = "agent-0", **more: Any) -> Event:
        fields = TYPICAL | {"session": f"n-{minute}"} | more
        return an_event(agent, at_day(DAYS, minutes=minute), **fields)

    return build


# ------------------------------------------------------------------ credentials


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (["crm.read"], False),
        (["crm.read", "crm.read"], False),
        ([], False),
        (["crm.read", "iam.write"], True),
        (["iam.write"], True),
    ],
)
def test_only_a_credential_with_more_scopes_is_an_escalation(fleet, call, scopes, *, told):
    judged = fleet.judge(call(credential=replace(KEY, scopes=scopes)))
    assert (judged.anomaly == "scope.escalation") is told
    assert told or not judged.alert


@pytest.mark.parametrize(
    ("minutes", "expired"), [(-60.0, False), (0.0, False), (4.0, False), (6.0, True), (600.0, True)]
)
def test_a_credential_is_expired_some_minutes_after_its_end(fleet, call, minutes, *, expired):
    event = call()
    ended = replace(KEY, expires_at=event.time - timedelta(minutes=minutes))
    judged = fleet.judge(replace(event, credential=ended))
    assert any(one.feature == "expired" for one in judged.reasons) is expired


@pytest.mark.parametrize(
    ("first", "second", "minutes", "told"),
    [
        (HOME, ABROAD, 5, True),
        (HOME, HOME, 5, False),
        (HOME, OWN_EXIT, 5, False),
        (HOME, NOWHERE, 5, False),
        (HOME, ABROAD, 40, False),
    ],
    ids=["two countries", "one place", "the operator's own exit", "nothing known", "hours apart"],
)
def test_one_credential_in_two_countries_within_half_an_hour_is_reported(
    fleet, call, first, second, minutes, told
):
    fleet.judge(call(0, network=NEAR), first)
    judged = fleet.judge(call(minutes, network=FAR), second)
    assert any(one.feature == "other_country" for one in judged.reasons) is told


def test_another_credential_abroad_breaks_no_rule(fleet, call):
    fleet.judge(call(0, network=NEAR), HOME)
    judged = fleet.judge(call(5, network=FAR, credential=replace(KEY, id="other")), ABROAD)
    assert not any(one.feature.startswith("other_") for one in judged.reasons)


# ------------------------------------------------------------------ versions, exits, definitions


def test_a_new_version_is_reported_once(fleet, call):
    for minute in range(3):
        fleet.judge(call(minute, version="1"))
    said = [fleet.judge(call(10 + minute, version="2")) for minute in range(3)]
    named = [any(one.feature == "version" for one in judged.reasons) for judged in said]
    assert named == [True, False, False]


@pytest.mark.parametrize(("version", "told"), [("2", False), (None, False), ("9", False)])
def test_a_first_version_breaks_no_rule(fleet, call, version, *, told):
    judged = fleet.judge(call(version=version))
    assert any(one.feature == "version" for one in judged.reasons) is told


def test_only_the_first_call_over_tor_alerts(fleet, a_stream, an_event, call):
    first = fleet.judge(call(), TOR)
    assert first.alert
    assert any(one.feature == "egress" for one in first.reasons)
    assert first.anomaly == "net.anonymiser"
    always = a_stream(alerts_per_day=BUDGET)
    for event in work(an_event):
        always.judge(event, TOR)
    assert not always.judge(call(), TOR).alert


def test_a_new_exit_of_a_hosting_provider_is_a_new_origin(fleet, call):
    judged = fleet.judge(call(), replace(HOME, egress="hosting"))
    assert [one.feature for one in judged.reasons] == ["egress"]
    assert judged.anomaly == "net.new_origin"


def test_a_known_tool_with_another_definition_alerts(a_stream, an_event, call):
    stream = a_stream(alerts_per_day=BUDGET)
    for day in range(DAYS):
        stream.judge_all(a_day(an_event, day, attributes={"tool_digest": "d-1"}))
    assert not stream.judge(call(attributes={"tool_digest": "d-1"})).alert
    changed = stream.judge(call(5, attributes={"tool_digest": "d-2"}))
    assert changed.alert
    assert changed.anomaly == "tool.definition_changed"


def test_the_first_definition_of_a_tool_is_learned_and_the_next_one_alerts(fleet, call):
    """Of tools that nobody has reported a definition of, as when a client begins to."""
    for minute in (0, 1):
        first = fleet.judge(call(minute, attributes={"tool_digest": "d-1"}))
        assert not first.alert
        assert first.learned
    changed = fleet.judge(call(5, attributes={"tool_digest": "d-2"}))
    assert changed.alert
    assert changed.anomaly == "tool.definition_changed"


def test_a_definition_that_changes_for_all_agents_is_one_case(a_stream, an_event):
    stream = a_stream(alerts_per_day=BUDGET)
    for day in range(DAYS):
        stream.judge_all(a_day(an_event, day, attributes={"tool_digest": "d-1"}))
    judged = stream.judge_all(a_day(an_event, DAYS, attributes={"tool_digest": "d-2"}))
    assert sum(one.change == "opened" for one in judged) == 1


# ------------------------------------------------------------------ amounts


def mail(an_event: Callable[..., Event], day: int, leak: float = 1.0) -> Iterator[Event]:
    """Give a day of twelve clerks who send some mail; one of them may send much more once."""
    for number in range(12):
        for step in range(6):
            size = 2_000 + 37 * ((day + step) % 20)
            if number == 0 and step == 1:
                size = int(size * leak)
            yield an_event(
                f"clerk-{number}",
                at_day(day, minutes=9 * number + step),
                tool="mail.send",
                volume=Volume(bytes_out=size),
                session=f"{day}",
            )


def forty_days_of_mail(an_event: Callable[..., Event]) -> Iterator[Event]:
    for day in range(40):
        yield from mail(an_event, day)


def test_a_leak_hides_no_later_one(a_known_stream, an_event):
    """They are one case, or another one that the amounts grow, and each day has its message."""
    stream = a_known_stream(forty_days_of_mail, trusted_history=True, alerts_per_day=1.0)
    told: dict[int, list[Result]] = {}
    for day in range(40, 45):
        leak = 1.0 if day == 43 else 10_000.0
        told[day] = [one for one in stream.judge_all(mail(an_event, day, leak)) if one.alert]
    assert {day for day, found in told.items() if found} == {40, 41, 42, 44}
    alerts = [one for found in told.values() for one in found]
    assert {one.agent_id for one in alerts} == {"clerk-0"}
    assert {one.anomaly for one in alerts} <= {"volume.exfil", "behavior.drift"}
    assert len({one.case_id for one in alerts}) <= 2


def test_a_runaway_loop_has_three_messages(fleet, call):
    judged = [
        fleet.judge(call(step / 30, session="loop", arguments={"query": "the same"}, id=f"e{step}"))
        for step in range(240)
    ]
    alerts = [one for one in judged if one.alert]
    assert 1 <= len(alerts) <= 3
    assert len({one.case_id for one in alerts}) == 1


def test_failed_calls_are_not_called_denied_ones(fleet, call):
    found = {}
    for minute, outcome in ((0, "denied"), (100, "error")):
        judged = [
            fleet.judge(call(minute + step / 10, session=outcome, outcome=outcome))
            for step in range(30)
        ]
        found[outcome] = {one.feature for judgement in judged for one in judgement.reasons}
    assert "denied" in found["denied"]
    assert "errors" not in found["denied"]
    assert "errors" in found["error"]
    assert "denied" not in found["error"]


@pytest.mark.parametrize("late", [30, 59])
def test_late_events_of_one_hour_raise_no_burst_in_another(fleet, an_event, late):
    """Calls count in the session that they belong to, whenever they arrive."""
    events = list(a_day(an_event, DAYS))
    draw = Random(2)  # noqa: S311 - made-up data
    arrival = {one.id: one.time + timedelta(minutes=draw.uniform(0, late)) for one in events}
    judged = fleet.judge_all(sorted(events, key=lambda one: arrival[one.id]))
    assert not any(one.alert for one in judged)


# ------------------------------------------------------------------ newcomers


def test_a_new_role_that_works_for_some_days_is_ordinary_then(fleet, an_event):
    """Twelve guards begin on one day. A week later others of them begin, and raise nothing."""
    opened = []
    for day in range(DAYS, DAYS + 10):
        guards = range(12) if day < DAYS + 8 else range(18)
        for guard in guards:
            for step in range(4):
                at = at_day(day, hours=2, minutes=5 * guard, seconds=9 * step)
                fields = TYPICAL | {"tool": "look", "role": "guard", "session": f"n-{day}"}
                judged = fleet.judge(an_event(f"guard-{guard}", at, **fields))
                if judged.change == "opened":
                    opened.append((day - DAYS, guard))
    assert {guard for _, guard in opened} <= set(range(12))
    assert not [day for day, _ in opened if day >= 8]
    assert len(opened) <= 2 * 12


def test_a_new_agent_that_does_what_its_role_does_raises_nothing(fleet, an_event):
    judged = []
    for day in range(DAYS, DAYS + 8):
        judged += fleet.judge_all(a_day(an_event, day, agents=7))
    newcomers = [one for one in judged if one.agent_id == "agent-6"]
    assert newcomers
    assert not any(one.alert for one in newcomers)


def test_a_new_agent_alerts_with_a_tool_that_is_new_to_the_fleet(fleet, an_event):
    at = at_day(DAYS)
    fields = TYPICAL | {"tool": "vault.export", "network": Network(source_ip="198.51.100.7")}
    fields |= {"volume": Volume(bytes_out=900_000_000), "session": "s"}
    told = [
        fleet.judge(an_event("agent-new", at + timedelta(minutes=step), **fields), ABROAD)
        for step in range(4)
    ]
    assert any(one.alert for one in told)
