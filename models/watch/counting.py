"""How often: counts per minute, hour and day against gamma-Poisson predictions (science 3)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from models.features.extraction import METRICS
from models.units import DAY_US, HOUR_US, MINUTE_US
from models.watch.haste import pass_by as pass_by_haste
from models.watch.tail import upper_bits
from models.watch.week import due, pass_by, spread

if TYPE_CHECKING:
    from models.event import Event
    from models.watch.state import Watch

MINUTE, HOUR, DAY = range(3)
LENGTH_US = (MINUTE_US, HOUR_US, DAY_US)
HALF_LIFE = (10_080.0, 720.0, 30.0)  # in windows: a week of minutes, a month of hours and of days
PRIOR = 1.0  # one window with one act
EVEN = 1e9  # shape of counts that vary as little as chance makes them
MIN_SHAPE = 0.25
MIN_OF_QUIET = 1e-9  # shape of hours in which nothing was done for years
MAX_BITS = 250.0
MAX_SEEN = 96
RISE_BITS = 2  # more than when it was last looked at: else each act of a busy hour is odd again
MIN_SEEN = (0.0, 12.0, 3.0)  # windows of each kind from which on anything is unusual
TOGETHER = 3.0  # acts of a kind that comes seldom come together, as long as none came
UNSURE = 1.0  # how uneven counts are before there are windows to tell, fading with their square
_FADE = tuple(2.0 ** (-1 / half) for half in HALF_LIFE)
_SECRET = re.compile(r"secret|vault|credential|passw|api.?key|private.?key|root.?key|\bkms\b|token")

RATE_MINUTE, RATE, RATE_DAY, FAILED, FAILED_DAY, DESTROYED, FOUND, SECRET, REMEMBERED, EXCESS = (
    range(10)
)
COUNTED = (
    ("rate_minute", MINUTE), ("rate", HOUR), ("rate_day", DAY), ("failures_hour", HOUR),
    ("failures_day", DAY), ("destructive", HOUR), ("discovery", HOUR), ("secret", HOUR),
    ("memory", HOUR), ("excess", HOUR),
)  # fmt: skip
"""What is counted, by which metric it is known, and over which window."""

REMEMBERING = ("write", "delete", "admin")
"""What changes a memory."""

METRIC_OF = tuple(METRICS.index(name) for name, _ in COUNTED)
_FEW, _TIMES = 3.0, 2.0  # windows with a burst from which on so many times its size is usual
_EVERY = (RATE_MINUTE, RATE, RATE_DAY)
_IN_BURSTS = (FAILED, FAILED_DAY, DESTROYED, SECRET, REMEMBERED, EXCESS)


def surprise(count: int, rate: float, weight: float, shape: float = EVEN) -> float:
    """Bits of so many acts in one window: ``-log2`` of a mid-p negative binomial tail.

    Parameters
    ----------
    count
        Of the open window; it can only grow, so a burst shows before the window closes.
    rate, weight
        Faded acts and faded windows of the past.
    shape
        Of the gamma distribution from which the rates of windows come, at most: `shape_of`.

    Returns
    -------
    float
        0 (nothing unusual) .. `MAX_BITS`; only too many are unusual.

    Examples
    --------
    >>> surprise(10, 4000.0, 400.0) < 2 < 20 < surprise(60, 4000.0, 400.0)
    True
    """
    a, b = rate + PRIOR, weight + PRIOR
    mean = a / b
    above = count - mean
    if a > shape:
        a, b = shape, shape / mean
    if above <= 1.0 or above * above <= 4.0 * (mean + mean / b):
        return 0.0
    return min(MAX_BITS, upper_bits(count, a, 1.0 / (b + 1.0)))


def shape_of(rate: float, squares: float, weight: float) -> float:
    """Shape of the gamma distribution from which an agent's rates come, by their moments.

    Work comes in sessions, and days are busy or not: counts that vary more than chance alone lets
    them are held against that. Of a few windows nobody can tell: then they may be uneven.

    Examples
    --------
    >>> round(shape_of(1000.0, 9000.0, 100.0)), round(shape_of(100.0, 400.0, 100.0), 2)
    (10201, 0.33)
    >>> shape_of(10.0, 90.0, 1.0)
    4.0
    """
    unsure = UNSURE / ((weight + PRIOR) * (weight + PRIOR))
    square = rate * rate  # 0 after a silence of decades, before the rate itself is
    more = squares * weight / square - 1.0 if square else 0.0
    return max(MIN_SHAPE, 1.0 / (max(0.0, more) + unsure))


def shape_in_bursts(rate: float, squares: float, weight: float) -> float:
    """Shape for acts that are rare and come in bursts: most windows have none.

    As if one window more had been seen, with `TOGETHER` acts: who never did a thing does it more
    than once when it comes to it.

    Examples
    --------
    >>> shape = shape_in_bursts(0.0, 0.0, 700.0)
    >>> round(surprise(4, 0.0, 700.0)), round(surprise(4, 0.0, 700.0, shape))
    (39, 16)
    """
    pairs = squares + TOGETHER * (TOGETHER - 1.0)
    acts = rate + TOGETHER
    more = pairs * (weight + PRIOR) / (acts * acts) - 1.0
    return 1.0 / max(more, 1.0 / EVEN)


_SHAPES = tuple(
    shape_in_bursts if index in _IN_BURSTS else shape_of for index in range(len(COUNTED))
)


def close(watch: Watch, time_us: int, *, whole: bool) -> int:
    """Learn windows that are over; empty ones between them are observations of zero.

    Parameters
    ----------
    whole
        Take counts as they are; otherwise one far above what was expected counts only as that.

    Returns
    -------
    int
        The longest kind of window that began anew, -1 for none.
    """
    windows, begun = watch.windows, -1
    for kind in (MINUTE, HOUR, DAY):
        window = time_us // LENGTH_US[kind]
        if window <= windows[kind]:
            if kind == MINUTE:  # an hour does not end within a minute
                return begun
            continue
        if windows[kind] >= 0:
            # Work comes in sessions: among all minutes the count is so uneven that every session
            # would be a burst, so minutes are compared with minutes in which the agent acted.
            passed = 1 if kind == MINUTE else window - windows[kind]
            if kind == HOUR:
                _end_hour(watch, window, whole=whole)
            elif kind == MINUTE:
                watch.hasty = pass_by_haste(watch.hasty, windows[kind], window)
            _learn(watch, kind, passed, whole=whole)
        windows[kind], begun = window, kind
    return begun


def _learn(watch: Watch, kind: int, passed: int, *, whole: bool) -> None:
    fade = _FADE[kind]
    empty = fade ** (passed - 1)
    weight, counts, rates = watch.weights[kind], watch.counts, watch.rates
    squares = watch.squares
    for index, (_, window) in enumerate(COUNTED):
        if window == kind:
            count = float(counts[index])
            if not whole:
                mean = (rates[index] + PRIOR) / (weight + PRIOR)
                count = min(count, 4.0 * mean + 4.0)
            rates[index] = (rates[index] * fade + count) * empty
            squares[index] = (squares[index] * fade + count * max(0.0, count - 1.0)) * empty
            counts[index] = 0
            watch.peaks[index] = 0
    watch.weights[kind] = (weight * fade + 1.0) * empty + (1.0 - empty) / (1.0 - fade)
    if kind == HOUR:
        watch.seen = []


def _end_hour(watch: Watch, hour: int, *, whole: bool) -> None:
    """Learn which hour of the week is over, as another begins."""
    acts = float(watch.counts[RATE])
    if not whole:
        known, windows, _ = expected(watch)
        acts = min(acts, 4.0 * (known + PRIOR) / (windows + PRIOR) + 4.0)
    watch.week = pass_by(watch.week, watch.windows[HOUR], acts, hour)


def expected(watch: Watch) -> tuple[float, float, float]:
    """Say what is known of the open hour: of a quiet one by what such hours bring.

    Hours in which at least half is done of what any hour brings are held against all: work that is
    late is done when it can be.

    Returns
    -------
    tuple of float
        Acts and windows that are remembered, and the shape.
    """
    rate, weight, squares = watch.rates[RATE], watch.weights[HOUR], watch.squares[RATE]
    any_hour = rate, weight, shape_of(rate, squares, weight)
    if not watch.week:
        return any_hour
    acts, windows = due(watch.week, watch.windows[HOUR], rate / weight)
    if 2.0 * acts * weight >= rate * windows:
        return any_hour
    uneven = spread(watch.week, rate / weight, squares / weight)
    if uneven is None:
        return any_hour
    unsure = UNSURE / ((windows + PRIOR) * (windows + PRIOR))
    return acts, windows, max(MIN_OF_QUIET, 1.0 / (uneven * windows / acts + unsure))


def count(
    watch: Watch, event: Event, mark: int, over: int = 0
) -> list[tuple[int, float, int, float, bool]]:
    """Count an act in the open windows, and say what is unusual about the counts.

    Parameters
    ----------
    mark
        Stands for the kind of resource; -1 for none.
    over
        Doublings by which its amounts exceed what the request states.

    Returns
    -------
    list of (int, float, int, float, bool)
        Metric, bits, count, what was expected, and whether bits rose by `RISE_BITS` since the count
        was last looked at closely, where bits are above 0.
    """
    counts = watch.counts
    touched: tuple[int, ...] = _EVERY
    for index in _EVERY:
        counts[index] += 1
    if event.outcome in ("denied", "error"):
        counts[FAILED] += 1
        counts[FAILED_DAY] += 1
        touched = (*touched, FAILED, FAILED_DAY)
    if event.operation == "delete":
        counts[DESTROYED] += 1
        touched = (*touched, DESTROYED)
    if mark >= 0 and mark not in watch.seen and len(watch.seen) < MAX_SEEN:
        watch.seen.append(mark)
        counts[FOUND] += 1
        touched = (*touched, FOUND)
    resource = event.resource
    if secret(event.tool, resource.id if resource is not None else ""):
        counts[SECRET] += 1
        touched = (*touched, SECRET)
    if event.operation in REMEMBERING and remembers(event):
        counts[REMEMBERED] += 1
        touched = (*touched, REMEMBERED)
    if over:
        counts[EXCESS] += over
        touched = (*touched, EXCESS)
    found = []
    rates, weights, squares, peaks = watch.rates, watch.weights, watch.squares, watch.peaks
    for index in touched:
        kind = COUNTED[index][1]
        rate, weight = rates[index], weights[kind]
        if weight < MIN_SEEN[kind]:
            continue
        if index == RATE:
            rate, weight, shape = expected(watch)
        else:
            shape = _SHAPES[index](rate, squares[index], weight)
        if index == EXCESS and _is_usual(counts[index], rate, squares[index]):
            continue
        bits = surprise(counts[index], rate, weight, shape)
        if bits:
            usual = (rate + PRIOR) / (weight + PRIOR)
            risen = bits >= peaks[index] + RISE_BITS
            if risen:
                peaks[index] = int(bits)
            found.append((METRIC_OF[index], bits, counts[index], usual, risen))
    return found


def _is_usual(count: int, rate: float, squares: float) -> bool:
    """Whether acts come in bursts of about this size, and did in a few windows."""
    size = squares / rate + 1.0 if rate else 0.0
    return size > 0.0 and rate >= _FEW * size and count <= _TIMES * size


def remembers(event: Event) -> bool:
    """Tell whether an event is about the agent's own memory."""
    place = event.resource.id.lower() if event.resource is not None else ""
    return event.tool.lower().startswith("memory.") or place.startswith("memory/")


@lru_cache(maxsize=20_000)
def secret(tool: str, resource: str) -> bool:
    """Whether a tool or a resource names secrets.

    >>> secret("vault.read", "kv/db"), secret("crm.read", "customers/7")
    (True, False)
    """
    return _SECRET.search(f"{tool} {resource}".lower()) is not None
