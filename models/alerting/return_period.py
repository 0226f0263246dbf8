"""Return period: once in how many days the fleet sees something as rare, if all is well."""

from __future__ import annotations

from math import log2


def return_period_bits(rarity: float, agents: float) -> float:
    """Give ``log2`` of the return period in days, ``R = 1 / (A * rate)``.

    Parameters
    ----------
    rarity
        ``-log2`` of the agent-days on which honest work comes as far.
    agents
        Agents active on a day.

    Examples
    --------
    >>> return_period_bits(10.0, 64.0)
    4.0
    """
    return rarity - log2(max(agents, 1.0))


def is_case(bits: float, cases_per_day: float) -> bool:
    """Tell whether a return period is worth a case: at most so many false cases a day.

    >>> is_case(0.0, 5.0), is_case(-3.0, 5.0)
    (True, False)
    """
    return bits >= -log2(cases_per_day)
