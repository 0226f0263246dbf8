"""Notice that an agent's habits as a whole have changed: river's ADWIN over its days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from river import drift

if TYPE_CHECKING:
    from models.profile import Facts

_MOST_DAYS = 60
_DELTA = 0.002


def close_day(facts: Facts, time_us: int) -> None:
    """Take in the mean bits of the events learned on a day that is over.

    River's drift detector (Bifet and Gavalda 2007) sees one number a day, not one an event, and is
    given the remembered days anew each time: what it keeps is what it was fed, so nothing of it
    needs to be stored. Where it cuts, the days before the cut are forgotten.

    Parameters
    ----------
    time_us
        Event time of the first event of the next day, noted where a change is found.

    Examples
    --------
    >>> from models.profile import Facts
    >>> facts = Facts("billing-7", "delegated")
    >>> for day in range(40):
    ...     facts.day_learned, facts.day_bits = 10, 20.0 if day < 20 else 200.0
    ...     close_day(facts, day)
    >>> facts.drifted_us >= 20, facts.daily[-1]
    (True, 20.0)
    """
    if not facts.day_learned:
        return
    facts.daily.append(facts.day_bits / facts.day_learned)
    facts.day_bits, facts.day_learned = 0.0, 0
    del facts.daily[:-_MOST_DAYS]
    width = alike(facts.daily)
    if width < len(facts.daily):
        facts.drifted_us = time_us
        del facts.daily[: len(facts.daily) - width]


def alike(daily: list[float]) -> int:
    """Give how many of the last days belong together: all, or those after river's last cut.

    >>> alike([20.0] * 20), alike([20.0] * 20 + [200.0] * 20) < 40
    (20, True)
    """
    watch = drift.ADWIN(delta=_DELTA, clock=1)
    for mean in daily:
        watch.update(mean)
    return int(watch.width)
