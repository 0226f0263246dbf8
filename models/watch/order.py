"""What shows over a session: tools in an odd order, tools that its request does not call for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.watch.state import Watch

DRIFT_BITS = 1.0
MOST_STEP = 12.0
ASKED_BITS = 2.0


def add_up(watch: Watch, session: int, excess: float) -> float:
    """Add a call to the running sum of its session; give the sum, in bits.

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
    >>> [add_up(watch, 1, excess) for excess in (0.5, 6.0, 5.0)]
    [0.0, 5.0, 9.0]
    """
    before = watch.disorder if watch.session == session else 0.0
    watch.disorder = _summed(before, excess, DRIFT_BITS)
    return watch.disorder


def stray(watch: Watch, session: int, intent: float) -> float:
    """Add a call to the running sum of what its session's request does not call for, in bits.

    One detour is nothing; another piece of work is several calls that nobody asked for.

    Parameters
    ----------
    intent
        Bits of the tool given the request.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch(session=1)
    >>> [stray(watch, 1, bits) for bits in (0.5, 6.0, 5.0)]
    [0.0, 4.0, 7.0]
    """
    before = watch.astray if watch.session == session else 0.0
    watch.astray = _summed(before, intent, ASKED_BITS)
    return watch.astray


def _summed(before: float, bits: float, usual: float) -> float:
    return max(0.0, before + min(bits, MOST_STEP) - usual)
