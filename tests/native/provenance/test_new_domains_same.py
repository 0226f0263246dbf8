"""The compiled kernel scores, learns and stores new domains like the reference."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import StateError
from models.provenance.novelty import NEW_DOMAIN
from tests.native.both import DAY, TAINTED, Both, needs_native

pytestmark = needs_native

LEVEL = TAINTED.index("value_level")
FOUND = "result:candidates.read"


def invite(both, to, number, purpose="Invite the best candidates", p=None, source=FOUND):
    session = both.open(purpose, at_us=number * DAY // 8)
    *_, tainted = both.score(session, "mail.invite", {"to": [(to, [source])]})
    both.close(session, p)
    return tainted


def filled(ways=120):
    both = Both()
    for number in range(ways):
        invite(both, f"{number:x}.candidate@mail.example.com", number)
    return both


def test_address_at_new_domain_is_scored_alike():
    both = filled()
    assert invite(both, "zoe.new@mail.example.com", 121)[LEVEL] == 3
    assert invite(both, "settle-4@collect.example.net", 122)[LEVEL] == NEW_DOMAIN
    assert invite(both, "settle-9@collect.example.net", 123)[LEVEL] == 3
    both.whole()


addresses = st.builds(
    "{}@{}".format,
    st.sampled_from(["ana", "ben", "zoé", "x.y", ""]) | st.integers(0, 99).map(str),
    st.sampled_from(["mail.example.com", "Mail.Example.com ", "a.b", "ü.example", "a@b.example"])
    | st.integers(0, 99).map("c{}.example".format),
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            addresses,
            st.sampled_from(["Invite Ana", "Invite the best", "Sort the archive"]),
            st.sampled_from([None, 0.003, 0.03, 0.3, 0.9]),
            st.sampled_from([FOUND, "result:web.get", "request"]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_any_addresses_are_judged_learned_and_stored_alike(cast):
    both = filled(ways=20)
    for number, (to, purpose, p, source, again) in enumerate(cast):
        invite(both, to, 20 + number, purpose, p, source)
        if again:
            both.reload()
    both.whole()


@pytest.mark.parametrize("columns", [0, 7, 10])
def test_a_node_of_any_other_length_is_refused_alike(columns):
    both = filled(ways=4)
    both.dump()
    generation, nodes = msgspec.msgpack.decode(both.shared["rates"])
    wrong = [(node, [1.0] * columns) for node, _ in nodes]
    both.shared["rates"] = msgspec.msgpack.encode((generation, wrong))
    for kernel in both.kernels:
        with pytest.raises(StateError):
            kernel.load(both.shared)
