"""Amounts: how much one session does, against the largest session of past days.

The logarithm of each day's largest session has a mean and a spread, over the days that have any (a
hurdle model), estimated from the fleet over the role to the agent.
"""

from __future__ import annotations

from math import log2, sqrt
from typing import TYPE_CHECKING

import msgspec

from models.baseline.profile import LOW32, SUMS
from models.baseline.session import Subject
from models.calibration.fading import FadingCounts
from models.constants import (
    FLEET_DAYS,
    MIN_AMOUNT_DAYS,
    MIN_SPREAD,
    PRIOR_SPREAD,
    ROLE_DAYS,
    TAIL_SHAPE,
    TAIL_WEIGHT,
)
from models.features.conditions import holds
from models.features.counters import COUNTERS
from models.features.plan import INDEX, MAX_TEXT

if TYPE_CHECKING:
    from models.baseline.profile import OpenDay, Profile
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment
    from models.detectors.novelty import NewValue
    from models.event import Event
    from models.features.counters import Counter
    from models.features.fields import Fields

STEP = 256
"""Steps of a doubling in which logarithms are kept, so that their sums are exact."""
MAX_DISTINCT = 2_000
"""Most different values of a session that are counted."""


class Expected(msgspec.Struct, frozen=True):
    """What the largest session of a day of the agent has of an amount.

    Attributes
    ----------
    share
        Share of days that have any.
    mean, spread
        Mean and standard deviation of ``log2(1 + amount)`` over these days, in doublings.
    """

    share: float
    mean: float
    spread: float

    @property
    def typical(self) -> float:
        """Amount of the middle of these days."""
        return float(2.0**self.mean - 1.0)

    def bits(self, amount: float) -> float:
        """Give the bits of an amount: how rare any is, and how far it is off."""
        hurdle = -log2(max(min(self.share, 1.0), 1e-6))
        z = (log2(1.0 + amount) - self.mean) / self.spread
        if z > 0:
            return hurdle + TAIL_WEIGHT * log2(1.0 + z * z / TAIL_SHAPE)
        return hurdle if hurdle >= 1.0 else 0.0


class Amounts:
    """Counts the amounts of sessions and scores them."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.fleet = FadingCounts(SUMS)
        self.pending = FadingCounts(SUMS)
        self._role_keys: dict[str, int] = {}

    # ------------------------------------------------------------------ scoring

    def score(self, at: Moment, event: Event, new: list[NewValue]) -> None:
        """Add an event to the counters of its session, and score those that grew."""
        session = at.session
        largest = at.open_day.largest
        for counter in COUNTERS:
            number = counter.id
            before = session.amounts.get(number, 0.0)
            more = self._added(counter, at, event, new)
            amount = max(before, more) if counter.peak else before + more
            if amount > before:
                session.amounts[number] = amount
                largest[number] = max(largest.get(number, 0.0), amount)
                expected = self.expected(at.profile, number)
                if expected is not None:
                    bits = expected.bits(amount)
                    about = at.fields.single.get(counter.about, "")[:MAX_TEXT]
                    at.raise_bits(number, bits, Subject(bits, 0, counter.name, 0, about))

    def _added(self, counter: Counter, at: Moment, event: Event, new: list[NewValue]) -> float:
        if counter.distinct:
            return self._distinct(at, counter.distinct)
        if counter.new:
            return _new_values(counter, new)
        if counter.number == "repeats":
            return float(self._repeated(at, event))
        if counter.when and not holds(counter.when, at.fields):
            return 0.0
        return at.fields.numbers.get(counter.number, 0.0) if counter.number else 1.0

    def _distinct(self, at: Moment, name: str) -> float:
        known, more = at.session.distinct, 0
        for text in _values(name, at.fields):
            mark = self._hasher.of(f"distinct\x1f{name}\x1f{text}") & LOW32
            if mark not in known and len(known) < MAX_DISTINCT:
                known[mark] = 1
                more += 1
        return float(more)

    def _repeated(self, at: Moment, event: Event) -> int:
        """Count how often the session has made this call."""
        repeats = at.session.repeats
        content = self._hasher.content(_encode(event.arguments or {}))
        resource = at.fields.single.get("resource", "")
        mark = self._hasher.once(f"{event.tool}\x1f{resource}\x1f{content}") & LOW32
        if mark not in repeats and len(repeats) >= MAX_DISTINCT:
            return 0
        repeats[mark] = repeats.get(mark, 0) + 1
        return repeats[mark]

    def expected(self, profile: Profile, number: int) -> Expected | None:
        """Give what a day of the agent has of an amount; None while the fleet is not known."""
        days, total, squares, all_days = self.fleet.get(number)
        if all_days < MIN_AMOUNT_DAYS:
            return None
        mean, spread = _moments(days, total, squares)
        spread = (spread * days + PRIOR_SPREAD) / (days + 1.0)
        share = (days + 1.0) / (all_days + 2.0)
        for sums, weight in (
            (self.fleet.get(self._role_key(profile.role, number)), FLEET_DAYS),
            (profile.amounts.get(number), ROLE_DAYS),
        ):
            n, total, squares, all_days = sums
            own, own_spread = _moments(n, total, squares)
            moved = n * weight / (n + weight) * (own - mean) * (own - mean) * 0.5 if n else 0.0
            spread = (own_spread * n + weight * spread + moved) / (n + weight)
            mean = (n * own + weight * mean) / (n + weight)
            share = (n + weight * share) / (all_days + weight)
        return Expected(share, mean, sqrt(spread + MIN_SPREAD))

    # ------------------------------------------------------------------ learning

    def close(self, profile: Profile, day: int, over: OpenDay) -> None:
        """Learn the largest sessions of a day that is over."""
        for counter in COUNTERS:
            amount = over.largest.get(counter.id, 0.0)
            size = round(log2(1.0 + amount) * STEP)
            numbers = (int(amount > 0), size, size * size, 1)
            profile.amounts.add(day, counter.id, numbers)
            self.pending.add(day, counter.id, numbers)
            self.pending.add(day, self._role_key(profile.role, counter.id), numbers)

    def _role_key(self, role: str, number: int) -> int:
        first = self._role_keys.get(role)
        if first is None:
            first = self._role_keys[role] = self._hasher.once(f"amounts\x1f{role}") | 1 << 32
        return (first ^ number) | 1 << 32


def _values(name: str, fields: Fields) -> list[str]:
    kind, dot, field = name.partition(".")
    if dot:
        return [one[field] for one in fields.records.get(kind, ())]
    return [fields.single[name]] if name in fields.single else []


def _moments(days: float, total: float, squares: float) -> tuple[float, float]:
    """Give mean and variance of the logarithms, in doublings; zeros without days."""
    if not days:
        return 0.0, 0.0
    mean = total / days / STEP
    return mean, max(0.0, squares / days / (STEP * STEP) - mean * mean)


def _new_values(counter: Counter, new: list[NewValue]) -> float:
    """Count the new values of a feature."""
    index = INDEX[counter.new]
    found = sum(
        one.counted
        and one.feature == index
        and (not counter.origin or one.record.get("origin") == counter.origin)
        for one in new
    )
    return float(min(found, 1) if counter.once else found)


_encode = msgspec.json.Encoder().encode
