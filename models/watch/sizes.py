"""What a call usually takes, by tool: an hour is held against what its own calls usually take."""

from __future__ import annotations

from math import expm1, sqrt
from typing import TYPE_CHECKING

from models.baseline.volume_baseline import QUANTITIES, squash

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.volume_baseline import VolumeBaseline
    from models.watch.state import Watch

SIZED = (QUANTITIES.index("bytes_out_hour"), QUANTITIES.index("cost"))
"""Quantities that are compared in this way; the others are sums of the hour as they are."""

PER_MILLE = 1_000.0
"""As usual, in the numbers that the levels of these quantities learn."""

_ANY, _LAST = -1, len(SIZED) - 1
_MAX_TOOLS = 32
_KNOWN, _SETTLED = 5, 20  # calls from which on a tool's size is known; cannot be pulled any more
_MAX_CALLS = 400.0
_TOLD = frozenset({5.0, 20.0, 80.0, 320.0})  # calls at which an agent tells its peers
_MIN_PEERS = 3  # tellings from which on peers know what calls of a tool take
_APART, _MIN_APART = 2.0, 0.5  # spreads of the peers that an agent may lie above them; and these
_SILENT = 60.0  # calls without sending from which on it is odd that a tool sends
_TAKEN_UP = 0.25  # share of such a tool's calls from which on it is one that sends
_MAX_STEP = 1.0
_ROW = 2 * len(SIZED) + 2  # calls and mean of each; then deviation and running sum of the first,
# or of any tool the deviation of the last
_DEVIATION, _LEANING = _ROW - 2, _ROW - 1
_SPREAD = 1.25  # of a normal distribution, in mean absolute deviations
_MIN_SPREAD = 0.2
_SLACK, _MAX_LEAN = 0.25, 3.0


def usual(
    watch: Watch,
    tool: int,
    slot: int,
    amount: int,
    peers: Callable[[str], VolumeBaseline | None] | None = None,
) -> float:
    """Give what such a call usually takes; the amount itself where nothing is known.

    Of a tool that the agent hardly knows, what calls of its peers take at most; nothing is made of
    an amount that an agent is the first to report.

    Parameters
    ----------
    tool
        Stands for the tool.
    slot
        Place of the quantity in `SIZED`.
    peers
        From a name (`size_name`) to the peers' level.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> for _ in range(30):
    ...     learn(watch, 7, 0, 500)
    >>> round(usual(watch, 7, 0, 90_000)), round(usual(Watch(), 7, 0, 90_000))
    (500, 90000)
    """
    for mark, minimum in ((tool, _KNOWN), (_ANY, _SETTLED)):
        if mark == _ANY and not slot:  # what is sent depends on the tool alone
            break
        row = watch.sizes.get(mark)
        if row is not None and row[2 * slot] >= minimum:
            return max(1.0, expm1(row[2 * slot + 1]))
    if not slot and row is not None and row[0] <= -_SETTLED:
        return max(1.0, expm1(watch.sizes[_ANY][1]) / (1.0 - row[0]))
    level = peers(size_name(slot, tool)) if peers is not None else None
    if level is not None and level.n >= _MIN_PEERS:
        return max(1.0, expm1(level.mean + _APART * max(_MIN_APART, sqrt(level.variance))))
    return float(max(1, amount))


def size_name(slot: int, tool: int) -> str:
    """Name the level of what calls of a tool take.

    >>> size_name(0, 4711)
    'bytes_out_hour:4711'
    """
    return f"{QUANTITIES[SIZED[slot]]}:{tool}"


def telling(watch: Watch, tool: int, slot: int) -> float | None:
    """Give what calls of a tool take where peers are to be told of it, else None.

    Seldom: what they know is made of many agents' usual amounts, not of one agent's many calls.
    """
    row = watch.sizes.get(tool)
    return expm1(row[2 * slot + 1]) if row is not None and row[2 * slot] in _TOLD else None


def learn(watch: Watch, tool: int, slot: int, amount: int) -> None:
    """Take in a call; one far off counts as moderately so, and the later the less."""
    x, sizes = squash(float(amount)), watch.sizes
    for mark in (tool, _ANY):
        row = sizes.get(mark)
        if row is None:
            if len(sizes) > _MAX_TOOLS:
                continue
            row = sizes[mark] = [0.0] * _ROW
        if not slot and row[0] <= -_SILENT:
            _note_silent(row, x)
            if row[1] < _TAKEN_UP:
                continue
            row[_LEANING] = 0.0
        n = row[2 * slot] = min(max(0.0, row[2 * slot]) + 1.0, _MAX_CALLS)
        step = x - row[2 * slot + 1]
        if n > _SETTLED:
            step = max(-_MAX_STEP, min(_MAX_STEP, step))
        row[2 * slot + 1] += step / n
        if slot == (_LAST if mark == _ANY else 0):
            row[_DEVIATION] += (abs(step) - row[_DEVIATION]) / n


