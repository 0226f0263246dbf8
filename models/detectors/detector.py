"""Interface of a registered detector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

DRIFT = "behavior.drift"
"""Anomaly type of a detector that declares none."""


class Detector(ABC):
    """Scores events; its scores raise cases as those of the built-in detectors do.

    The engine turns a score into bits by its rank among past scores. The bits have a rate, a
    return period, a case and evidence against trust, as those of every other detector. So a score
    may be on any scale. Only its order counts: higher is more unusual.

    An event is a dict (`models.features.event_dict.event_dict`). Equal events must give equal
    scores: no clock, no randomness without a seed, no I/O.

    Attributes
    ----------
    name
        A word: cases show it, and state is kept under it.
    version
        Changes whenever kept state would be read in another way.
    anomaly
        Anomaly type of a case that it leads, of ``pipeline/data/anomalies.toml``.
    title
        What it finds, in a line for people; empty for its name.
    reference
        Scores of a history that its past scores begin with.

    Examples
    --------
    >>> class NewPair(Detector):
    ...     name, title = "new_pair", "A person who has not used this tool through this agent"
    ...     def __init__(self):
    ...         self.known = set()
    ...     def score_one(self, x):
    ...         return float((x["agent"], x.get("person"), x["tool"]) not in self.known)
    ...     def learn_one(self, x):
    ...         self.known.add((x["agent"], x.get("person"), x["tool"]))
    >>> detector, x = NewPair(), {"agent": "billing-7", "person": "ana", "tool": "pay"}
    >>> before = detector.score_one(x)
    >>> detector.learn_one(x)
    >>> before, detector.score_one(x)
    (1.0, 0.0)
    """

    name = ""
    version = "1"
    anomaly = DRIFT
    title = ""
    reference: list[float] = []  # noqa: RUF012  # replaced, never changed

    @abstractmethod
    def score_one(self, x: dict[str, Any]) -> float | None:
        """Score an event; None where nothing can be said. Must change nothing."""

    def learn_one(self, x: dict[str, Any]) -> None:  # noqa: B027  # some learn nothing
        """Learn an event that the engine has learned: none that it holds back."""

    def explain_one(self, x: dict[str, Any]) -> str:
        """Say in a sentence what is unusual about an event; empty for nothing to add."""
        del x
        return ""

    def dump(self) -> bytes:
        """Write the learned state, for a restart; empty for nothing."""
        return b""

    def load(self, raw: bytes) -> None:  # noqa: B027  # some have no state
        """Read what `dump` wrote; `ValueError` where it cannot be read."""
