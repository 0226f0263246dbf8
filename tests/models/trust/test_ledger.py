"""What a ledger keeps: items by cause, full days, and nothing that expired."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.trust.ledger import FULL_DAY, MAX_ITEMS, Item, Ledger, join
from models.trust.opinion import opinion
from models.units import DAY_US
from tests.models.trust.histories import LAST_DAY, evidence, give, items, later


@given(left=evidence, right=evidence)
def test_t3_merging_parts_gives_the_state_of_the_whole(left, right):
    merged = give(Ledger(), *left)
    merged.merge(give(Ledger(), *right))
    assert merged == give(Ledger(), *left, *right)


@given(one=items, two=items, three=items)
def test_t3_the_join_of_items_does_not_depend_on_grouping(one, two, three):
    one, two, three = (replace(item, key="k") for item in (one, two, three))
    assert join(join(one, two), three) == join(one, join(three, two))
    assert join(one, one) == one


@given(data=st.data(), pieces=evidence, at=later)
def test_t13_late_evidence_equals_evidence_on_time(data, pieces, at):
    def when(piece):
        return piece.at_us if isinstance(piece, Item) else piece

    on_time, late = give(Ledger(), *sorted(pieces, key=when)), Ledger()
    for piece in data.draw(st.permutations(pieces)):
        give(late, piece)
        late.prune(LAST_DAY * DAY_US)
    assert opinion(late, at) == opinion(on_time, at)


def test_item_of_two_days_removes_both_clean_days_until_dismissed():
    ledger = Ledger(days=dict.fromkeys(range(10), FULL_DAY))
    clean = opinion(ledger, 10 * DAY_US)
    for day in (4, 6):
        ledger.add(Item("k", f"a-{day}", day * DAY_US, "low", "x", "data"))
    spoilt = set(ledger.items["k"].days)
    assert spoilt == {4, 5, 6}
    kept = [2 ** (-(10 - day) / 14) for day in range(10) if day not in spoilt]
    assert opinion(ledger, 10 * DAY_US).positive == pytest.approx(math.fsum(kept))
    assert ledger.add(replace(ledger.items["k"], status="dismissed"))
    assert opinion(ledger, 10 * DAY_US) == clean


@pytest.mark.parametrize("status", ["confirmed", "dismissed"])
def test_late_evidence_never_reopens_an_item_closed_by_a_person(status):
    item = Item("k", "a-1", DAY_US, "medium", "x", "data", status=status)
    ledger = give(Ledger(), item)
    late = replace(item, id="a-2", severity="high", at_us=2 * DAY_US, status="open")
    assert ledger.add(late)
    assert ledger.items["k"] == replace(late, first_us=DAY_US, status=status)


def test_adding_clean_events_returns_whether_anything_changed():
    ledger = Ledger()
    assert [ledger.clean(7) for _ in range(FULL_DAY + 2)] == [True] * FULL_DAY + [False] * 2


def test_a_flood_of_items_is_bounded_and_never_raises_trust():
    flood, six_hours = MAX_ITEMS + 40, DAY_US // 4
    ledger = Ledger(days=dict.fromkeys(range(flood // 4 + 1), FULL_DAY))
    last = 100.0
    for place in range(flood):
        at = place * six_hours
        ledger.add(Item(f"k{place}", "a-1", at, "low", "x", "data", confidence=0.25))
        score = opinion(ledger, flood * six_hours).score
        assert score <= last + 1e-9
        last = score
    assert len(ledger.items) == MAX_ITEMS
    assert opinion(ledger, flood * six_hours).positive == 1  # the last day, without an item
    assert "k0" not in ledger.items
    assert not ledger.clean(0)


def test_dismissed_item_is_evicted_first():
    ledger = Ledger()
    for place in range(MAX_ITEMS):
        ledger.add(Item(f"k{place}", "a-1", place, "low", "x", "data"))
    ledger.add(replace(ledger.items["k100"], status="dismissed"))
    ledger.add(Item("new", "a-1", 0, "high", "x", "data"))
    assert "k100" not in ledger.items
    assert len(ledger.items) == MAX_ITEMS
    assert ledger.clean(0)


def test_pruning_drops_expired_entries_and_sorts_the_others():
    ledger = Ledger(days={400: 20, 176: 20, 175: 20, 300: 1})
    ledger.add(Item("z", "a-1", 400 * DAY_US, "low", "x", "data"))
    ledger.add(Item("b", "a-2", -80 * DAY_US - 1, "critical", "x", "data"))
    ledger.add(Item("a", "a-3", -80 * DAY_US, "critical", "x", "data"))
    ledger.prune(400 * DAY_US)
    assert list(ledger.days) == [176, 300, 400]
    assert list(ledger.items) == ["a", "z"]


@given(evidence, later)
def test_pruning_leaves_days_and_items_in_order_and_changes_no_score(pieces, at):
    ledger, pruned = give(Ledger(), *pieces), give(Ledger(), *pieces)
    pruned.prune(at)
    oldest = at - 16 * 14 * DAY_US
    assert list(pruned.days) == [day for day in sorted(ledger.days) if day * DAY_US >= oldest]
    assert list(pruned.items) == sorted(pruned.items)
    assert opinion(pruned, at) == opinion(ledger, at)
