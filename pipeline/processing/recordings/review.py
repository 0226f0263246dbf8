"""Review of a trusted history: the events in it that would have raised an alert."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from msgspec import Struct

from models.event import rfc3339
from pipeline.files.named_output import create
from pipeline.publishing.outputs import replay_line

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from models.trust.policy import TrustPolicy
    from pipeline.processing.stream_types import RawRecord

MAX = 1_000
"""Number of anomalies kept, with the highest ranks; all are counted and written."""


class ReviewedAnomaly(Struct, frozen=True):
    """One anomaly of the history, described by its event with the highest rank."""

    time: str
    severity: str
    anomaly: str
    agent_id: str
    rank: float
    why: str


class Review:
    """Collects anomalies while a history is learned.

    The anomalous events are learned, too; the review shows them to the operator.

    Parameters
    ----------
    policy
        Trust policy for the trust answer of each event.
    out
        Output file with one line per event in the form of `habitus replay`; ``-`` is standard
        output, None is no output. The file is created at the first event, or by `finish`, so an
        earlier failure leaves an existing file unchanged.
    """

    def __init__(self, policy: TrustPolicy, out: str | None = None) -> None:
        self.acts = 0
        self._agents: set[str] = set()
        self._found: dict[str, ReviewedAnomaly] = {}
        self._policy = policy
        self._out = out
        self._file: BinaryIO | None = None

    def __enter__(self) -> Review:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        if self._file is sys.stdout.buffer:
            self._file.flush()
        else:
            self._file.close()

    def finish(self) -> None:
        """Create an empty file if one was requested and there was no anomaly."""
        if self._out is not None:
            self._lines(self._out)

    @property
    def agents(self) -> int:
        """Number of agents with anomalies."""
        return len(self._agents)

    def observe(self, record: RawRecord, event: Event, a: Result, agent_state: AgentState) -> None:
        """Add an event that would have raised a case; notes are skipped, as they never alert."""
        del record, event
        if a.change is None:
            return
        self.acts += 1
        self._agents.add(a.agent_id)
        if self._out is not None:
            line = replay_line(a, agent_state, self._policy)
            self._lines(self._out).write(msgspec.json.encode(line) + b"\n")
        known = self._found.get(a.key)
        if known is not None and known.rank >= a.rank:
            return
        why = a.reasons[0].why if a.reasons else ""
        time = rfc3339(a.time_us)
        self._found[a.key] = ReviewedAnomaly(
            time, a.severity or "", a.anomaly or "", a.agent_id, a.rank, why
        )
        if len(self._found) > 2 * MAX:
            self._found = dict(self._ordered()[:MAX])

    def _lines(self, out: str) -> BinaryIO:
        if self._file is None:
            self._file = sys.stdout.buffer if out == "-" else create(out)
        return self._file

    def worst(self, number: int) -> list[ReviewedAnomaly]:
        """Give the anomalies with the highest ranks, in descending order."""
        return [one for _, one in self._ordered()[:number]]

    def _ordered(self) -> list[tuple[str, ReviewedAnomaly]]:
        return sorted(self._found.items(), key=lambda item: (-item[1].rank, item[1].time, item[0]))
