"""The rarest family leads; other stories add to it, and noise adds nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.alerting.combination import Combined, combine
from models.constants import NOISE_BITS, OTHER_STORIES
from models.features.family import Family

FAMILIES = {
    one.name: one
    for one in (
        Family("data", "work", "", ""),
        Family("tools", "work", "", ""),
        Family("net", "net", "", ""),
        Family("hours", "hours", "", "", alone=False),
    )
}
rarities = st.dictionaries(st.sampled_from(sorted(FAMILIES)), st.floats(0, 30))


@given(rarities)
def test_combination_is_at_least_the_lead_and_at_most_the_sum(found: dict[str, float]) -> None:
    bits, lead = combine(FAMILIES, found)
    alone = {name: one for name, one in found.items() if FAMILIES[name].alone}
    assert max(alone.values(), default=0.0) <= bits <= sum(found.values()) + 1e-9
    assert (lead is None) == (not any(alone.values()))


@given(rarities, st.sampled_from(sorted(FAMILIES)), st.floats(0, 10))
def test_more_rarity_never_lowers_the_combination(
    found: dict[str, float], name: str, more: float
) -> None:
    risen = found | {name: found.get(name, 0.0) + more}
    assert combine(FAMILIES, risen).bits >= combine(FAMILIES, found).bits - 1e-9


def test_families_of_one_story_count_once() -> None:
    assert combine(FAMILIES, {"data": 8.0, "tools": 7.0}) == Combined(8.0, "data")


def test_another_story_adds_half_of_its_bits_beyond_noise() -> None:
    expected = 8.0 + OTHER_STORIES * (7.0 - NOISE_BITS)
    assert combine(FAMILIES, {"data": 8.0, "net": 7.0}) == Combined(expected, "data")
    assert combine(FAMILIES, {"data": 8.0, "net": NOISE_BITS}) == Combined(8.0, "data")


def test_an_unusual_hour_raises_no_case_by_itself() -> None:
    assert combine(FAMILIES, {"hours": 20.0}).lead is None
    assert combine(FAMILIES, {"hours": 9.0, "net": 4.0}).lead == "net"
