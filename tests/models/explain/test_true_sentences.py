"""Sentences of the engine against counts made anew from the events."""

from __future__ import annotations

import re
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from models.event import Human, Resource, Volume
from models.explain.templates import in_units
from models.features.counters import BY_NAME
from tests.models.fleets import DAYS, TYPICAL, at_day, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Event
    from models.result import Reason
    from tests.models.conftest import Stream

ROLES = ("clerk", "buyer")
READ: dict[str, Callable[[Event], str]] = {
    "tool": lambda event: event.tool,
    "resource": lambda event: event.resource.id,
    "person": lambda event: event.human.id,
    "data_class": lambda event: event.resource.domain,
}
WORDS = {
    "and known of others of its role": 1,
    "and known of other roles, not of its own": 2,
    "and not known of any other agent": 3,
}


def events_of(an_event: Callable[..., Event]) -> list[Event]:
    """Give the work of eight agents of two roles who now and then do what others do."""
    draw, found = Random(11), []  # noqa: S311 - a simulation
    for day in range(24):
        for number in range(8):
            for step in range(draw.randrange(2, 6)):
                domain = draw.choice(("crm", "crm", "crm", "hr", f"own-{number % 2}"))
                fields = TYPICAL | {
                    "role": ROLES[number % 2],
                    "tool": draw.choice(("crm.read", "crm.note", f"tool-{draw.randrange(30)}")),
                    "resource": Resource(
                        id=f"{domain}/{draw.randrange(25)}", type="record", domain=domain
                    ),
                    "human": Human(f"p-{draw.randrange(12)}"),
                    "volume": Volume(bytes_out=draw.randrange(500, 4_000)),
                    "session": f"{day} {number}",
                }
                at = at_day(day, minutes=20 * number + step)
                found.append(an_event(f"agent-{number}", at, **fields))
    return sorted(found, key=lambda one: one.time)


def test_a_value_is_as_new_as_the_events_before_say(a_stream, an_event):
    """Level by level, with a snapshot after each event, so that peers know at once."""
    stream, checked = a_stream(explain_all=True), defaultdict(int)
    stream.engine.trusted_history = True
    used: dict[str, dict[str, set[tuple[str, str]]]] = {name: defaultdict(set) for name in READ}
    for event in events_of(an_event):
        judged = stream.judge(event)
        stream.engine.publish()
        for reason in judged.reasons:
            if reason.feature in READ and reason.observed == READ[reason.feature](event):
                level = next(level for words, level in WORDS.items() if words in reason.why)
                before = used[reason.feature][reason.observed]
                assert level == level_of(before, event), (reason, before)
                checked[level] += 1
        for name, read in READ.items():
            used[name][read(event)].add((event.agent.id, event.agent.role))
    assert set(checked) == {1, 2, 3}
    assert min(checked.values()) > 5


def level_of(before: set[tuple[str, str]], event: Event) -> int:
    """Give how new a value is that these agents and roles have used."""
    others = {(agent, role) for agent, role in before if agent != event.agent.id}
    if any(role == event.agent.role for _, role in others):
        return 1
    return 2 if others else 3


COUNTED: dict[str, Callable[[list[Event]], float]] = {
    "calls": len,
    "bytes_out": lambda session: sum(event.volume.bytes_out for event in session),
    "domains": lambda session: len({event.resource.domain for event in session}),
    "resources": lambda session: len({event.resource.id for event in session}),
    "tools": lambda session: len({event.tool for event in session}),
}


def test_an_amount_is_the_sum_of_its_session_and_the_typical_one_is_among_past_ones(
    a_stream, an_event
):
    stream, checked = a_stream(explain_all=True), defaultdict(int)
    stream.engine.trusted_history = True
    sessions: dict[tuple[str, str], list[Event]] = defaultdict(list)
    largest: dict[str, list[float]] = defaultdict(list)
    for event in events_of(an_event):
        session = sessions[event.agent.id, event.session]
        session.append(event)
        for reason in stream.judge(event).reasons:
            if reason.feature in COUNTED:
                amount = COUNTED[reason.feature](session)
                assert f"in this session: {in_units(reason.feature, amount)}" in reason.why
                checked[reason.feature] += 1
        for name, count in COUNTED.items():
            largest[name].append(count(session))
    assert set(checked) == set(COUNTED)
    profile = stream.agent_state("agent-0").profile
    for counter in COUNTED:
        expected = stream.engine.shared.amounts.expected(profile, BY_NAME[counter].id)
        assert min(largest[counter]) <= expected.typical <= max(largest[counter])


