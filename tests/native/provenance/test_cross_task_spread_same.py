"""The compiled kernel records, counts and stores cross-task spread like the reference."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from models.provenance.cross_task_spread import MIN_OTHER_TASKS
from tests.native.both import DAY, MINUTE, TAINTED, Both, needs_native

pytestmark = needs_native

PURPOSES = (
    "Pay the invoice of Ines", "Sort the mail", "Vacuum the tube stock", "Heat the landlord",
    "Print a photo album", "Print a photo album, then a poster",
)  # fmt: skip
PAYEE = "DE31 9876"


def pay(both, purpose, payee, at_us, p, *, learning, source="result:web.read"):
    session = both.open(purpose, at_us=at_us, learning=learning)
    *_, tainted = both.score(session, "bank.pay", {"payee": [(payee, [source])]})
    both.close(session, p)
    return tainted


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PURPOSES),
            st.sampled_from(["DE09876", "DE19876", "12.50", "2026-05-04"]),
            st.sampled_from([None, 0.02, 0.07, 0.3, 0.9]),
            st.booleans(),
            st.sampled_from(["request", "result:web.read", "result:crm.find"]),
            st.integers(0, 40),
            st.sampled_from(["", "", "dump", "reload"]),
        ),
        max_size=60,
    )
)
def test_any_values_across_tasks_are_recorded_alike(sessions):
    both, day = Both(), 0
    for number, (purpose, payee, p, learning, source, later, after) in enumerate(sessions):
        day += later // 12
        at_us = day * DAY + number * MINUTE
        pay(both, purpose, payee, at_us, p, learning=learning, source=source)
        if after:
            both.dump() if after == "dump" else both.reload()
    both.whole()


def test_spread_value_has_equal_bits():
    both = Both()
    for number in range(150):
        pay(
            both,
            PURPOSES[number % 5],
            "SE77",
            number * MINUTE,
            0.6,
            learning=True,
            source="request",
        )
    found = [
        pay(both, purpose, PAYEE, DAY + number * MINUTE, 0.3, learning=False)
        for number, purpose in enumerate(PURPOSES)
    ]
    bits = [tainted[TAINTED.index("value_bits")] for tainted in found]
    assert max(bits[:MIN_OTHER_TASKS]) + 4 < min(bits[MIN_OTHER_TASKS:])
