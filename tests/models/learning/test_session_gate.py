"""A session is ranked by the highest score of its content among the finished ones."""

from __future__ import annotations

from random import Random

import pytest

from models.codec.hashing import Hasher
from models.errors import StateError
from models.learning.sessions import MIN_SESSIONS, NAME, SessionGate
from models.provenance.session import Session

SECRET = b"0123456789abcdef"


def a_session(number: int = 1, **more) -> Session:
    given = {
        "agent_id": "billing-7", "mode": "unknown", "role": "clerk", "purpose": "Pay",
        "opened_us": 0, "last_us": 0, "seen_us": 0, "ordinal": number, "learning": False,
    }  # fmt: skip
    return Session(**(given | more))


def a_gate(sessions: int) -> SessionGate:
    gate, draw = SessionGate(Hasher(SECRET), None), Random(3)  # noqa: S311 - made-up data
    for number in range(sessions):
        session = a_session(number, learning=True)
        gate.rank(session, draw.expovariate(1.0))
        gate.add(session)
    return gate


@pytest.mark.parametrize(("known", "ranked"), [(MIN_SESSIONS - 1, False), (MIN_SESSIONS, True)])
def test_c4_too_few_sessions_give_no_p_value(known, ranked):
    session = a_session()
    a_gate(known).rank(session, 3.0)
    assert (session.p is not None) is ranked


def test_p_value_of_a_session_is_that_of_its_highest_score():
    gate, session = a_gate(400), a_session()
    seen = []
    for score in (0.5, 9.0, 0.5):
        gate.rank(session, score)
        seen.append(session.p)
    usual, odd, after = seen
    assert usual > 0.3
    assert odd < 0.01
    assert after == odd


def test_c3_another_key_breaks_ties_otherwise():
    seen = []
    for secret in (SECRET, b"another key 0000"):
        gate = SessionGate(Hasher(secret), None)
        for number in range(100):
            session = a_session(number, learning=True)
            gate.rank(session, 1.0)
            gate.add(session)
        session = a_session()
        gate.rank(session, 1.0)
        seen.append(session.p)
    assert seen[0] != seen[1]
    assert all(0 < p <= 1 for p in seen)


def test_l1_a_session_that_alerted_is_not_ranked_among():
    calm, odd = a_gate(100), a_gate(100)
    for gate, alerted in ((calm, False), (odd, True)):
        session = a_session(p=None, alerted=alerted)
        gate.rank(session, 1.0)
        gate.add(session)
    untouched = a_gate(100)
    assert odd.dump(whole=True) == untouched.dump(whole=True)
    assert calm.dump(whole=True) != untouched.dump(whole=True)


def test_a_gate_that_was_stored_ranks_alike():
    gate = a_gate(200)
    again = SessionGate(Hasher(SECRET), None)
    again.load(dict(gate.dump()))
    assert gate.dump() == []
    one, other = a_session(), a_session()
    gate.rank(one, 2.0)
    again.rank(other, 2.0)
    assert one.p == other.p
    with pytest.raises(StateError, match="scores of sessions cannot be read"):
        again.load({NAME: b"\xc1"})