# ------------------------------------------------------------------ what failed before


@pytest.fixture
def fleet(a_known_stream: Callable[..., Stream]) -> Stream:
    """Six agents after twenty days of even work; all events are explained."""
    return a_known_stream(work, alerts_per_day=0.2, explain_all=True)


ODD: dict[str, dict[str, Any]] = {
    "tool": {"tool": "str_replace_editor"},
    "outcome": {"outcome": "ok"},
    "denied": {"outcome": "denied"},
    "domain": {"resource": Resource(id="hr/1", type="record", domain="hr")},
    "size": {"volume": Volume(bytes_out=9_000_000)},
    "click": {
        "tool": "browser.click",
        "purpose": "Book a table for four",
        "argument_origins": {"code": [("e12", ["result:browser"])]},
    },
    "payee": {
        "tool": "send_money",
        "purpose": "Pay the invoice of Ines",
        "argument_origins": {"recipient": [("DE31 9876 5432 1098", ["result:web.browse"])]},
    },
    "secret": {"tool": "vault.read_secret"},
    "fast": {"attributes": {"approval_seconds": 0.3}},
}


@pytest.fixture
def reasons(fleet, an_event) -> list[Reason]:
    """All reasons of a day on which each agent does something else that is odd, late at night."""
    found = []
    for number, (kind, fields) in enumerate(ODD.items()):
        for step in range(12):
            at = at_day(DAYS, hours=13, minutes=20 * number + step)
            more = TYPICAL | fields | {"session": kind}
            found += fleet.judge(an_event(f"agent-{number % 6}", at, **more)).reasons
    assert len({reason.feature for reason in found}) > 8
    return found


@pytest.mark.parametrize(
    "words",
    [
        r"\bnever\b",
        r"says little",
        r"No request like this one",
        r"stood out in other kinds",
        r"Outcome",
        r"used about \d+ times lately",
        r"follow each other",
        r"takes its",
        r"Hour of the day",
        r"\b0 ?%",
        r"[a-z_]+\.[a-z_]+ says",
        r"START",
    ],
)
def test_no_sentence_that_failed_comes_back(reasons, words):
    assert not [one.why for one in reasons if re.search(words, one.why)]


def test_no_sentence_calls_a_known_value_new(fleet, an_event):
    """An outcome, a tool order and an hour that the agent has every day have no reason at all."""
    usual = fleet.judge(an_event("agent-1", at_day(DAYS + 1), **TYPICAL | {"session": "u"}))
    assert not [one.why for one in usual.reasons if "new to" in one.why]


def test_a_known_order_of_tools_with_few_bits_is_not_called_new(fleet, an_event):
    for day in range(3):
        for step in range(3):
            at = at_day(DAYS + day, minutes=step)
            fields = TYPICAL | {"tool": "str_replace_editor", "session": f"n-{day}"}
            fleet.judge(an_event("agent-0", at, **fields))
    at = at_day(DAYS + 3)
    fields = TYPICAL | {"tool": "str_replace_editor", "session": "known"}
    judged = fleet.judge(an_event("agent-0", at, **fields))
    assert not [one for one in judged.reasons if one.feature in ("tool", "step", "tool_type")]


def test_a_reason_that_leads_names_the_thing(reasons):
    """Not the parameter it stands in."""
    told = [one for one in reasons if one.feature == "provenance"]
    assert told
    for reason in told:
        assert re.search("e12|DE31 9876 5432 1098", reason.observed)
        assert reason.observed not in ("recipient", "code")


def test_every_reason_is_a_sentence_with_bits_and_an_observation(reasons):
    assert reasons
    for reason in reasons:
        assert re.fullmatch(r"\S.*\.", reason.why)
        assert reason.observed
        assert 0.0 < reason.bits < 100.0
        assert all(0.0 <= probability <= 1.0 for _, probability in reason.expected)
