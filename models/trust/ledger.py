"""Evidence for and against an agent: clean days and items, without derived values.

Items join by key: largest weight, widest span. Clean events count up to a cap. So the order, delay
and repetition of evidence do not matter.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from models.trust.policy import (
    DEFAULT_POLICY,
    FORGOTTEN_HALF_LIVES,
    SEVERITIES,
    Severity,
    Status,
    TrustPolicy,
)
from models.units import DAY_US

Facet = Literal["tools", "data", "network", "volume", "identity"]

AGENT_WIDE: Facet = "identity"
"""Facet of evidence that counts in every mode of the agent (`models.trust.agent_evidence`)."""

FULL_DAY = 20
"""Clean events after which a day counts in full."""

STRUCK = 127
"""Count of a day that never counts again, because an item on it was dropped."""

MAX_ITEMS = 512
"""Items of the agent-wide facet in a ledger at most, and of all other facets together."""

# A key spans a day or two. The bound guards against a wrong instant. It exceeds the age at which
# clean days stop to count.
LONGEST_SPAN_DAYS = 366

_RANK: dict[Status, int] = {"open": 0, "dismissed": 1, "confirmed": 2}


class Item(Struct, frozen=True, omit_defaults=True):
    """One piece of evidence against an agent: an anomaly, or several with one cause.

    Attributes
    ----------
    key
        Correlation key; items with the same key count once.
    id
        Anomaly that weighs most under this key.
    at_us
        Latest instant under this key, microseconds of event time.
    severity, confidence
        Severity, and confidence in 0..1. Their product is the weight.
    anomaly, facet
        Type of the anomaly, and facet of trust that it changes.
    status
        ``open``, ``confirmed`` (fades slowly) or ``dismissed`` (does not count).
    first_us
        Earliest instant under this key; None where it is `at_us`. No day from the first to the
        latest counts as clean.
    """

    key: str
    id: str
    at_us: int
    severity: Severity
    anomaly: str
    facet: Facet
    confidence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    status: Status = "open"
    first_us: int | None = None

    @property
    def since_us(self) -> int:
        """Earliest instant under this key, microseconds of event time."""
        return self.at_us if self.first_us is None else self.first_us

    @property
    def days(self) -> range:
        """Days, counted from 1970 in UTC, that are not clean while this item counts."""
        last = self.at_us // DAY_US
        return range(max(self.since_us // DAY_US, last - LONGEST_SPAN_DAYS), last + 1)

    def weight(self, policy: TrustPolicy = DEFAULT_POLICY) -> float:
        """Weight when new, in clean days: impact times confidence."""
        return policy.impact[self.severity] * self.confidence


def _payload(item: Item, policy: TrustPolicy) -> tuple[float, int, float, str, str, str]:
    severity = SEVERITIES.index(item.severity)
    return (
        item.weight(policy), severity, item.confidence, item.id, item.anomaly, item.facet
    )  # fmt: skip


def join(a: Item, b: Item, policy: TrustPolicy = DEFAULT_POLICY) -> Item:
    """Make one item of two with the same key: largest weight, widest span, firmest status.

    Commutative, associative and idempotent. A confirmed status wins over a dismissed one, and
    a dismissed one over an open one. So late evidence never re-opens an item closed by a person.
    """
    heavier = max(a, b, key=lambda item: _payload(item, policy))
    latest, first = max(a.at_us, b.at_us), min(a.since_us, b.since_us)
    return replace(
        heavier,
        at_us=latest,
        first_us=None if first == latest else first,
        status=max(a.status, b.status, key=_RANK.__getitem__),
    )


class Ledger(Struct, array_like=True):
    """All evidence about one agent in one mode.

    Attributes
    ----------
    days
        Clean events by day (counted from 1970 in UTC), up to `FULL_DAY`: one unit a day at most,
        so that volume cannot buy trust. They count for every facet.
    items
        Evidence against the agent by correlation key, at most `MAX_ITEMS` that count in this mode
        alone, and as many that count in every mode.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.clean(at_us=0), ledger.days
    (True, {0: 1})
    >>> ledger.add(Item("k", "a-1", 5, "high", "tool.new", "tools"))
    True
    >>> ledger.add(Item("k", "a-2", 9, "low", "tool.new", "tools"))
    True
    >>> [(item.id, item.since_us, item.at_us) for item in ledger.items.values()]
    [('a-1', 5, 9)]
    """

    days: dict[int, int] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)

    def clean(self, at_us: int) -> bool:
        """Count one clean event; False if its day was full already and nothing changed."""
        return self.count(at_us // DAY_US, 1)

    def count(self, day: int, number: int) -> bool:
        """Count clean events of a day since 1970. False if the day was full already."""
        count = self.days.get(day, 0)
        if count >= FULL_DAY:
            return False
        self.days[day] = min(FULL_DAY, count + number)
        return True

    def add(self, item: Item, policy: TrustPolicy = DEFAULT_POLICY) -> bool:
        """Add an item, joined with the item of its key. False if nothing changed."""
        known = self.items.get(item.key)
        joined = item if known is None else join(known, item, policy)
        if joined == known:
            return False
        self.items[item.key] = joined
        if len(self.items) > MAX_ITEMS:
            self._evict_lightest(joined.facet == AGENT_WIDE, policy)
        return True

    def merge(self, other: Ledger, policy: TrustPolicy = DEFAULT_POLICY) -> None:
        """Add the evidence of another part of the stream for the same agent and mode.

        Clean events are counted, not named, so no event may be in both ledgers; items may.
        """
        for day, count in other.days.items():
            mine = self.days.get(day, 0)
            self.days[day] = STRUCK if STRUCK in (count, mine) else min(FULL_DAY, count + mine)
        for item in other.items.values():
            self.add(item, policy)

    def prune(self, at_us: int, policy: TrustPolicy = DEFAULT_POLICY) -> None:
        """Drop evidence that no longer counts at this instant, and sort the rest.

        Changes no score: the arithmetic ignores evidence past the same ages.
        """
        oldest = at_us - FORGOTTEN_HALF_LIVES * policy.positive_half_life_days * DAY_US
        known = list(self.days)
        days = sorted(known)
        if days != known or (days and days[0] * DAY_US < oldest):  # rare: mostly nothing changes
            self.days = {day: self.days[day] for day in days if day * DAY_US >= oldest}
        if self.items:
            self.items = {
                key: item
                for key, item in sorted(self.items.items())
                if at_us - item.at_us <= FORGOTTEN_HALF_LIVES * policy.half_life_us(item.status)
            }

    def _evict_lightest(self, agent_wide: bool, policy: TrustPolicy) -> None:
        """Drop the lightest item of a kind at the latest instant, if there are too many.

        Its days never count again: otherwise a flood of items would raise trust. An item of one
        mode never displaces one that counts in every mode.
        """
        kind = [one for one in self.items.values() if (one.facet == AGENT_WIDE) is agent_wide]
        if len(kind) <= MAX_ITEMS:
            return
        now = max(item.at_us for item in self.items.values())

        def weight_order(item: Item) -> tuple[float, int, str]:
            if item.status == "dismissed":
                return (-1.0, item.at_us, item.key)
            faded = 2.0 ** ((item.at_us - now) / policy.half_life_us(item.status))
            return (item.weight(policy) * faded, item.at_us, item.key)

        lightest = min(kind, key=weight_order)
        del self.items[lightest.key]
        if lightest.status != "dismissed":
            for day in lightest.days:
                self.days[day] = STRUCK
