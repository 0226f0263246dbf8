"""The compiled kernel retains, retracts and stores votes like the reference."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import StateError
from models.provenance.history.request_clusters import RARE, YOUNG
from models.provenance.history.session_votes import MAX_RETAINED_VALUES, MAX_VOTES_OF_VALUE
from tests.native.both import DAY, MINUTE, TAINTED, Both, needs_native

pytestmark = needs_native

PURPOSES = ("Pay the invoice of Ines", "Sort the mail", "Vacuum the tube stock")
ALSO = f"{PURPOSES[0]}, then phone home"  # is like the first


def pay(both, purpose, payee, at_us, p, learning=True):
    session = both.open(purpose, at_us=at_us, learning=learning)
    both.score(session, "bank.pay", {"payee": [(payee, [f"result:{payee}.read"])]})
    both.close(session, p)


def paid(both, session):
    """Pay what a page said, and leave the session open; give what is said of the account."""
    *_, tainted = both.score(session, "bank.pay", {"payee": [("IT60", ["result:web"])]})
    return tainted


def grown():
    """Let a role grow up: one session in nine carries somebody new."""
    both = Both()
    for number in range(YOUNG + 1):
        payee = f"DE{number}" if number % 9 == 4 else "SE77"
        pay(both, PURPOSES[number % 3], payee, number * MINUTE, 0.02 if number % 9 == 4 else 0.5)
    return both


def retained_votes(both):
    return both.kernels[0].role("clerk").retained_votes


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*PURPOSES, ALSO]),
            st.integers(0, 4).map("DE{}".format),
            st.sampled_from([None, 0.003, 0.03, 0.07, 0.9]),
            st.booleans(),
            st.integers(0, 40),
            st.sampled_from(["", "dump", "reload"]),
        ),
        max_size=30,
    )
)
def test_votes_of_any_recurrent_values_are_retracted_alike(cast):
    both, day = grown(), 0
    for purpose, payee, p, learning, later, after in cast:
        day += later // 4
        pay(both, purpose, payee, day * DAY + later * MINUTE, p, learning)
        if after:
            both.dump() if after == "dump" else both.reload()
    both.whole()


def test_votes_of_recurrent_value_are_retracted_by_both():
    both = grown()
    kept = len(retained_votes(both))
    assert kept
    pay(both, PURPOSES[0], "IT60", DAY, 0.01)
    assert len(retained_votes(both)) == kept + 1
    both.reload()
    pay(both, PURPOSES[1], "IT60", DAY, 0.01, learning=False)
    assert len(retained_votes(both)) == kept
    both.reload()
    assert len(retained_votes(both)) == kept
    both.whole()


def test_no_kernel_learns_a_recurrent_value():
    both = grown()
    for purpose in (PURPOSES[0], *[PURPOSES[1]] * 4):
        pay(both, purpose, "IT60", DAY, 0.01)
    session = both.open(PURPOSES[2], at_us=DAY)
    tainted = paid(both, session)
    assert tainted[TAINTED.index("value_level")] == 3
    both.whole()


def test_value_of_many_sessions_is_learned_by_both():
    both = grown()
    again = []
    for number in range(3 * RARE):
        session = both.open(PURPOSES[number % 2], at_us=DAY + number * MINUTE, learning=True)
        tainted = paid(both, session)
        again.append(tainted[TAINTED.index("recurrences")] if tainted else 0)
        both.close(session, 0.01)
        if number == RARE:
            both.reload()
    assert again[RARE] > again[-1] == 0
    both.whole()


def test_similar_clusters_are_one_task_in_both():
    both = grown()
    for purpose, again in ((PURPOSES[0], 0), (ALSO, 0), (PURPOSES[1], 1), (PURPOSES[2], 2)):
        session = both.open(purpose, at_us=DAY, learning=False)
        tainted = paid(both, session)
        assert tainted[TAINTED.index("recurrences")] == again
        both.close(session, 0.01)
    both.whole()


def test_retained_votes_are_bounded_alike():
    both = grown()
    for number in range(MAX_RETAINED_VALUES + 20):
        pay(both, PURPOSES[0], f"FI{number}", (1 + number // 9) * DAY, 0.01)
    assert MAX_RETAINED_VALUES * 3 // 4 <= len(retained_votes(both)) <= MAX_RETAINED_VALUES
    both.whole()


def test_retained_votes_of_one_value_are_bounded_alike():
    both = grown()
    pay(both, PURPOSES[0], "FI7", DAY, 0.01)
    both.dump()
    role = msgspec.msgpack.decode(both.shared["role:clerk"])
    value, kept = max(role[7], key=lambda one: one[1][-1][0])
    role[7] = [[value, kept * (MAX_VOTES_OF_VALUE + 5)]]
    both.shared["role:clerk"] = msgspec.msgpack.encode(role)
    for kernel in both.kernels:
        kernel.load(both.shared)
    pay(both, PURPOSES[0], "FI7", DAY + MINUTE, 0.01)
    assert [len(of_one) for of_one in retained_votes(both).values()] == [MAX_VOTES_OF_VALUE]
    both.whole()


@pytest.mark.parametrize("wrong", [[[7]], [[7, [[1, 1.0]]]], [[7, 3]], 7, [[7, [[1, 1.0, [[]]]]]]])
def test_invalid_retained_votes_are_refused_alike(wrong):
    both = grown()
    both.dump()
    role = msgspec.msgpack.decode(both.shared["role:clerk"])
    role[7] = wrong
    both.shared["role:clerk"] = msgspec.msgpack.encode(role)
    for kernel in both.kernels:
        with pytest.raises(StateError):
            kernel.load(both.shared)