def send_nothing(watch: Watch, tool: int) -> None:
    """Take in a call that sent nothing, of an agent of whose calls it is known what they send.

    Calls of a tool that never sent anything are counted below zero: such a call can be expected to
    send what others do, over the calls without.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> for _ in range(99):
    ...     learn(watch, 7, 0, 5_000)
    ...     send_nothing(watch, 8)
    >>> round(usual(watch, 7, 0, 9_000)), round(usual(watch, 8, 0, 9_000))
    (5000, 52)
    """
    sizes = watch.sizes
    if _ANY not in sizes or sizes[_ANY][0] < _KNOWN:
        return
    row = sizes.get(tool)
    if row is None:
        if len(sizes) > _MAX_TOOLS:
            return
        row = sizes[tool] = [0.0] * _ROW
    if row[0] <= -_SILENT:
        row[_LEANING] = _leaned(row, 0.0)
        _note_silent(row, 0.0)
    elif row[0] <= 0.0:
        row[0] -= 1.0


def _note_silent(row: list[float], x: float) -> None:
    """Take in a call of a tool that never sent anything, or had not until lately."""
    n = min(1.0 - row[0], _MAX_CALLS)
    step = max(-_MAX_STEP, min(_MAX_STEP, x - row[1]))
    row[0] = -n
    row[1] += step / n
    row[_DEVIATION] += (abs(step) - row[_DEVIATION]) / n


def unsettle(watch: Watch, factor: float) -> None:
    """Let what is usual be learned faster for a while: a new version may send other amounts."""
    for row in watch.sizes.values():
        for slot in range(len(SIZED)):
            calls = row[2 * slot]
            row[2 * slot] = max(min(calls, float(_KNOWN)), calls * factor)
        row[_LEANING] = 0.0


def beyond(watch: Watch, tool: int, amount: int) -> float:
    """Give how far beyond the usual a call went in what it cost, in spreads of the agent's calls.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> for cost in (400, 500, 600) * 20:
    ...     learn(watch, 7, 1, cost)
    >>> [round(beyond(watch, 7, cost)) for cost in (500, 5000)]
    [0, 7]
    """
    row = watch.sizes.get(_ANY)
    if row is None or row[2 * _LAST] < _SETTLED:
        return 0.0
    return (squash(float(amount)) - squash(usual(watch, tool, _LAST, amount))) / _spread(row)


def lean(watch: Watch, tool: int, amount: int) -> float:
    """Add a call to the running sum of how far its tool's calls send more than usual; give it.

    Page's one-sided sum, in spreads of the tool's own calls: a little more each time adds up, day
    after day, whatever else the agent sends. So does anything that a tool sends which never did.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> for size in (400, 500, 600) * 20:
    ...     learn(watch, 7, 0, size)
    >>> [round(lean(watch, 7, size), 1) for size in (400, 900, 900)]
    [0.0, 1.7, 3.4]
    """
    watch.leak = 0.0
    row = watch.sizes.get(tool)
    if row is None or -_SILENT < row[0] < _SETTLED:
        return 0.0
    watch.leak = row[_LEANING] = _leaned(row, squash(float(amount)))
    return row[_LEANING]


def _leaned(row: list[float], x: float) -> float:
    z = (x - row[1]) / _spread(row)
    return max(0.0, row[_LEANING] + max(-_MAX_LEAN, min(_MAX_LEAN, z)) - _SLACK)


def _spread(row: list[float]) -> float:
    return max(_MIN_SPREAD, _SPREAD * row[_DEVIATION])


def calm(watch: Watch, tool: int) -> None:
    """Begin a tool's running sum anew: its alarm was given, or it is expected to change."""
    row = watch.sizes.get(tool)
    if row is not None:
        row[_LEANING] = 0.0


def per_mille(total: float, expected: float) -> float:
    """Give a sum in thousandths of what was expected of it."""
    return PER_MILLE * total / max(1.0, expected)
