"""Describe the recovery of an agent to the next level, for all tables and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MEANING = (
    "recovers: whole clean days from now until the next level at the latest, including margin "
    "and patience."
)


def recovery_text(answer: Mapping[str, Any]) -> str:
    """Describe the next level and the clean days until it.

    Parameters
    ----------
    answer
        `level`, `gate` and `recovers` of a trust answer.

    Examples
    --------
    >>> recovers = {"to": "normal", "clean_days": 16}
    >>> recovery_text({"level": "watch", "gate": "open", "recovers": recovers})
    'normal in 16 clean days'
    >>> recovery_text({"level": "normal", "gate": "open", "recovers": None})
    'not by time alone'
    """
    if answer["gate"] == "quarantined":
        return "held until a person releases it"
    recovers = answer["recovers"]
    if recovers is None:
        return "at the top" if answer["level"] == "trusted" else "not by time alone"
    days = recovers["clean_days"]
    return f"{recovers['to']} in {days} clean {'day' if days == 1 else 'days'}"
