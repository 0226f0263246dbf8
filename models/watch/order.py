"""What shows over a session: tools in an odd order, tools that its request does not call for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.watch.state import Watch

DRIFT_BITS = 1.0
MOST_STEP = 12.0
ASKED_BITS = 2.0
MOST_SUM = 40.0  # so odd that more of it says nothing new


def add_up(watch: Watch, session: int, excess: float) -> tuple[float, bool]:
    """Add a call to the running sum of its session; give the sum, in bits, and whether it rose.

    Page's one-sided sum: an ordinary call lowers it by `DRIFT_BITS`, an odd one raises it, so that
    several slightly odd steps count together.

    Parameters
    ----------
    session
        Ordinal of the session among the agent's.
    excess
        Bits of the tool after the two before it, above what is ordinary for the agent.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch(session=1)
    >>> [add_up(watch, 1, excess) for excess in (0.5, 6.0, 0.0)]
    [(0.0, False), (5.0, True), (4.0, False)]
    """
    before = watch.disorder if watch.session == session else 0.0
    watch.disorder = _summed(before, excess, DRIFT_BITS)
    return watch.disorder, watch.disorder > before


def stray(watch: Watch, session: int, intent: float) -> tuple[float, bool]:
    """Add a call to the running sum of what its session's request does not call for, as `add_up`.

    One detour is nothing; another piece of work is several calls that nobody asked for.

    Parameters
    ----------
    intent
        Bits of the tool given the request.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch(session=1)
    >>> [stray(watch, 1, bits) for bits in (0.5, 6.0, 1.0)]
    [(0.0, False), (4.0, True), (3.0, False)]
    """
    before = watch.astray if watch.session == session else 0.0
    watch.astray = _summed(before, intent, ASKED_BITS)
    return watch.astray, watch.astray > before


def _summed(before: float, bits: float, usual: float) -> float:
    return max(0.0, min(MOST_SUM, before + min(bits, MOST_STEP) - usual))
