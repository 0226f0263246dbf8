"""What is measured of one event beside its categories: metrics in bits, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.volume_baseline import QUANTITIES, added
from models.features.extraction import METRICS
from models.units import HOUR_US
from models.watch.counting import DAY, LENGTH_US, count
from models.watch.leaning import DAY_METRIC, add_out
from models.watch.order import add_up, spend, stray, turned
from models.watch.sizes import SIZED, beyond, lean, per_mille, usual

if TYPE_CHECKING:
    from models.baseline.online_baseline import AgentBaseline
    from models.baseline.profile import Facts
    from models.event import Event
    from models.watch.state import Watch

_DAY_AT, _DRIFT_AT, _ORDER_AT, ASTRAY = map(
    METRICS.index, (DAY_METRIC, "drift", "disorder", "astray")
)

_SLOTS = len(SIZED)  # of windows of an hour; the next one is of the day
SPENT = QUANTITIES.index("cost")

_SHIFT, _SHIFT_OF_ORDER = 6.0, 8.0  # bits; a new tool is used in an order that nobody knows
SHIFTING = {
    METRICS.index(name): _SHIFT_OF_ORDER if name in ("disorder", "astray") else _SHIFT
    for name in (
        "bytes_in_hour",
        "records_hour",
        "cost",
        "rate_minute",
        "rate",
        "rate_day",
        "failures_hour",
        "failures_day",
        "destructive",
        "discovery",
        "secret",
        "drift",
        "disorder",
        "astray",
        "memory",
        "excess",
    )
}
"""What a new version may change for good: while habits are learned anew, so many bits count for
nothing. Not of what is sent, as a leak would not either."""


class Measure(Struct, frozen=True, gc=False):
    """One metric of an event.

    Attributes
    ----------
    metric
        Index in `models.features.extraction.METRICS`.
    value
        What was observed.
    bits
        Surprise; 0 where it is not too high.
    usual
        What was expected; 0 where the level of the quantity says so.
    risen
        Whether this call raised it: what comes after something odd in the same hour or day is not
        odd for it. Else it is a reason only.
    summed
        Whether the bits are of what call after call has cost in the session, not of the hour.
    """

    metric: int
    value: float
    bits: float
    usual: float = 0.0
    risen: bool = True
    summed: bool = False


def measure(
    event: Event,
    facts: Facts,
    baseline: AgentBaseline,
    amounts: tuple[int | None, ...],
    session: int,
    order: float,
    unasked: float | None,
    mark: int,
    over: int,
    tool: int,
    time_us: int,
) -> list[Measure]:
    """Give what is unusual about how much, how often and in which order; learns no baseline.

    Parameters
    ----------
    amounts
        Of the event, in the order of `QUANTITIES`.
    session
        Ordinal of the session among the agent's.
    order
        Bits of the tool after the two before it, above the usual.
    unasked
        Bits that the tool tells of another piece of work; None without a request.
    mark
        Stands for the kind of resource; -1 for none.
    over
        Doublings by which its amounts exceed what the request states.
    tool
        Stands for the tool.
    """
    watch, found = facts.watch, []
    sums, same_hour = facts.sums, facts.hour == time_us // HOUR_US
    if time_us // HOUR_US > facts.hour:
        watch.highs[:_SLOTS] = [0.0] * _SLOTS
    for index, amount in enumerate(amounts):
        if amount is not None:
            before = sums[index] if same_hour else 0
            total, compared, expected, summed = float(added(before, amount)), 0.0, 0.0, False
            if index in SIZED:
                slot = SIZED.index(index)
                expected = usual(watch, tool, slot, amount, baseline.peer_volume)
                expected += watch.expected[slot] if same_hour else 0.0
                compared = per_mille(total, expected)
            bits = baseline.number_bits(QUANTITIES[index], compared or total)
            if index == SPENT:
                spent = spend(watch, beyond(watch, tool, amount))
                bits, summed = max(bits, spent), spent > bits
            if bits:
                risen = index not in SIZED or _risen(
                    watch, SIZED.index(index), bits, anew=not same_hour
                )
                found.append(Measure(index, total, bits, expected, risen, summed))
    sent = amounts[SIZED[0]]
    day = time_us // LENGTH_US[DAY]
    if day > watch.out_day:
        watch.highs[_SLOTS] = 0.0
    one = usual(watch, tool, 0, sent, baseline.peer_volume) if sent is not None else 0.0
    out = add_out(watch, baseline, day, sent, one)
    if out is not None:
        bits = baseline.number_bits(DAY_METRIC, per_mille(out, watch.out_expected))
        if bits:
            risen = _risen(watch, _SLOTS, bits)
            found.append(Measure(_DAY_AT, out, bits, watch.out_expected, risen))
        leaning = lean(watch, tool, sent) if sent is not None else 0.0
        if leaning:
            found.append(Measure(_DRIFT_AT, leaning, leaning))
    for metric, bits, number, normal, risen in count(watch, event, mark, over):
        found.append(Measure(metric, float(number), bits, normal, risen))
    out_of_order = turned(watch, session)
    disorder, risen = add_up(watch, session, order)
    if disorder:
        found.append(Measure(_ORDER_AT, disorder, disorder, risen=risen))
    if unasked is not None:
        astray, risen = stray(watch, session, unasked, out_of_order)
        if astray:
            found.append(Measure(ASTRAY, astray, astray, risen=risen))
    return found


def _risen(watch: Watch, slot: int, bits: float, *, anew: bool = False) -> bool:
    """Whether this call has raised the bits of a window; note the most.

    Parameters
    ----------
    anew
        The window begins with this call.
    """
    if not anew and bits <= watch.highs[slot]:
        return False
    watch.highs[slot] = bits
    return True


def in_order(found: list[Measure]) -> list[float]:
    """Give the bits of every metric that the call raised, in the order of `METRICS`."""
    bits = [0.0] * len(METRICS)
    for one in found:
        if one.risen:
            bits[one.metric] = one.bits
    return bits
