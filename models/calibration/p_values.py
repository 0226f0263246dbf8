"""P-values of an event's statistics, and the update of the score windows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from models.calibration.score_window import PRIOR_SCORES, Zeros, bin_of
from models.peers.group import FLEET, NEWCOMERS
from models.ranked import PEAK, SUM, VOLUME

if TYPE_CHECKING:
    from models.calibration.score_window import ScoreWindow
    from models.peers.groups import View

WEIGHTS = (1.0, 0.5, 1.0, 1.0)
"""Weights of the tests. The sum adds least to the other tests, so it weighs half."""

WIDER = 1.08
"""Factor on p-values: windows describe the past weeks, and behaviour changes."""

RARITIES = 2  # first index of a rarity among the peers, ranked in the windows of the peers


class Calibrated(Struct):
    """P-values of an event.

    Attributes
    ----------
    each
        By statistic, in the order of `models.ranked.STATISTICS`; None where the event has no such
        statistic or no pool is large enough.
    p
        P-value of the event: the smallest by its share of `WEIGHTS`, times `WIDER` (weighted
        Bonferroni: valid under dependence; Genovese et al. 2006).
    lead
        The statistic whose p-value that is, -1 while uncalibrated.
    """

    each: list[float | None]
    p: float | None = None
    lead: int = -1
    pool: str | None = None
    n: int = 0


def calibrate(
    statistics: list[float | None],
    windows: list[ScoreWindow],
    view: View,
    u: float,
    *,
    own: bool,
    new: bool = False,
) -> Calibrated:
    """Rank an event's statistics among past ones.

    The last statistic is a rarity among the peers, in bits, and mostly 0. A window of zeros has no
    tail, so p is at least the probability of that rarity.

    Parameters
    ----------
    statistics
        In the order of `models.ranked.STATISTICS`; None for one the event does not have.
    windows
        The agent's own, in the same order.
    own
        Whether the agent's own pool may be used; not while it is (re)learning.
    new
        Whether the agent is a newcomer, ranked among other newcomers. First days are more
        surprising.
    """
    result = Calibrated([None] * len(statistics))
    minimum = tests = 0.0
    for index, value in enumerate(statistics):
        if value is None:
            continue
        pools, name = _pools(index, windows, view, own=own, new=new)
        if not pools:
            continue
        tests += WEIGHTS[index]
        zeros = _zeros(index, own=own)
        p = result.each[index] = _rank(pools, value, u, zeros, new=name == NEWCOMERS)
        p /= WEIGHTS[index]
        if result.lead < 0 or p < minimum:
            minimum = p
            result.lead, result.pool, result.n = index, name, pools[-1].n
    if result.lead >= 0:
        result.p = min(1.0, WIDER * tests * minimum)
    return result


def _zeros(index: int, *, own: bool) -> Zeros:
    """Give the meaning of zeros of a statistic. A volume of 0 means no change for a known agent."""
    if index == PEAK:
        return Zeros.UNRANKED
    return Zeros.CONSTANT if index == VOLUME and own else Zeros.AS_HIGH


def _rank(
    windows: list[ScoreWindow], score: float, u: float, zeros: Zeros, *, new: bool = False
) -> float:
    """Give the share of past scores as high, backed off to more general pools.

    Parameters
    ----------
    windows
        From the most general to the most specific, at least one.
    zeros
        Meaning of zeros in the most general pool: `ScoreWindow.p_value`.
    new
        Whether the most specific pool is that of newcomers. It has a tail of its own: scores beyond
        all of the peers are less rare in first days.
    """
    window, rest = windows[-1], windows[:-1]
    if not rest:
        return window.p_value(score, u, zeros=zeros)
    general = partial(_rank, rest, u=u, zeros=zeros)
    n, p = window.n, general(score)
    own = window.p_value(score, u, zeros=zeros) if new else window.p_value(score, u, general)
    return (n * own + PRIOR_SCORES * p) / (n + PRIOR_SCORES)


def _pools(
    index: int, windows: list[ScoreWindow], view: View, *, own: bool, new: bool = False
) -> tuple[list[ScoreWindow], str | None]:
    """Give the pools that are large enough, the most specific last, and the name of that."""
    minimum = view.groups.pool_minimum
    found, name = [], None
    if view.fleet.windows[index].n >= minimum:
        found, name = [view.fleet.windows[index]], "fleet"
    if view.name and view.group.windows[index].n >= minimum:
        found, name = [*found, view.group.windows[index]], "role"
    if new and view.newcomers.windows[index].n >= minimum:
        found, name = [*found, view.newcomers.windows[index]], NEWCOMERS
    if own and windows[index].n >= minimum and (index < RARITIES or not found):
        found, name = [*found, windows[index]], "agent"
    return found, name


def add_scores(
    statistics: list[float | None],
    calibrated: Calibrated,
    windows: list[ScoreWindow],
    view: View,
    gate: float,
    *,
    uncapped: bool = False,
) -> None:
    """Add an event's statistics to the windows.

    A statistic below the learning gate enters as at most the quantile at the gate. So does one of
    an event below it. It neither raises the threshold nor shrinks the window. With `uncapped` it
    enters the windows of the peers unchanged.
    """
    cells: list[tuple[int, int]] = []
    below = calibrated.p is not None and calibrated.p < gate
    for index, value in enumerate(statistics):
        if value is None:
            continue
        p = calibrated.each[index]
        entered = value
        if p is not None and (below or p < gate):
            pools, _ = _pools(index, windows, view, own=True)
            if pools:
                entered = min(value, pools[-1].quantile(gate))
        cell = bin_of(entered)
        windows[index].add_cell(cell)
        cells.append((index, bin_of(value) if uncapped else cell))
    view.groups.score(view.name, cells)


def add_newcomer_scores(statistics: list[float | None], view: View) -> None:
    """Add the statistics of an agent's first days to the window of newcomers, unchanged.

    Only an agent of a known role counts: while everything is new, its first days say nothing about
    later newcomers. An agent without peers is ranked by its volume among the fleet, so the window
    of the fleet gets its volume. Otherwise every newcomer with an own rhythm, such as night work,
    would be anomalous at once.
    """
    group, at, name = view.group, SUM, NEWCOMERS if view.name else None
    if statistics[SUM] is None:
        group, at, name = view.fleet, VOLUME, FLEET
    if name is not None and group.windows[at].n >= view.groups.pool_minimum:
        entered = [(i, bin_of(value)) for i, value in enumerate(statistics) if value is not None]
        view.groups.score(name, entered)
