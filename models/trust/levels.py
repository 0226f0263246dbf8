"""Trust into a level, with hysteresis, and the gate that only a person opens.

Falling is immediate, rising takes patience; both are functions of (standing, lower, instant), so
a reader finds the level of any instant without writing anything.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from models.trust.opinion import reaches, weigh
from models.trust.policy import DEFAULT_POLICY, FORGOTTEN_HALF_LIVES, LEVELS, Level, TrustPolicy
from models.units import DAY_US, SECOND_US

if TYPE_CHECKING:
    from models.trust.ledger import Ledger
    from models.trust.opinion import Evidence

__all__ = [
    "LEVELS",
    "Gate",
    "Level",
    "Risk",
    "Standing",
    "advance",
    "guard",
    "level_of",
    "next_change_us",
    "next_level",
    "release",
    "risk_level",
]

Gate = Literal["open", "quarantined"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]

# Halvings of one stretch of time in the search for a level change.
_MOST_HALVINGS = 48


class Standing(Struct, frozen=True, array_like=True):
    """Where an agent stands.

    Attributes
    ----------
    level
        One of `LEVELS`.
    above_since_us
        For watch, normal and trusted: since when `lower` has stood the margin above the bound,
        None where it does not. Each level has its own clock, so that an agent that was cleared
        waits for the rise once and not once a level.
    gate
        ``quarantined`` from a confirmed critical item until a person releases it, whatever the
        score says.
    """

    level: Level = "restricted"
    above_since_us: tuple[int | None, int | None, int | None] = (None, None, None)
    gate: Gate = "open"


def level_of(lower: float, policy: TrustPolicy = DEFAULT_POLICY) -> Level:
    """Give the level that a cautious score, 0..100, has by itself.

    >>> level_of(74.9), level_of(75.0)
    ('normal', 'trusted')
    """
    return max((level for level in LEVELS if lower >= policy.bound(level)), key=LEVELS.index)


def next_level(level: Level) -> Level | None:
    """Give the level above, None above ``trusted``."""
    place = LEVELS.index(level) + 1
    return LEVELS[place] if place < len(LEVELS) else None


def advance(
    standing: Standing, lower: float, at_us: int, policy: TrustPolicy = DEFAULT_POLICY
) -> Standing:
    """Give the standing at an instant at which the cautious score is `lower`.

    A caller that keeps standings calls this before it adds evidence, with the score the old
    evidence has at that instant, and again after: then no fall between two events is missed.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> risen = advance(advance(Standing(), 57.0, 0), 57.0, day)
    >>> risen.level, advance(risen, 49.9, day + 1).level
    ('normal', 'watch')
    """
    known, margin, bounds = standing.above_since_us, policy.margin, policy.bounds
    since: list[int | None] = []
    by_itself = reached = 0
    for place, before in enumerate(known, 1):
        bound = bounds.get(LEVELS[place], 0.0)
        start = _since(before, at_us) if lower >= bound + margin else None
        since.append(start)
        if lower >= bound:
            by_itself = place
        if start is not None and at_us - start >= policy.rise_us:
            reached = place
    level = LEVELS[max(min(LEVELS.index(standing.level), by_itself), reached)]
    watch, normal, trusted = since
    if level == standing.level and (watch, normal, trusted) == known:
        return standing
    return Standing(level, (watch, normal, trusted), standing.gate)


def _since(known: int | None, at_us: int) -> int:
    # An evaluation at an earlier instant does not lengthen the stay: between the two the score
    # may have been below.
    return at_us if known is None else known


def guard(standing: Standing, ledger: Ledger, key: str) -> Standing:
    """Shut the gate if the item of this key is a confirmed critical one.

    To be called whenever an item was added or confirmed. It is the news that shuts the gate, not
    the item's existence: after `release` the item stays on the ledger and the gate stays open.
    """
    item = ledger.items.get(key)
    if item is None or item.status != "confirmed" or item.severity != "critical":
        return standing
    return replace(standing, gate="quarantined")


def release(standing: Standing) -> Standing:
    """Open the gate, on a person's word; the level stays what it is."""
    return replace(standing, gate="open")


