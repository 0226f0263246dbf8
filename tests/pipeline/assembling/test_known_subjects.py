"""What is known of sessions and persons: bounded, stored, forgotten after a month."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import MalformedEvent
from models.units import DAY_US
from pipeline.assembling import known_subjects
from pipeline.assembling.known_subjects import DAYS, KnownSubjects


def an_event(agent: str, human: str = "ana", session: str = "s-1") -> dict[str, Any]:
    return {"agent": {"id": agent}, "human": {"id": human}, "session": session}


def about(subject: str, session: str = "") -> dict[str, Any]:
    return {"agent": {"id": subject}, "session": session, "attributes": {"subject": subject}}


@pytest.fixture
def known() -> KnownSubjects:
    found = KnownSubjects(b"key")
    found.status_of = lambda name: "registered" if name == "registered" else ""
    return found


def test_session_is_more_precise_than_its_person(known: KnownSubjects) -> None:
    known.learn(an_event("mail-bot"), DAY_US)
    known.learn(an_event("pay-bot", session="s-2"), DAY_US)
    assert known.agents_of(about("ana", "s-2"), DAY_US) == ["pay-bot"]
    assert known.agents_of(about("ana", "s-9"), DAY_US) == ["mail-bot", "pay-bot"]


def test_agent_itself_is_more_precise_than_all(known: KnownSubjects) -> None:
    known.learn(an_event("mail-bot", human="registered"), DAY_US)
    assert known.agents_of(about("registered", "s-1"), DAY_US) == ["registered"]


def test_agent_that_has_acted_is_meant_with_those_that_act_for_its_name(
    known: KnownSubjects,
) -> None:
    known.status_of = lambda name: "acted" if name == "planner" else ""
    known.learn(an_event("mail-bot", human="planner"), DAY_US)
    assert known.agents_of(about("planner"), DAY_US) == ["planner", "mail-bot"]


def test_person_of_an_identity_log_does_not_count_as_an_agent(known: KnownSubjects) -> None:
    known.status_of = lambda name: "registered" if name == "71" else "acted"
    known.learn(an_event("71", human="123"), DAY_US)
    known.learn_human("123", DAY_US)
    known.learn_human("71", DAY_US)
    assert known.agents_of(about("123"), DAY_US) == ["71"]
    assert (known.is_human("123"), known.is_human("71")) == (True, False)


def test_agents_above_the_bound_are_counted_and_the_oldest_is_forgotten(
    known: KnownSubjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_subjects, "MAX_AGENTS", 3)
    count = known._count  # what the assembler counts in
    for number in range(4):
        assert not count
        known.learn(an_event(f"bot-{number}", session=""), (number + 1) * DAY_US)
    assert count == {known_subjects.DROPPED: 1}
    assert known.agents_of(about("ana"), 5 * DAY_US) == ["bot-1", "bot-2", "bot-3"]


def test_lines_teach_persons_and_nothing_else(known: KnownSubjects) -> None:
    line = b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"%s"},"tool":"t"%s}'
    known.learn_persons([
        line % (b"mail-bot", b',"human":{"id":"ana"},"session":"s-1"'),
        line % (b"told-bot", b',"human":{"id":"ana"},"kind":"security_event"'),
        line % (b"lone-bot", b',"human":null'),
        b'{"human"',
    ])  # fmt: skip
    day = 20_458 * DAY_US
    assert known.agents_of(about("ana"), day) == ["mail-bot"]
    with pytest.raises(MalformedEvent, match="unattributed"):
        known.agents_of(about("zoe", "s-1"), day)


def test_forgotten_person_is_learned_again_on_the_same_day(
    known: KnownSubjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_subjects, "MAX_SUBJECTS", 1)
    line = b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"b"},"human":{"id":"%s"}}'
    known.learn_persons([line % name for name in (b"ana", b"ben", b"ana")])
    assert known.agents_of(about("ana"), 20_458 * DAY_US) == ["b"]


def test_agent_that_was_not_seen_for_a_month_is_not_meant(known: KnownSubjects) -> None:
    known.learn(an_event("mail-bot"), DAY_US)
    assert known.agents_of(about("ana"), (DAYS + 1) * DAY_US) == ["mail-bot"]
    with pytest.raises(MalformedEvent, match="unattributed"):
        known.agents_of(about("ana"), (DAYS + 2) * DAY_US)


def test_many_sessions_make_no_person_forgotten(
    known: KnownSubjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_subjects, "MAX_SUBJECTS", 3)
    for number in range(9):
        known.learn(an_event("mail-bot", session=f"s-{number}"), DAY_US)
    rows, gone = known.dump()
    assert (len(rows), len(gone)) == (4, 6)
    assert known.agents_of(about("ana"), DAY_US) == ["mail-bot"]
    with pytest.raises(MalformedEvent):
        known.agents_of(about("zoe", "s-0"), DAY_US)


def test_stored_rows_are_read_again_and_hold_digests_of_names(known: KnownSubjects) -> None:
    known.learn(an_event("mail-bot"), DAY_US)
    rows, _ = known.dump()
    assert not [name for name, _ in rows if "ana" in name or "s-1" in name]
    again = KnownSubjects(b"key")
    again.load(dict(rows))
    again.status_of = lambda _: ""
    assert again.agents_of(about("ana", "s-1"), DAY_US) == ["mail-bot"]
    assert again.dump() == ([], [])
