"""Which of the reasons names the cause: the rarest, unless another says more of it."""

from __future__ import annotations

from math import inf, log2
from typing import TYPE_CHECKING

from models.ranked import CONTENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.calibrate import Calibrated
    from models.together import Least

Unusual = tuple[str, float, float]
"""Name of a feature or metric, how rare so much of it is among the peers, and its bits."""

_GENERIC = frozenset({
    "rate_day", "bytes_out_day", "records_hour", "drift", "disorder", "sequence", "astray",
})  # fmt: skip
_GENERIC_BITS = 6.0  # by which what says little of the cause has to exceed what says more
_MOST_GENERIC = 11.0
_TELLING = frozenset({"failures_hour", "failures_day", "destructive"})
_TELLING_BITS = 8.0
_LEAKING = 8.0  # spreads together from which on a leak says more than the order of its calls
_LEAKED, _REFUSED_BITS = 5.0, 5.0  # so much says more than an odd choice of a known tool
_NEVER_TOUCHED = 20.0  # bits of a kind of resource that neither the agent nor its peers know
_HOW_OFTEN = frozenset({"rate_minute", "rate", "rate_day"})
_HOW_MUCH = frozenset({"bytes_out_hour"})
_OF_REPEATS = _HOW_OFTEN | _HOW_MUCH
_ORDER = frozenset({"tool", "disorder"})
_OFTEN_BITS = 3.0  # of how often, and of how much, from which on either counts as unusual
_AHEAD = 1.0
_AS_RARE = 40.0  # times the smallest p of other features, up to which what a call carries leads
_UNASKED = 4.0  # times as rare as other features has to be that nobody asked for it


def in_order(found: Sequence[Unusual], *, again: bool) -> list[int]:
    """Order what is unusual about an event by how much it says of the cause.

    Parameters
    ----------
    again
        Whether the event calls the same tool as the one before it.

    Returns
    -------
    list[int]
        Places in `found`; the first names the cause.

    Examples
    --------
    Many calls cost much, so that there are many comes first:

    >>> in_order([("cost", 19.0, 22.0), ("rate", 7.0, 6.9)], again=False)
    [1, 0]
    >>> in_order([("cost", 19.0, 22.0), ("rate", 0.0, 2.0)], again=False)
    [0, 1]

    Of a call that is made again, how often or how much says more than its order:

    >>> in_order([("tool", 13.0, 12.0), ("bytes_out_hour", 8.0, 4.0)], again=True)
    [1, 0]
    >>> in_order([("tool", 13.0, 12.0), ("bytes_out_hour", 8.0, 4.0)], again=False)
    [0, 1]
    """
    spent = max((rare for name, rare, _ in found if name == "cost"), default=0.0)
    repeats = again and any(name in _OF_REPEATS and bits >= _OFTEN_BITS for name, _, bits in found)
    counts = [_counts_for(one, spent, repeats=repeats) for one in found]
    return sorted(range(len(found)), key=lambda at: (-counts[at], -found[at][2]))


def _counts_for(one: Unusual, spent: float, *, repeats: bool) -> float:
    """Give how rare one counts as; `spent` is how rare it is what the calls cost."""
    name, rare, bits = one
    if repeats and name in _ORDER:
        return -1.0  # a call made again and again: of that, how often or how much says more
    much = repeats and name in _HOW_MUCH and bits >= _OFTEN_BITS
    if much or name in _TELLING or (name == "drift" and bits >= _LEAKING):
        return rare + _TELLING_BITS
    if name in _GENERIC:
        return min(rare - _GENERIC_BITS, _MOST_GENERIC)
    if name in _HOW_OFTEN and bits >= _OFTEN_BITS:
        return max(rare, spent + _AHEAD)
    return rare


def says_more(found: Sequence[Unusual], *, denied: bool) -> int | None:
    """Give the place of what says more than an odd choice of a known tool, if there is any.

    That it was refused does: somebody tries what is not allowed. So does that its calls have sent
    more than usual for a while: a leak takes its own way out. And so does a kind of resource that
    nobody of the role ever touched: somebody looks around.

    Parameters
    ----------
    denied
        Whether the call was.

    Examples
    --------
    >>> says_more([("tool", 12.0, 12.0), ("outcome", 0.0, 7.0)], denied=True)
    1
    >>> says_more([("tool", 12.0, 12.0), ("drift", 0.0, 3.0)], denied=False)
    """
    telling = {
        "drift": _LEAKED,
        "outcome": _REFUSED_BITS if denied else inf,
        "resource": _NEVER_TOUCHED,
    }
    for at, (name, _, bits) in enumerate(found):
        if bits >= telling.get(name, inf):
            return at
    return None


def content_leads(result: Calibrated, carried: Sequence[str], least: Least | None) -> bool:
    """Tell whether content names the cause, where other features are unusual too.

    What a call carries says more of the cause than that it is odd. That nobody asked for it says
    less than in what way it is odd.

    Parameters
    ----------
    carried
        Features of content that are unusual, the one that says most first.
    least
        Where all that is odd about the session decides: the bits of each part of its oddest event.
    """
    carries = bool(carried) and carried[0] == "provenance"
    if least is not None:
        return least[0] >= max(least[1:]) + (0.0 if carries else log2(_UNASKED))
    content = result.each[CONTENT]
    rest = [p for p in result.each[CONTENT + 1 :] if p is not None]
    if content is None or not rest or not carried:
        return result.lead in (CONTENT, -1)
    return content <= (_AS_RARE if carries else 1.0 / _UNASKED) * min(rest)
