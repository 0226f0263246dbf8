"""What is known of an event, and the interface of the ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.formats import Labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.evaluation.judged import Judgement
    from lab.evaluation.truth.planted import Planted
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

HISTORY = "baseline"
JUDGED = "eval"


class Known(Labels, frozen=True):
    """Ground truth of one event, from labels or a truth file; every field may be unknown.

    Attributes
    ----------
    case
        Planted case of the event.
    """

    case: str | None = None


class Truth(Protocol):
    """Interface of the ground truth; it also splits the recording."""

    planted: dict[str, Planted]
    unknown_labels: dict[str, int]
    """Number of records by unknown label."""

    @property
    def tasks(self) -> frozenset[tuple[str | None, str | None]]:
        """(Role, task) of the history's sessions, if tasks are known."""

    def of(self, judgement: Judgement) -> Known:
        """Give the ground truth of a judged event."""

    def split(self, *, cold: bool) -> tuple[Iterable[RawRecord], Iterable[RawRecord]]:
        """Give the history and the judged records by event time; read the history first."""

    def begun(self, progress: Progress | None, what: str) -> Progress | None:
        """Begin progress for the next `split`; return the progress for its reader."""
