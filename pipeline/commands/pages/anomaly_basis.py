"""Describe the evidence of an anomaly: how rarely honest work comes as far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOSE = {"role": "its role's", "fleet": "the fleet's"}
"""Agent-days that a p-value is estimated from, by its pool."""

_OFTEN = 0.1


def basis_in_words(anomaly: Mapping[str, Any]) -> str | None:
    """Describe the evidence of an anomaly; None while nothing is known to compare with.

    Examples
    --------
    >>> basis_in_words({"p": 0.0003, "p_pool": "role", "p_n": 1265})
    "honest work comes as far on one agent-day in 3,333, judged by its role's 1,265 agent-days"
    >>> basis_in_words({"p": 0.4, "p_pool": "fleet", "p_n": 812, "session_p": 0.002})
    "honest work comes as far on 40% of agent-days, judged by the fleet's 812 agent-days; values \
and tools of its session come as far in one session in 500"
    """
    if is_of_before(anomaly):
        return "judged by an earlier version"
    p, session_p = anomaly.get("p"), anomaly.get("session_p")
    if p is None:
        return None
    of = f"judged by {WHOSE[anomaly['p_pool']]} {anomaly['p_n']:,} agent-days"
    content = ""
    if session_p is not None and session_p < _OFTEN:
        content = "; values and tools of its session come as far in one session in "
        content += f"{1 / session_p:,.0f}"
    return f"honest work comes as far on {_rare(p)}, {of}{content}"


def is_of_before(anomaly: Mapping[str, Any]) -> bool:
    """Return whether the judge before 0.3 found an anomaly: its rank and its p mean other things.

    >>> is_of_before({"ground": "rule", "p": 0.66}), is_of_before({"p": 0.66})
    (True, False)
    """
    return "ground" in anomaly


def _rare(p: float) -> str:
    return f"{p:.0%} of agent-days" if p >= _OFTEN else f"one agent-day in {1 / p:,.0f}"
