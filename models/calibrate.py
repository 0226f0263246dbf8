"""From an event's statistics to one p-value, and what enters the windows afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.calibration import bin_of

if TYPE_CHECKING:
    from models.calibration import ScoreWindow
    from models.groups import View

VOLUME = 3  # place of the rarity among `models.groups.STATISTICS`


class Calibrated(Struct):
    """P-values of an event.

    Attributes
    ----------
    each
        By statistic, in the order of `models.groups.STATISTICS`; None where the event has no such
        statistic or no pool is large enough.
    p
        Of all together: the smallest times their number (Bonferroni: valid under dependence).
    lead
        The statistic with the smallest p-value, -1 while uncalibrated.
    """

    each: list[float | None]
    p: float | None = None
    lead: int = -1
    pool: str | None = None
    n: int = 0


def calibrate(
    statistics: list[float | None], windows: list[ScoreWindow], view: View, u: float, *, own: bool
) -> Calibrated:
    """Rank an event's statistics among past ones.

    The last statistic is a rarity among the peers, in bits, and mostly 0. A window of zeros cannot
    tell how its tail goes on, so p is no smaller than that rarity says.

    Parameters
    ----------
    statistics
        In the order of `models.groups.STATISTICS`; None for one the event does not have.
    windows
        The agent's own, in the same order.
    own
        Whether the agent's own pool may be used; not while it is (re)learning.
    """
    result = Calibrated([None] * len(statistics))
    tests = 0
    for index, value in enumerate(statistics):
        if value is None:
            continue
        window, pool = _pool(index, windows, view, own=own)
        if window is None:
            continue
        tests += 1
        p = window.p_value(value, u)
        if index == VOLUME:
            p = max(p, 2.0**-value)
        result.each[index] = p
        if result.p is None or p < result.p:
            result.p, result.lead, result.pool, result.n = p, index, pool, window.n
    if result.p is not None:
        result.p = min(1.0, tests * result.p)
    return result


def _pool(
    index: int, windows: list[ScoreWindow], view: View, *, own: bool
) -> tuple[ScoreWindow | None, str | None]:
    """Choose the most specific pool that is large enough."""
    least = view.groups.pool_minimum
    if own:
        window = windows[index]
        if window.n >= least:
            return window, "agent"
    window = view.group.windows[index]
    if view.name and window.n >= least:
        return window, "role"
    window = view.fleet.windows[index]
    if window.n >= least:
        return window, "fleet"
    return None, None


def take_in(
    statistics: list[float | None],
    calibrated: Calibrated,
    windows: list[ScoreWindow],
    view: View,
    gate: float,
) -> None:
    """Let an event's statistics enter the windows.

    One below the learning gate, or of an event below it, enters as at most the quantile at the
    gate: it neither raises the bar nor shrinks the window.
    """
    cells: list[tuple[int, int]] = []
    below = calibrated.p is not None and calibrated.p < gate
    for index, value in enumerate(statistics):
        if value is None:
            continue
        p = calibrated.each[index]
        entered = value
        if p is not None and (below or p < gate):
            window, _ = _pool(index, windows, view, own=True)
            if window is not None:
                entered = min(value, window.quantile(gate))
        cell = bin_of(entered)
        windows[index].add_cell(cell)
        cells.append((index, cell))
    view.groups.score(view.name, cells)
