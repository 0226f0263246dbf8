"""Weighed evidence of a ledger at one instant, after forgetting."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from models.trust.ledger import FULL_DAY, STRUCK, Facet, Item, Ledger
from models.trust.policy import DEFAULT_POLICY, FORGOTTEN_HALF_LIVES, TrustPolicy
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable


class Evidence(Struct, frozen=True):
    """Weighed evidence of a ledger at one instant.

    Attributes
    ----------
    at_us
        The instant, microseconds of event time.
    days
        Faded worth of each day with clean events, struck or not.
    items
        Undismissed items and their faded weight.
    struck
        Number of undismissed items of each day that has any.
    positive, negative
        The sums over all facets, of days that are not struck and of items.
    """

    at_us: int
    days: dict[int, float]
    items: list[tuple[Item, float]]
    struck: dict[int, int]
    positive: float
    negative: float

    def sums(self, facet: Facet | None) -> tuple[float, float]:
        """Give both sums of a facet, whose own items alone strike days. None means all facets."""
        if facet is None:
            return self.positive, self.negative
        own = [(item, weight) for item, weight in self.items if item.facet == facet]
        struck = {day for item, _ in own for day in item.days}
        return _worth(self.days, struck), math.fsum([weight for _, weight in own])


def weigh(ledger: Ledger, at_us: int, policy: TrustPolicy = DEFAULT_POLICY) -> Evidence:
    """Weigh a ledger at an instant.

    A day is dated at its start, an item at its latest instant. Later evidence than `at_us` does
    not count. An item with instants before and after `at_us` counts in full.
    """
    if not ledger.items:  # the common case
        days = _days(ledger, at_us, policy)
        return Evidence(at_us, days, [], {}, math.fsum(days.values()), 0.0)
    items: list[tuple[Item, float]] = []
    struck: dict[int, int] = {}
    for item in ledger.items.values():
        if item.status == "dismissed" or item.since_us > at_us:
            continue
        lives = max(0, at_us - item.at_us) / policy.half_life_us(item.status)
        if lives <= FORGOTTEN_HALF_LIVES:
            items.append((item, item.weight(policy) * 2.0**-lives))
            for day in item.days:
                struck[day] = struck.get(day, 0) + 1
    days = _days(ledger, at_us, policy)
    negative = math.fsum([weight for _, weight in items])
    return Evidence(at_us, days, items, struck, _worth(days, struck), negative)


def _worth(days: dict[int, float], struck: Iterable[int]) -> float:
    left = dict(days)  # few days are struck, so their removal is faster than a test of each
    for day in struck:
        left.pop(day, None)
    return math.fsum(left.values())


def _days(ledger: Ledger, at_us: int, policy: TrustPolicy) -> dict[int, float]:
    half = policy.positive_half_life_days
    today, since_midnight = divmod(at_us, DAY_US)
    # One power for the hour and a table for the days, instead of a power for each day.
    fade, by_age = 2.0 ** (-since_midnight / (half * DAY_US)), fade_by_day(half)
    oldest = today - int((FORGOTTEN_HALF_LIVES * half * DAY_US - since_midnight) // DAY_US)
    return {
        day: count / FULL_DAY * (fade * by_age[today - day])
        for day, count in ledger.days.items()
        if oldest <= day <= today and count != STRUCK
    }


@lru_cache(maxsize=16)
def fade_by_day(half_life_days: float) -> tuple[float, ...]:
    """Give the weight of a clean day by its age in days, as far as it counts."""
    ages = range(int(FORGOTTEN_HALF_LIVES * half_life_days) + 1)
    return tuple(2.0 ** (-age / half_life_days) for age in ages)
