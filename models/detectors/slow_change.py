"""Slow change: calls that send a little more than expected, day after day.

Each tool of an agent has an expected logarithm of the bytes that it sends. A day has a mean excess
over it, whose variance is that of its calls plus that between days. The sum of the log-likelihood
ratio of "grown by half a doubling" against "unchanged" is a CUSUM, one step a day (Page 1954).
"""

from __future__ import annotations

from math import log, log2
from typing import TYPE_CHECKING

from models.baseline.profile import SlowChange
from models.baseline.session import Subject
from models.codec.stable_id import stable_id
from models.constants import GROWTH, MIN_CALLS, SUSPECT
from models.features.families import SLOW

if TYPE_CHECKING:
    from models.baseline.profile import OpenDay, Profile
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment

_SERIES = stable_id(SLOW)
_KEPT_CALLS, _KEPT_DAYS = 1.0 - 1.0 / 30.0, 0.97
"""Share of calls, and of days, that is kept from day to day: a memory of about thirty days."""
_MAX_EXCESS = 4.0
"""Doublings of one call that count at most."""
_MAX_STEP = 8.0
_PRIOR_CALLS, _MIN_VARIANCE = 20.0, 0.2
_PRIOR_DAYS, _PRIOR_VARIANCE = 10.0, 0.1
_MAX_TOOLS = 200


def measure(at: Moment, tool: int) -> None:
    """Note what a call sends beyond what is expected of its tool, and raise the bits."""
    sent = at.fields.numbers.get("bytes_out")
    profile, day = at.profile, at.open_day
    if sent is not None:
        size = log2(1.0 + sent)
        calls, total = day.sent.get(tool, (0, 0.0))
        if calls or len(day.sent) < _MAX_TOOLS:
            day.sent[tool] = (calls + 1, total + size)
        expected = profile.slow.expected.get(tool)
        if expected is not None and expected[0] >= MIN_CALLS:
            off = max(-_MAX_EXCESS, min(_MAX_EXCESS, size - expected[1]))
            n, whole, squares = day.excess
            day.excess = (n + 1, whole + off, squares + off * off)
    if profile.slow.cusum >= SUSPECT:
        bits = profile.slow.cusum / log(2.0)
        at.raise_bits(_SERIES, bits, Subject(bits, 0, SLOW, 0, _excess_in_words(day)))


def _excess_in_words(day: OpenDay) -> str:
    """Say how much more than expected the calls of a day have sent; empty where it is not more."""
    n, whole, _ = day.excess
    percent = round((2.0 ** (whole / n) - 1.0) * 100.0) if n else 0
    return f"{percent}% more in {n} calls" if percent > 0 else ""


def close(profile: Profile, over: OpenDay) -> None:
    """Take the step of a day that is over; under suspicion nothing is learned."""
    slow = profile.slow
    n, total, squares = over.excess
    days, between, cusum = *slow.spread, slow.cusum
    if n >= MIN_CALLS:
        mean = total / n
        noise = max((squares + _PRIOR_CALLS) / (n + _PRIOR_CALLS), _MIN_VARIANCE) / n
        if cusum < SUSPECT:
            days = days * _KEPT_DAYS + 1.0
            between = between * _KEPT_DAYS + max(0.0, min(mean * mean, 1.0) - noise)
        variance = noise + (between + _PRIOR_VARIANCE) / (days + _PRIOR_DAYS)
        step = (GROWTH * mean - GROWTH * GROWTH / 2.0) / variance
        cusum = max(0.0, cusum + max(-_MAX_STEP, min(_MAX_STEP, step)))
    expected = slow.expected
    if cusum < SUSPECT and over.sent:
        expected = dict(expected)
        for tool, (calls, sizes) in sorted(over.sent.items()):
            before, mean = expected.get(tool, (0.0, 0.0))
            weight = before * _KEPT_CALLS + calls
            expected[tool] = (weight, mean + (sizes / calls - mean) * calls / weight)
        if len(expected) > _MAX_TOOLS:
            kept = sorted(expected.items(), key=lambda one: (-one[1][0], one[0]))[:_MAX_TOOLS]
            expected = dict(kept)
    profile.slow = SlowChange(expected, (days, between), cusum)


def restart(profile: Profile) -> None:
    """Begin again after a case: what the agent sends now is what it is measured by."""
    profile.slow = SlowChange(spread=profile.slow.spread)


def tool_mark(hasher: Hasher, tool: str) -> int:
    """Give the mark of a tool."""
    return hasher.of(f"sent\x1f{tool}") & 0xFFFF_FFFF
