"""Sessions open, grow and close by event time alone, and keep their highest score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.provenance.open_sessions import PythonOpenSessions
from models.provenance.session import Session

MINUTE = 60_000_000
HOUR = 60 * MINUTE
IDLE = 10 * MINUTE
PAY = "Pay the invoice of Ines"
WEB = "result:web.browse"
SECRET = b"0123456789abcdef"


def a_session(at_us: int = 0, **more) -> Session:
    given = {
        "agent_id": "billing-7", "mode": "unknown", "role": "clerk", "purpose": "",
        "opened_us": at_us, "last_us": at_us, "seen_us": at_us, "ordinal": 1, "learning": True,
    }  # fmt: skip
    return Session(**(given | more))


def resume(sessions: PythonOpenSessions, name: str, at_us: int) -> Session | None:
    return sessions.resume("billing-7", "unknown", name, at_us, at_us)


def idle(sessions: PythonOpenSessions, at_us: int) -> list[int]:
    return [session.ordinal for session in sessions.pop_idle(at_us)]


def test_idle_session_closes():
    sessions = PythonOpenSessions(IDLE, SECRET)
    sessions.add("1", a_session())
    assert idle(sessions, IDLE - 1) == []
    assert idle(sessions, IDLE) == [1]
    assert idle(sessions, 2 * IDLE) == []
    assert len(sessions) == 0


def test_event_keeps_session_open():
    sessions = PythonOpenSessions(IDLE, SECRET)
    session = a_session()
    sessions.add("1", session)
    session.seen_us = 5 * MINUTE
    assert idle(sessions, IDLE) == []
    assert idle(sessions, IDLE + 5 * MINUTE) == [1]


def test_sessions_close_in_order_of_their_end():
    sessions = PythonOpenSessions(IDLE, SECRET)
    for key, minute in ((1, 3), (2, 1), (3, 2)):
        sessions.add(str(key), a_session(minute * MINUTE, ordinal=key))
    assert idle(sessions, HOUR) == [2, 3, 1]


def test_end_of_recording_closes_all_sessions():
    sessions = PythonOpenSessions(IDLE, SECRET)
    for key, minute in ((1, 3), (2, 1)):
        sessions.add(str(key), a_session(minute * MINUTE, ordinal=key))
    assert [session.ordinal for session in sessions.pop_all()] == [2, 1]
    assert len(sessions) == 0
    assert idle(sessions, HOUR) == []


@pytest.mark.parametrize(
    ("events", "hours", "overfull"),
    [(1, 1, False), (20_000, 1, True), (1, 24, False), (1, 25, True)],
)
def test_overlong_session_is_closed(events, hours, overfull):
    sessions = PythonOpenSessions(IDLE, SECRET)
    session = a_session(events=events)
    sessions.add("s", session)
    assert (resume(sessions, "s", hours * HOUR) is None) is overfull
    assert sessions.pop_overlong() == [session] * overfull
    assert sessions.pop_overlong() == []


def test_sessions_differ_by_agent_mode_and_name():
    names = [("a", "unknown", "s"), ("b", "unknown", "s"), ("a", "delegated", "s"),
             ("a", "unknown", "t")]  # fmt: skip
    sessions = PythonOpenSessions(IDLE, SECRET)
    for number, (agent, mode, name) in enumerate(names):
        assert sessions.resume(agent, mode, name, 0, 0) is None
        sessions.add(name, a_session(agent_id=agent, mode=mode, ordinal=number))
    met = [sessions.resume(*name, 0, 0).ordinal for name in names]
    assert met == [0, 1, 2, 3]
    assert all(0 <= key < 1 << 63 for key, _ in sessions.dump()[0])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 120)), max_size=40))
def test_stored_sessions_close_alike(seen):
    one = PythonOpenSessions(IDLE, SECRET)
    for key, minute in sorted(seen, key=lambda at: at[1]):
        if resume(one, str(key), minute * MINUTE) is None:
            one.add(str(key), a_session(minute * MINUTE, ordinal=key))
    changed, gone = one.dump()
    assert gone == []
    assert len(changed) == len(one)
    other = PythonOpenSessions(IDLE, SECRET)
    other.load(changed)
    assert len(other) == len(one)
    for minute in range(0, 140, 7):
        assert idle(other, minute * MINUTE) == idle(one, minute * MINUTE)


def test_dump_has_changed_sessions_and_keys_of_closed_ones():
    sessions = PythonOpenSessions(IDLE, SECRET)
    sessions.add("1", a_session())
    sessions.add("2", a_session(5 * MINUTE))
    known = {sessions._key("billing-7", "unknown", name): name for name in ("1", "2")}
    written = {known[key]: key for key, _ in sessions.dump()[0]}
    first, second = written["1"], written["2"]
    assert sessions.dump() == ([], [])
    assert idle(sessions, IDLE) == [1]
    resume(sessions, "2", IDLE)
    changed, gone = sessions.dump()
    assert ([key for key, _ in changed], gone) == ([second], [first])


def test_reused_key_is_open():
    sessions = PythonOpenSessions(IDLE, SECRET)
    sessions.add("1", a_session())
    sessions.pop_idle(IDLE)
    sessions.add("1", a_session(HOUR))
    changed, gone = sessions.dump()
    assert (len(changed), gone) == (1, [])


def test_late_event_does_not_close_its_session_at_once(a_stream, an_event):
    stream = a_stream()
    stream.judge(an_event("other", at=600, session="now"))
    stream.judge(an_event(at=0, session="late"))
    stream.judge(an_event(at=1, session="late"))
    assert stream.agent_state("billing-7").profile.opened == 1


def test_session_name_after_pause_opens_new_session(a_stream, an_event):
    stream = a_stream(idle_minutes=10)
    for at in (0, 9, 18, 40):
        stream.judge(an_event(at=at, session="s"))
    assert stream.agent_state("billing-7").profile.opened == 2


@pytest.mark.parametrize(
    ("names", "opened"),
    [
        ([{"session": "a"}, {"session": "b"}], 2),
        ([{"session": None, "trace_id": "t"}, {"session": None, "trace_id": "t"}], 1),
        ([{"session": None, "task": "t"}, {"session": None, "task": "u"}], 2),
        ([{"session": None}, {"session": None}], 1),
    ],
)
def test_session_trace_or_task_group_events_and_none_is_required(a_stream, an_event, names, opened):
    stream = a_stream()
    for at, name in enumerate(names):
        stream.judge(an_event(at=at, **name))
    assert stream.agent_state("billing-7").profile.opened == opened


def test_the_tool_before_is_remembered(a_stream, an_event):
    stream = a_stream(explain_all=True)
    for day in range(30):
        for number, tool in enumerate(("crm.find", "mail.send") * 3):
            stream.judge(an_event(at=1_440 * day + number, tool=tool, session=f"s-{day}"))

    def steps(*tools):
        judged = [
            stream.judge(an_event(at=1_440 * 30 + number, tool=tool, session=tools[-1] + "-s"))
            for number, tool in enumerate(tools)
        ]
        return [reason.observed for reason in judged[-1].reasons if reason.feature == "step"]

    assert steps("crm.find", "mail.send") == []
    assert steps("crm.find", "crm.find") == ["crm.find, then crm.find"]
