"""Ledgers, items and instants drawn for properties of trust."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec.structs import replace

from models.trust.ledger import FULL_DAY, Item, Ledger
from models.trust.policy import SEVERITIES
from models.units import DAY_US

LAST_DAY = 400
instants = st.integers(0, LAST_DAY * DAY_US)
later = st.integers(LAST_DAY * DAY_US, (LAST_DAY + 800) * DAY_US)
items = st.builds(
    Item,
    key=st.sampled_from("abcdef"),
    id=st.sampled_from(["a-1", "a-2", "a-3"]),
    at_us=instants,
    severity=st.sampled_from(SEVERITIES),
    anomaly=st.just("tool.new"),
    facet=st.sampled_from(["tools", "data", "network", "volume", "identity"]),
    confidence=st.floats(0, 1),
    status=st.sampled_from(["open", "confirmed", "dismissed"]),
)
open_items = items.map(lambda item: replace(item, status="open"))
evidence = st.lists(st.one_of(instants, items), max_size=40)
histories = st.tuples(evidence, st.sets(st.integers(0, LAST_DAY - 1), max_size=LAST_DAY))


def give(ledger: Ledger, *pieces: int | Item) -> Ledger:
    for piece in pieces:
        if isinstance(piece, Item):
            ledger.add(piece)
        else:
            ledger.clean(piece)
    return ledger


def a_ledger(history: tuple[list[int | Item], set[int]]) -> Ledger:
    pieces, full_days = history
    return give(Ledger(days=dict.fromkeys(full_days, FULL_DAY)), *pieces)
