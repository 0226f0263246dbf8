"""What shows over a session: its oddest categories, and sums of what is odd a little each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.watch.state import Watch

DRIFT_BITS = 1.0
MAX_STEP = 12.0
DETOUR_BITS, MAX_STRAY = 0.25, 5.0
SPARE, MAX_SPREADS = 1.0, 4.0
LOG2_E = 1.4426950408889634
MAX_SUM = 40.0  # so odd that more of it says nothing new


def begin(watch: Watch, session: int) -> None:
    """Forget what the session before has spent, reached and kept, if this is another one."""
    if watch.session != session:
        watch.spent, watch.tops, watch.kept = 0.0, {}, 0.0


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
    before = turned(watch, session)
    watch.disorder = max(0.0, min(MAX_SUM, before + min(excess, MAX_STEP) - DRIFT_BITS))
    return watch.disorder, watch.disorder > before


def turned(watch: Watch, session: int) -> float:
    """Give how far a session was out of order before this call, in bits, as `add_up` has it."""
    return watch.disorder if watch.session == session else 0.0


def stray(watch: Watch, session: int, off_task_bits: float, turned: float) -> tuple[float, bool]:
    """Add a call to the running sum of what tells of other work than was asked for, as `add_up`.

    One detour is nothing; another piece of work is several calls that nobody asked for. It often
    begins with one that the request knows, and only the order is odd: where straying begins, what
    has just turned out of order counts as well, as much as the step itself at most.

    Parameters
    ----------
    off_task_bits
        Bits of `models.provenance.argument_detector.off_task_bits`.
    turned
        How far the session was out of order before the call, in bits.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch(session=1)
    >>> [stray(watch, 1, bits, 0.0) for bits in (0.1, 7.0, 0.0)]
    [(0.0, False), (4.75, True), (4.5, False)]
    >>> stray(Watch(session=1), 1, 7.0, 2.5)
    (7.25, True)
    """
    before = watch.astray if watch.session == session else 0.0
    step = min(off_task_bits, MAX_STRAY) - DETOUR_BITS
    turn = max(0.0, min(step, turned)) if before == 0.0 else 0.0
    watch.astray = max(0.0, min(MAX_SUM, before + step + turn))
    return watch.astray, watch.astray > before


def spend(watch: Watch, spreads: float) -> float:
    """Add a call to the running sum of what its session cost beyond the usual; give its bits.

    One call may cost far more than others do; call after call that does is another thing. Of
    normal deviations such a sum exceeds ``s`` with ``exp(-2 s SPARE)``.

    Parameters
    ----------
    spreads
        Of what the call cost beyond what such calls usually do.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> [round(spend(watch, spreads), 1) for spreads in (3.0, 3.0, 0.5)]
    [5.8, 11.5, 10.1]
    """
    watch.spent = max(0.0, watch.spent + min(spreads, MAX_SPREADS) - SPARE)
    return min(MAX_SUM, 2.0 * SPARE * LOG2_E * watch.spent)


def top(watch: Watch, far: list[tuple[int, float]]) -> None:
    """Note how far features have gone beyond the usual in the session.

    Examples
    --------
    >>> from models.watch.state import Watch
    >>> watch = Watch()
    >>> top(watch, [(9, 12.0)])
    >>> top(watch, [(9, 11.0), (3, 6.0)])
    >>> watch.tops
    {3: 6.0, 9: 12.0}
    """
    if far:
        tops = watch.tops
        more = {feature: max(tops.get(feature, 0.0), excess) for feature, excess in far}
        watch.tops = dict(sorted((tops | more).items()))
