"""Any anomaly estimator of river as a registered detector."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Protocol

from river.anomaly import HalfSpaceTrees
from river.base import AnomalyDetector

from models.detectors.detector import DRIFT, Detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FIRST_EVENTS = 500
"""Events that are learned before anything is said: estimators score their first ones at random."""


class Estimator(Protocol):
    """What is used of an estimator: river's anomaly detectors, and pipelines that end in one."""

    def score_one(self, x: dict[Any, Any]) -> float:
        """Score features; higher is more unusual."""

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn features."""


class RiverDetector(Detector, AnomalyDetector):
    """Asks an estimator of river about some features of each event; is one itself.

    Parameters
    ----------
    name
        Name of the detector.
    estimator
        Learns from all agents together; its seed must be set.
    features
        Names of numbers of an event, where 0 is an unknown one; or what makes features of
        an event.
    first_events
        Events that are learned before anything is said.
    anomaly, title, version
        As of every detector.

    Examples
    --------
    >>> from river.anomaly import HalfSpaceTrees
    >>> squashed = lambda x: {"calls": x["session_calls"] / (x["session_calls"] + 20.0)}
    >>> trees = HalfSpaceTrees(n_trees=5, height=6, window_size=50, seed=7)
    >>> detector = RiverDetector("trees", trees, squashed, first_events=100)
    >>> for number in range(200):
    ...     detector.learn_one({"session_calls": 1.0 + number % 9})
    >>> [round(detector.score_one({"session_calls": calls}), 2) for calls in (5.0, 500.0)]
    [0.81, 0.99]

    Notes
    -----
    The state is a pickle, whose loading runs code. A store gives it back only if its keyed digest
    holds.
    """

    def __init__(
        self,
        name: str,
        estimator: Estimator,
        features: Sequence[str] | Callable[[dict[str, Any]], dict[str, float]],
        *,
        first_events: int = FIRST_EVENTS,
        anomaly: str = DRIFT,
        title: str = "",
        version: str = "1",
    ) -> None:
        self.name, self.version, self.anomaly, self.title = name, version, anomaly, title
        self.estimator = estimator
        self.features = features
        self.first_events = first_events
        self.learned = 0

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        trees = HalfSpaceTrees(n_trees=5, height=6, window_size=50, seed=7)
        yield {"name": "trees", "estimator": trees, "features": ("bytes_out", "duration")}

    def _features(self, x: dict[str, Any]) -> dict[str, float]:
        if callable(self.features):
            return self.features(x)
        return {name: float(x.get(name) or 0.0) for name in self.features}

    def score_one(self, x: dict[Any, Any]) -> float | None:  # type: ignore[override]  # None early
        """Score the features of an event; None for the first events."""
        if self.learned < self.first_events:
            return None
        return self.estimator.score_one(self._features(x))

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Learn the features of an event."""
        self.learned += 1
        self.estimator.learn_one(self._features(x))

    def dump(self) -> bytes:
        """Write the estimator."""
        return pickle.dumps((self.learned, self.estimator))

    def load(self, raw: bytes) -> None:
        """Read what `dump` wrote; call only with bytes whose keyed digest holds."""
        self.learned, self.estimator = pickle.loads(raw)  # noqa: S301  # its digest holds
