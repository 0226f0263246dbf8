"""Describe the evidence of an anomaly: a rule, or a rarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOSE = {
    "agent": "its own",
    "role": "its role's",
    "fleet": "the fleet's",
    "newcomers": "other newcomers'",
}
"""Reference scores of a p-value, by its pool."""

_FOUND = {
    "rule": "found by an explicit rule, not by its rarity",
    "several": "found by a sum over several events, not by the rarity of one",
}
_OFTEN = 0.1


def ground_in_words(anomaly: Mapping[str, Any]) -> str | None:
    """Describe the evidence of an anomaly.

    Parameters
    ----------
    anomaly
        The published anomaly.

    Examples
    --------
    >>> ground_in_words({"ground": "rule", "p": 0.66, "p_pool": "agent", "p_n": 1265})
    'found by an explicit rule, not by its rarity'
    >>> ground_in_words({"ground": "event", "p": 0.0003, "p_pool": "agent", "p_n": 1265})
    'as unusual as one event in 3,333, judged by its own last 1,265'
    >>> ground_in_words({"ground": "session", "p": 0.66, "session_p": 0.0025})
    'its session so far is as unusual as one session in 400'
    """
    ground = anomaly.get("ground")
    if ground in _FOUND:
        return _FOUND[ground]
    if ground == "session":
        return f"its session so far is as unusual as {_rare(anomaly['session_p'], 'session')}"
    if ground == "together":
        return f"all of its session is as unusual as {_rare(anomaly['together_p'], 'session')}"
    if anomaly.get("p") is None:
        return None
    of = f"judged by {WHOSE[anomaly['p_pool']]} last {anomaly['p_n']:,}"
    return f"as unusual as {_rare(anomaly['p'], 'event')}, {of}"


def _rare(p: float, what: str) -> str:
    return f"{p:.0%} of {what}s" if p >= _OFTEN else f"one {what} in {1 / p:,.0f}"
