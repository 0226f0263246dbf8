"""Backed-off count models: one level of the chain agent+context -> agent -> peers -> fleet.

Counts are integers in units of 1/4096 event, so that sums are exact. An updated
total equals a recomputed one, for any order of additions.
"""

from __future__ import annotations

UNIT = 4096
DISCOUNT = round(0.6 * UNIT)
STRENGTH = 2 * UNIT
NEGLIGIBLE = UNIT // 100
HORIZON_DAYS = 150
ADOPTION = 0.1
MAX_COUNT = (1 << 29) - 1  # 131,071 events of one value
MAX_TODAY = (1 << 16) - 1


def fades(half_life_days: float) -> tuple[int, ...]:
    """Weights in units of one vote by age in days, 0 .. `HORIZON_DAYS`.

    >>> fades(30.0)[0], fades(30.0)[30]
    (4096, 2048)
    """
    return tuple(round(UNIT * 2.0 ** (-age / half_life_days)) for age in range(HORIZON_DAYS + 1))


def interpolate(count: int, total: int, discounted: int, parent: float) -> float:
    """One level of an interpolated, discounted count model (Teh 2006, one table per value).

    ``P(v) = [max(c_v - d, 0) + (theta + sum_w min(c_w, d)) Q(v)] / (n + theta)``

    Parameters
    ----------
    count, total, discounted
        ``c_v``, ``n`` and ``sum_w min(c_w, d)`` in units of 1/4096.
    parent
        ``Q(v)``, a probability.

    Examples
    --------
    A value seen 10 times of 10, and one never seen; the parent gives each 0.1.

    >>> round(interpolate(10 * UNIT, 10 * UNIT, DISCOUNT, 0.1), 3)
    0.805
    >>> round(interpolate(0, 10 * UNIT, DISCOUNT, 0.1), 3)
    0.022
    """
    kept = count - DISCOUNT if count > DISCOUNT else 0
    return (kept + (STRENGTH + discounted) * parent) / (total + STRENGTH)


class AgentCounts:
    """Decayed counts of one agent, for all its features and contexts.

    A key is ``node << 32 | value``: 31 bits of (feature, context) and 32 of the value. Totals per
    node are derived and never stored.

    Attributes
    ----------
    counts
        key -> count in units.
    today
        key -> events learned on the current day, for the daily cap.
    day
        Day (since the agent's first event) the counts are valid for.
    """

    __slots__ = ("counts", "day", "discounted", "today", "total")

    def __init__(
        self,
        counts: dict[int, int] | None = None,
        today: dict[int, int] | None = None,
        day: int = 0,
    ) -> None:
        self.counts = {} if counts is None else counts
        self.today = {} if today is None else today
        self.day = day
        self.total: dict[int, int] = {}
        self.discounted: dict[int, int] = {}
        self._sum_up()

    def _sum_up(self) -> None:
        total: dict[int, int] = {}
        discounted: dict[int, int] = {}
        for key, count in self.counts.items():
            node = key >> 32
            total[node] = total.get(node, 0) + count
            discounted[node] = discounted.get(node, 0) + min(count, DISCOUNT)
        self.total, self.discounted = total, discounted

    def probability(self, node: int, value: int, parent: float) -> float:
        """P(value) at a node, given the parent level's probability."""
        total = self.total.get(node)
        if total is None:
            return parent
        count = self.counts.get(node << 32 | value, 0)
        return interpolate(count, total, self.discounted[node], parent)

    def mixed(self, node: int, value: int, peers: float) -> float:
        """P(value): a mixture of the agent's own probability and that of its peers.

        With the count model alone, the first use of a common tool of the peers becomes more
        surprising with every day of history. The weight `ADOPTION` of the peers bounds that: such a
        first use has at most 3.3 bits more than for them.
        """
        return (1 - ADOPTION) * self.probability(node, value, peers) + ADOPTION * peers

    def add(self, node: int, value: int, cap: int) -> bool:
        """Learn one event. False when the value reached its daily cap."""
        key = node << 32 | value
        had = self.today.get(key, 0)
        count = self.counts.get(key, 0)
        if had >= cap or had >= MAX_TODAY or count > MAX_COUNT - UNIT:
            return False
        self.today[key] = had + 1
        self.counts[key] = count + UNIT
        self.total[node] = self.total.get(node, 0) + UNIT
        if count < DISCOUNT:
            more = min(count + UNIT, DISCOUNT) - count
            self.discounted[node] = self.discounted.get(node, 0) + more
        return True

    def roll(self, day: int, half_life_days: float) -> None:
        """Decay the counts to a later day. An earlier day changes nothing."""
        if day <= self.day:
            return
        self.scale(2.0 ** ((self.day - day) / half_life_days))
        self.today.clear()
        self.day = day

    def scale(self, factor: float) -> None:
        """Multiply every count. Counts under a hundredth of an event are dropped."""
        faded = ((key, round(count * factor)) for key, count in self.counts.items())
        self.counts = {key: count for key, count in faded if count >= NEGLIGIBLE}
        self._sum_up()