def risk_level(level: Level, gate: Gate) -> Risk:
    """Give the risk in the words of shared signals (CAEP risk-level-change).

    >>> risk_level("normal", "open"), risk_level("normal", "quarantined")
    ('LOW', 'HIGH')
    """
    if gate == "quarantined" or level == "restricted":
        return "HIGH"
    return "MEDIUM" if level == "watch" else "LOW"


def next_change_us(
    ledger: Ledger,
    standing: Standing,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    horizon_us: int = DAY_US,
    evidence: Evidence | None = None,
) -> int | None:
    """Find when the level changes next although nothing new happens.

    Parameters
    ----------
    standing
        The standing at `at_us`, as `advance` gives it.
    horizon_us
        How far to look, in microseconds from `at_us`.
    evidence
        The ledger weighed at `at_us`, if the caller has it already.

    Returns
    -------
    int or None
        An instant up to which the level does not change: just before a fall (seconds, or where
        the score comes within 1e-4 points of one), or when a rise is due, should the score hold
        until then. None if neither is within the horizon.

    Examples
    --------
    >>> from models.trust.ledger import Ledger
    >>> ledger, day = Ledger(days=dict.fromkeys(range(60), 20)), 86_400_000_000
    >>> change = next_change_us(ledger, Standing("trusted"), 59 * day, horizon_us=30 * day)
    >>> round((change - 59 * day) / day, 1)
    6.8
    """
    rises = [
        since + policy.rise_us
        for level, since in zip(LEVELS[1:], standing.above_since_us, strict=True)
        if since is not None and LEVELS.index(level) > LEVELS.index(standing.level)
    ]
    end = min([at_us + horizon_us, *rises])
    now = weigh(ledger, at_us, policy) if evidence is None else evidence
    fall = _fall_us(ledger, standing.level, now, end, policy)
    if fall is not None:
        return fall
    return max(at_us, end) if rises and end == min(rises) else None


def _fall_us(
    ledger: Ledger, level: Level, now: Evidence, end_us: int, policy: TrustPolicy
) -> int | None:
    """Find the fall below a level's bound from now to `end_us`, from the safe side."""
    if level == LEVELS[0]:
        return None
    at_us, bound = now.at_us, policy.bound(level)
    # Evidence dated ahead of the evaluation starts to count at its instant; between two starts
    # both sums only fade.
    today, last = at_us // DAY_US, end_us // DAY_US
    starts = {day * DAY_US for day in ledger.days if today < day <= last}
    starts.update(i.since_us for i in ledger.items.values() if at_us < i.since_us <= end_us)
    if not starts and _holds(now, bound, end_us - at_us, policy):
        return None
    cuts = [at_us, *sorted(starts), max(at_us, end_us) + 1]
    for start, after in pairwise(cuts):
        found = _fall_within(ledger, bound, (start, after - 1), policy)
        if found is not None:
            return found
    return None


def _holds(now: Evidence, bound: float, span_us: int, policy: TrustPolicy) -> bool:
    """Tell cheaply, erring on the side of no, that a bound holds over a span without news.

    Almost every answer ends here: at worst the clean days fade, the days that are due are
    forgotten, and no item fades at all.
    """
    faded = now.positive * 2.0 ** (-span_us / (policy.positive_half_life_days * DAY_US))
    forgotten = (span_us // DAY_US + 2) * 2.0**-FORGOTTEN_HALF_LIVES
    return reaches(max(0.0, faded - forgotten), now.negative, bound, policy)


def _fall_within(
    ledger: Ledger, bound: float, stretch: tuple[int, int], policy: TrustPolicy
) -> int | None:
    """Search a stretch over which both sums only fade, by halving.

    The positive sum of its end with the negative sum of its start bounds `lower` from below all
    along: a stretch that passes holds no fall, however the two fade in between.
    """

    def sums(at_us: int) -> tuple[float, float]:
        evidence = weigh(ledger, at_us, policy)
        return evidence.positive, evidence.negative

    known = {at: sums(at) for at in stretch}
    todo = [stretch]
    for _ in range(_MOST_HALVINGS):
        if not todo:
            return None
        start, end = todo.pop()
        if reaches(known[end][0], known[start][1], bound, policy):
            continue
        if not reaches(*known[start], bound, policy) or end - start <= SECOND_US:
            return start
        middle = (start + end) // 2
        known[middle] = sums(middle)
        todo += [(middle, end), (start, middle)]
    return todo[-1][0] if todo else None
