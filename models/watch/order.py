"""In which order: bits of tools after the two before them, summed up over a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.watch.state import Watch

DRIFT_BITS = 1.0
MOST_STEP = 12.0


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
    if watch.session != session:
        watch.disorder = 0.0
    watch.disorder = max(0.0, watch.disorder + min(excess, MOST_STEP) - DRIFT_BITS)
    return watch.disorder
