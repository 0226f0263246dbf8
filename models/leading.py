"""Which of the reasons names the cause: the rarest, unless another says more of it."""

from __future__ import annotations

from math import inf, log2
from typing import TYPE_CHECKING

from models.ranked import CONTENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from models.calibration.p_values import Calibrated
    from models.together import Least

Unusual = tuple[str, float, float]
"""Name of a feature or metric, how rare so much of it is among the peers, and its bits."""

_GENERIC = frozenset({
    "rate_day", "bytes_out_day", "records_hour", "drift", "disorder", "sequence", "astray",
})  # fmt: skip
_GENERIC_BITS = 6.0  # by which what says little of the cause has to exceed what says more
_MAX_GENERIC = 11.0
_TELLING = frozenset({"failures_hour", "failures_day", "destructive"})
_TELLING_BITS = 8.0
_LEAKING = 8.0  # spreads together from which on a leak says more than the order of its calls
_LEAKED, _REFUSED_BITS = 5.0, 5.0  # so much says more than an odd choice of a known tool
_SPENT_BITS = 10.0  # the same of what the calls cost
DEAR = "dear"  # how what each call costs is called where that is far above the usual
DEAR_TIMES = 4.0  # the usual, from which on it is
_SWEPT_BITS = 8.0  # of different resources in an hour, from which on they say more than one of them
_NEVER_TOUCHED = 20.0  # bits of a kind of resource that neither the agent nor its peers know
_HOW_OFTEN = frozenset({"rate_minute", "rate", "rate_day"})
_HOW_MUCH = frozenset({"bytes_out_hour", "bytes_out_day", "drift"})
_OF_MANY = _HOW_OFTEN | {"cost", "discovery", "bytes_out_hour"}  # what many calls bring along
_OF_REPEATS = _HOW_OFTEN | {"bytes_out_hour"}
_ORDER = frozenset({"tool", "disorder"})
_BRINGS = ("tool", "area")
_AS_ODD = 8.0  # so much rarer than a new tool or area what it brings along may be
_OFTEN_BITS = 3.0  # of how often, and of how much in the hour, from which on a call is repeated
_MUCH_BITS = 2.5  # of how much a repeated call sends, from which on that counts as unusual
_GONE_BITS = 10.0  # of deletions, from which on what is done says more than how often
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
    Many calls cost much, so that there are many comes first, unless each of them does:

    >>> in_order([("cost", 19.0, 22.0), ("rate", 7.0, 6.9)], again=False)
    [1, 0]
    >>> in_order([(DEAR, 19.0, 22.0), ("rate", 7.0, 6.9)], again=False)
    [0, 1]
    >>> in_order([("cost", 19.0, 22.0), ("rate", 0.0, 2.0)], again=False)
    [0, 1]

    Of a call that is made again, how often or how much says more than its order:

    >>> in_order([("tool", 13.0, 12.0), ("bytes_out_hour", 8.0, 4.0)], again=True)
    [1, 0]
    >>> in_order([("tool", 13.0, 12.0), ("bytes_out_hour", 8.0, 4.0)], again=False)
    [0, 1]

    What it sends comes before how often, but in a burst of one minute:

    >>> in_order([("rate", 9.0, 8.0), ("bytes_out_day", 0.0, 3.0)], again=True)
    [1, 0]
    """
    known = {name: (rare, bits) for name, rare, bits in found}
    repeats = again and any(name in _OF_REPEATS and bits >= _OFTEN_BITS for name, _, bits in found)
    counts = [_counts_for(one, known, repeats=repeats) for one in found]
    return sorted(range(len(found)), key=lambda at: (-counts[at], -found[at][2]))


def _counts_for(one: Unusual, known: Mapping[str, tuple[float, float]], *, repeats: bool) -> float:
    """Give how rare one counts as, beside all that is `known` to be unusual."""
    name, rare, bits = one
    if repeats and name in _ORDER:
        return -1.0  # a call made again and again: of that, how often or how much says more
    if repeats and name in _HOW_MUCH and bits >= _MUCH_BITS and not _is_burst(known):
        return _rarest(known, _OF_MANY) + 2 * _AHEAD  # how often is one ahead of what they cost
    if name == "sensitivity":
        return min(rare, _brings(rare, bits, known) - _AHEAD)
    if name == "destructive" and bits >= _GONE_BITS:
        return max(rare + _TELLING_BITS, _rarest(known, _HOW_OFTEN) + _AHEAD)
    if name in _TELLING or (name == "drift" and bits >= _LEAKING):
        return rare + _TELLING_BITS
    if name in _GENERIC:
        return min(rare - _GENERIC_BITS, _MAX_GENERIC)
    if name == "discovery" and bits >= _SWEPT_BITS:
        return max(rare, _rarest(known, {"resource"}) + _AHEAD)
    if name in _HOW_OFTEN and bits >= _OFTEN_BITS:
        return max(rare, _rarest(known, {"cost"}) + _AHEAD)
    return rare


def _brings(rare: float, bits: float, known: Mapping[str, tuple[float, float]]) -> float:
    """Give how rare the new tool or area is that brings such data along, infinite without one."""
    more = [known[name][0] for name in _BRINGS if name in known and known[name][1] > bits]
    return max((one for one in more if one >= rare - _AS_ODD), default=inf)


def _is_burst(known: Mapping[str, tuple[float, float]]) -> bool:
    """Tell whether calls are many in one minute: a leak takes its time."""
    return known.get("rate_minute", (0.0, 0.0))[1] >= _OFTEN_BITS


def _rarest(known: Mapping[str, tuple[float, float]], names: AbstractSet[str]) -> float:
    """Give how rare the rarest of the names is; 0 where none is unusual."""
    return max((rare for name, (rare, _) in known.items() if name in names), default=0.0)


def says_more(found: Sequence[Unusual], *, denied: bool) -> int | None:
    """Give the place of what says more than an odd choice of a known tool, if there is any.

    That it was refused does: somebody tries what is not allowed. So does that its calls send more
    than usual, at once or for a while: a leak takes its own way out. So does what they cost. And so
    does a kind of resource that nobody of the role ever touched: somebody looks around.

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
        "bytes_out_hour": _LEAKED,
        "cost": _SPENT_BITS,
        DEAR: _SPENT_BITS,
        "outcome": _REFUSED_BITS if denied else inf,
        "resource": _NEVER_TOUCHED,
    }
    for at, (name, _, bits) in enumerate(found):
        if bits >= telling.get(name, inf):
            return at
    return None


def content_leads(result: Calibrated, carried: Sequence[str], minimum: Least | None) -> bool:
    """Tell whether content names the cause, where other features are unusual too.

    What a call carries says more of the cause than that it is odd. That nobody asked for it says
    less than in what way it is odd.

    Parameters
    ----------
    carried
        Features of content that are unusual, the one that says most first.
    minimum
        Where all that is odd about the session decides: the bits of each part of its oddest event.
    """
    carries = bool(carried) and carried[0] == "provenance"
    if minimum is not None:
        return minimum[0] >= max(minimum[1:]) + (0.0 if carries else log2(_UNASKED))
    content = result.each[CONTENT]
    rest = [p for p in result.each[CONTENT + 1 :] if p is not None]
    if content is None or not rest or not carried:
        return result.lead in (CONTENT, -1)
    return content <= (_AS_RARE if carries else 1.0 / _UNASKED) * min(rest)
