"""Evaluate a detector: its order of sessions, alone and combined with the product's.

Examples
--------
In a notebook::

    recorder = Recorder(MyDetector())
    register("mine", lambda: recorder)
    run = measured(files, fmt="agentlog", settings=Settings(detectors=("mine",)))
    figures(ranked_by(run, recorder)), figures(ranked_by(run, recorder, weight=1.0))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lab.evaluation.judging import joined
from models.detectors.detector import Detector

if TYPE_CHECKING:
    from lab.evaluation.judged import Session
    from lab.evaluation.judging import Measured
    from models.detectors.detector import Act
    from models.result import Reason


class Recorder(Detector):
    """Wraps a detector and records its bits by agent and event."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name, self.version = detector.name, detector.version
        self.bits: dict[tuple[str, str], float] = {}

    def judge(self, act: Act) -> Reason | None:
        """Call the detector, and record its bits."""
        opinion = self.detector.judge(act)
        if opinion is not None:
            self.bits[act.result.agent_id, act.result.event_id] = opinion.bits
        return opinion

    def learn(self, act: Act) -> None:
        """Let the detector learn."""
        self.detector.learn(act)

    def dump(self) -> bytes:
        """Serialise the detector's state."""
        return self.detector.dump()

    def load(self, raw: bytes) -> None:
        """Restore the detector's state."""
        self.detector.load(raw)


def ranked_by(run: Measured, recorder: Recorder, *, weight: float = 0.0) -> list[Session]:
    """Give the judged sessions in the order of a detector's bits.

    Parameters
    ----------
    run
        A recording judged with `recorder` among the detectors.
    weight
        Weight of the product's rank: 0 ranks by the detector alone, 1 by the sum of both.
    """
    bits = recorder.bits
    return joined(
        (
            replace(
                j,
                rank=weight * j.rank + bits.get((j.agent_id, j.event_id), 0.0),
                p=None,
                pool=None,
                session_p=None,
            )
            for j in run.judged
        ),
        run.truth,
    )
