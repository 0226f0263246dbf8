"""Levels of trust with hysteresis, and the gate that only a person opens.

A fall is immediate, a rise takes time. Both are functions of (state, lower, instant). So a
reader computes the level of any instant without a write.
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
    "LevelState",
    "Risk",
    "advance",
    "guard",
    "level_of",
    "next_change_us",
    "next_level",
    "quarantine",
    "release",
    "risk_level",
]

Gate = Literal["open", "quarantined"]
Risk = Literal["LOW", "MEDIUM", "HIGH"]

# Halvings of one stretch of time in the search for a level change.
_MAX_HALVINGS = 48


class LevelState(Struct, frozen=True, array_like=True):
    """Level and gate of an agent.

    Attributes
    ----------
    level
        One of `LEVELS`.
    above_since_us
        For watch, normal and trusted: since when `lower` is the margin above the bound. None where
        it is not. Each level has its own clock, so a cleared agent waits once and not once a level.
    gate
        ``quarantined`` from a confirmed critical item, or from the word of a person, until a person
        releases it, at any score.
    """

    level: Level = "restricted"
    above_since_us: tuple[int | None, int | None, int | None] = (None, None, None)
    gate: Gate = "open"


def level_of(lower: float, policy: TrustPolicy = DEFAULT_POLICY) -> Level:
    """Give the level of a cautious score, 0..100, without hysteresis.

    >>> level_of(74.9), level_of(75.0)
    ('normal', 'trusted')
    """
    return max((level for level in LEVELS if lower >= policy.bound(level)), key=LEVELS.index)


def next_level(level: Level) -> Level | None:
    """Give the level above, None above ``trusted``."""
    rank = LEVELS.index(level) + 1
    return LEVELS[rank] if rank < len(LEVELS) else None


def advance(
    level_state: LevelState, lower: float, at_us: int, policy: TrustPolicy = DEFAULT_POLICY
) -> LevelState:
    """Give the state of a level at an instant at which the cautious score is `lower`.

    A caller that stores the state calls this before it adds evidence, with the score of the old
    evidence at that instant, and again after. So no fall between two events is missed.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> risen = advance(advance(LevelState(), 57.0, 0), 57.0, day)
    >>> risen.level, advance(risen, 49.9, day + 1).level
    ('normal', 'watch')
    """
    known, margin, bounds = level_state.above_since_us, policy.margin, policy.bounds
    since: list[int | None] = []
    risen = reached = 0
    for rank, before in enumerate(known, 1):
        bound = bounds.get(LEVELS[rank], 0.0)
        start = _since(before, at_us) if lower >= bound + margin else None
        since.append(start)
        if lower >= bound:
            risen = rank
        if start is not None and at_us - start >= policy.rise_us:
            reached = rank
    level = LEVELS[max(min(LEVELS.index(level_state.level), risen), reached)]
    watch, normal, trusted = since
    if level == level_state.level and (watch, normal, trusted) == known:
        return level_state
    return LevelState(level, (watch, normal, trusted), level_state.gate)


def _since(known: int | None, at_us: int) -> int:
    # An evaluation at an earlier instant does not lengthen the stay: between the two the score
    # may have been below.
    return at_us if known is None else known


def guard(level_state: LevelState, ledger: Ledger, key: str) -> LevelState:
    """Shut the gate if the item of this key is a confirmed critical one.

    Call it after each added or confirmed item. The change shuts the gate, not the existence of the
    item: after `release` the item stays on the ledger, and the gate stays open.
    """
    item = ledger.items.get(key)
    if item is None or item.status != "confirmed" or item.severity != "critical":
        return level_state
    return replace(level_state, gate="quarantined")


def quarantine(level_state: LevelState) -> LevelState:
    """Shut the gate after a decision of a person. The level does not change."""
    return replace(level_state, gate="quarantined")


def release(level_state: LevelState) -> LevelState:
    """Open the gate after a decision of a person. The level does not change."""
    return replace(level_state, gate="open")


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
    level_state: LevelState,
    at_us: int,
    policy: TrustPolicy = DEFAULT_POLICY,
    horizon_us: int = DAY_US,
    evidence: Evidence | None = None,
) -> int | None:
    """Find the next change of the level without new evidence.

    Parameters
    ----------
    level_state
        The state at `at_us`, as `advance` gives it.
    horizon_us
        Length of the search, in microseconds from `at_us`.
    evidence
        The ledger weighed at `at_us`, if the caller has it already.

    Returns
    -------
    int or None
        An instant up to which the level does not change. It is seconds before a fall, or where the
        score comes within 1e-4 points of one. Or it is the time of a rise, if the score holds until
        then. None if neither is within the horizon.

    Examples
    --------
    >>> from models.trust.ledger import Ledger
    >>> ledger, day = Ledger(days=dict.fromkeys(range(60), 20)), 86_400_000_000
    >>> change = next_change_us(ledger, LevelState("trusted"), 59 * day, horizon_us=30 * day)
    >>> round((change - 59 * day) / day, 1)
    6.8
    """
    rises = [
        since + policy.rise_us
        for level, since in zip(LEVELS[1:], level_state.above_since_us, strict=True)
        if since is not None and LEVELS.index(level) > LEVELS.index(level_state.level)
    ]
    end = min([at_us + horizon_us, *rises])
    now = weigh(ledger, at_us, policy) if evidence is None else evidence
    fall = _fall_us(ledger, level_state.level, now, end, policy)
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
    """Tell cheaply and conservatively that a bound holds over a span without new evidence.

    Almost every search ends here. The worst case is: clean days fade, old days are forgotten, and
    no item fades.
    """
    faded = now.positive * 2.0 ** (-span_us / (policy.positive_half_life_days * DAY_US))
    forgotten = (span_us // DAY_US + 2) * 2.0**-FORGOTTEN_HALF_LIVES
    return reaches(max(0.0, faded - forgotten), now.negative, bound, policy)


def _fall_within(
    ledger: Ledger, bound: float, stretch: tuple[int, int], policy: TrustPolicy
) -> int | None:
    """Search a stretch over which both sums only fade, by halving.

    The positive sum of the end with the negative sum of the start is a lower bound of `lower` over
    the stretch. A stretch that passes has no fall.
    """

    def sums(at_us: int) -> tuple[float, float]:
        evidence = weigh(ledger, at_us, policy)
        return evidence.positive, evidence.negative

    known = {at: sums(at) for at in stretch}
    todo = [stretch]
    for _ in range(_MAX_HALVINGS):
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
