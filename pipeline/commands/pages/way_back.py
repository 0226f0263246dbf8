"""How an agent gets back to the next level, in the words of every table and of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MEANING = (
    "recovers: whole days of clean work, counted from now, until the next level at the latest; "
    "margin and patience included."
)


def way_back(answer: Mapping[str, Any]) -> str:
    """Say which level an agent reaches after how many clean days.

    Parameters
    ----------
    answer
        `level`, `gate` and `recovers` of a trust answer.

    Examples
    --------
    >>> way_back({"level": "watch", "gate": "open", "recovers": {"to": "normal", "clean_days": 16}})
    'normal in 16 clean days'
    >>> way_back({"level": "normal", "gate": "open", "recovers": None})
    'not by time alone'
    """
    if answer["gate"] == "quarantined":
        return "held until a person releases it"
    recovers = answer["recovers"]
    if recovers is None:
        return "at the top" if answer["level"] == "trusted" else "not by time alone"
    days = recovers["clean_days"]
    return f"{recovers['to']} in {days} clean {'day' if days == 1 else 'days'}"
