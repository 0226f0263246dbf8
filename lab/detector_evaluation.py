"""Evaluate a detector: what is found with it, and the order of sessions by its scores alone.

A registered detector counts like every other one. So judge the recording with it and without it.

Examples
--------
In a notebook::

    recorder = Recorder(MyDetector())
    register("mine", lambda: recorder)
    run = measured(files, fmt="agentlog", settings=Settings(detectors=("mine",)))
    found(run, "volume.exfil"), figures(ranked_by(run, recorder))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lab.evaluation.by_case import by_case
from lab.evaluation.judging import joined
from models.detectors.detector import Detector

if TYPE_CHECKING:
    from lab.evaluation.judged import Session
    from lab.evaluation.judging import Measured


class Recorder(Detector):
    """Wraps a detector and records its scores by agent and event."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name, self.version = detector.name, detector.version
        self.anomaly, self.title = detector.anomaly, detector.title
        self.reference = detector.reference
        self.scores: dict[tuple[str, str], float] = {}

    def score_one(self, x: dict[str, Any]) -> float | None:
        """Call the detector, and record its score."""
        score = self.detector.score_one(x)
        if score is not None:
            self.scores[x["agent"], x["id"]] = score
        return score

    def learn_one(self, x: dict[str, Any]) -> None:
        """Let the detector learn."""
        self.detector.learn_one(x)

    def explain_one(self, x: dict[str, Any]) -> str:
        """Let the detector explain."""
        return self.detector.explain_one(x)

    def dump(self) -> bytes:
        """Serialise the detector's state."""
        return self.detector.dump()

    def load(self, raw: bytes) -> None:
        """Restore the detector's state."""
        self.detector.load(raw)


def ranked_by(run: Measured, recorder: Recorder) -> list[Session]:
    """Give the judged sessions in the order of a detector's scores.

    Parameters
    ----------
    run
        A recording judged with `recorder` among the detectors.
    """
    scores = recorder.scores
    lowest = min(scores.values(), default=0.0)
    return joined(
        (
            replace(
                j,
                rank=scores.get((j.agent_id, j.event_id), lowest),
                p=None,
                pool=None,
                session_p=None,
            )
            for j in run.judged
        ),
        run.truth,
    )


def found(run: Measured, kind: str) -> dict[str, float | None]:
    """Give the share of attacks in a case of their own, and the false cases a day.

    Parameters
    ----------
    kind
        Type of attack that is given by itself; ``other attacks`` is the mean over all other types.
    """
    cases = by_case(run.sessions, run.truth.planted)
    shares = {name: row["recall_in_own_case"] for name, row in cases["types"].items()}
    mine = shares.pop(kind, None)
    others = sum(shares.values()) / len(shares) if shares else None
    return {kind: mine, "other attacks": others, "false cases a day": cases["false_per_day"]}
