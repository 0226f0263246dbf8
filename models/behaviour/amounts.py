"""Amounts: how much one session does, against the largest session of past days.

The logarithm of each day's largest session has a mean and a spread, over the days that have any (a
hurdle model), estimated from the fleet over the role to the agent.
"""

from __future__ import annotations

import json
from math import log2, sqrt
from typing import TYPE_CHECKING

from models.behaviour.novelty import TAINTED, raise_bits
from models.behaviour.state import SUMS
from models.calibration.fading import FadingCounts
from models.features.counters import COUNTERS, measured
from models.features.plan import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.behaviour.novelty import Moment, NewValue
    from models.behaviour.state import Behaviour, OpenDay
    from models.codec.hashing import Hasher
    from models.event import Event

OF_ROLE, OF_AGENT = 10.0, 3.0
"""Weight of the fleet in days of the role, and of the role in days of the agent."""
MIN_DAYS = 20
"""Agent-days of the fleet from which on amounts have bits."""
PRIOR_SPREAD = 4.0
"""Variance, in squared doublings, of one assumed day of the fleet."""
MIN_SPREAD = 0.05
TAIL = 4.5
TAIL_SHAPE = 8.0
"""A t-like tail: ``4.5 log2(1 + z^2 / 8)`` bits, near that of eight degrees of freedom."""
STEP = 256
"""Steps of a doubling in which logarithms are kept, so that their sums are exact."""


class Amounts:
    """Counts the amounts of sessions and scores them.

    Parameters
    ----------
    series
        Series -> its index.
    """

    def __init__(self, hasher: Hasher, series: dict[str, int]) -> None:
        self._hasher = hasher
        self._series = [series[counter.name] for counter in COUNTERS]
        self.fleet = FadingCounts(SUMS)
        self.pending = FadingCounts(SUMS)
        self._role_keys: dict[str, int] = {}

    # ------------------------------------------------------------------ scoring

    def score(
        self, at: Moment, event: Event, new: list[NewValue], related: dict[str, float]
    ) -> None:
        """Add an event to the counters of its session, and score those that grew.

        Parameters
        ----------
        related
            Amounts that follow from other agents and days (`models.behaviour.relations`).
        """
        added = measured(event, at.fields) | related
        session = at.session
        largest = at.agent.day(at.day, at.time_us).largest
        for index, counter in enumerate(COUNTERS):
            if counter.distinct:
                more = self._distinct(at, counter.distinct)
            elif counter.of.startswith("new:"):
                more = _new_values(new, counter.of[4:])
            elif counter.of == "repeated":
                more = self._repeated(at, event, session.amounts.get(index, 0.0))
            else:
                more = added.get(counter.of, 0.0)
                if counter.peak:
                    more = max(0.0, more - session.amounts.get(index, 0.0))
            if more:
                amount = session.amounts[index] = session.amounts.get(index, 0.0) + more
                largest[index] = max(largest.get(index, 0.0), amount)
                raise_bits(session, self._series[index], self.bits(at.agent, index, amount))

    def _distinct(self, at: Moment, name: str) -> float:
        value = at.fields.single.get(name)
        values = [value] if value is not None else []
        values += [one[name] for one in at.fields.records.get(name, ())]
        more = 0
        for text in values:
            mark = self._hasher.of(f"distinct\x1f{name}\x1f{text}")
            if mark not in at.session.distinct:
                at.session.distinct.add(mark)
                more += 1
        return float(more)

    def _repeated(self, at: Moment, event: Event, most: float) -> float:
        """Give by how much the most repeated call of the session has grown."""
        resource = at.fields.single.get("resource", "")
        arguments = json.dumps(event.arguments, sort_keys=True, default=str)
        mark = self._hasher.once(f"{event.tool}\x1f{resource}\x1f{arguments}")
        times = at.session.repeats[mark] = at.session.repeats.get(mark, 0) + 1
        return max(0.0, times - most)

    def bits(self, agent: Behaviour, index: int, amount: float) -> float:
        """Give the bits of an amount of one session: how rare any is, and how far it is off."""
        days, total, squares, all_days = self.fleet.get(index)
        if all_days < MIN_DAYS:
            return 0.0
        mean, spread = _moments(days, total, squares)
        spread = (spread * days + PRIOR_SPREAD) / (days + 1.0)
        share = (days + 1.0) / (all_days + 2.0)
        for sums, weight in (
            (self.fleet.get(self._role_key(agent.role, index)), OF_ROLE),
            (agent.amounts.get(index), OF_AGENT),
        ):
            n, total, squares, all_days = sums
            own, own_spread = _moments(n, total, squares)
            moved = n * weight / (n + weight) * (own - mean) ** 2 * 0.5 if n else 0.0
            spread = (own_spread * n + weight * spread + moved) / (n + weight)
            mean = (n * own + weight * mean) / (n + weight)
            share = (n + weight * share) / (all_days + weight)
        hurdle = -log2(max(min(share, 1.0), 1e-6))
        z = (log2(1.0 + amount) - mean) / sqrt(spread + MIN_SPREAD)
        if z > 0:
            return hurdle + TAIL * log2(1.0 + z * z / TAIL_SHAPE)
        return hurdle if hurdle >= 1.0 else 0.0

    # ------------------------------------------------------------------ learning

    def close(self, agent: Behaviour, day: int, over: OpenDay) -> None:
        """Learn the largest sessions of a day that is over."""
        for index in range(len(COUNTERS)):
            amount = over.largest.get(index, 0.0)
            size = round(log2(1.0 + amount) * STEP)
            numbers = (int(amount > 0), size, size * size, 1)
            agent.amounts.add(day, index, numbers)
            self.pending.add(day, index, numbers)
            self.pending.add(day, self._role_key(agent.role, index), numbers)

    def _role_key(self, role: str, index: int) -> int:
        first = self._role_keys.get(role)
        if first is None:
            first = self._role_keys[role] = self._hasher.once(f"amounts\x1f{role}") | (1 << 32)
        return first + index


def _moments(days: float, total: float, squares: float) -> tuple[float, float]:
    """Give mean and variance of the logarithms, in doublings; zeros without days."""
    if not days:
        return 0.0, 0.0
    mean = total / days / STEP
    return mean, max(0.0, squares / days / (STEP * STEP) - mean * mean)


def _new_values(new: Iterable[NewValue], name: str) -> float:
    """Count the new values of a feature; of arguments, those that came out of results."""
    found = [one for one in new if one.counted and FEATURES[one.feature].name == name]
    if name == "value":
        found = [one for one in found if one.record.get("origin") == TAINTED]
    return float(min(len(found), 1) if name == "step" else len(found))
