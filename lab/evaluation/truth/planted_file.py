"""Ground truth from a file of planted cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.evaluation.truth.event_order import EventOrder
from lab.evaluation.truth.known import JUDGED, Known
from lab.evaluation.truth.planted import ATTACK, Planted, read_planted
from models.errors import ConfigError, MalformedEvent
from models.event import microseconds
from models.units import DAY_US
from pipeline.formats import event_of
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import records_of, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.evaluation.judged import Judgement
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

_ORDINARY = Known(phase=JUDGED, session_label="benign", event_label=0)


class InFile:
    """Ground truth from a file of planted cases, for recordings in order of event time.

    Parameters
    ----------
    history_days
        Number of days from the first event that are learned as history. Cases planted in them are
        learned and not measured.

    Raises
    ------
    ConfigError
        A file is missing, or a line of the truth file is invalid.
    """

    def __init__(
        self, files: Sequence[str], truth: str, wire: Format, *, history_days: int, now_us: int
    ) -> None:
        self._files, self._wire = files, wire
        self._history_us = history_days * DAY_US
        self._now_us = now_us
        self.planted: dict[str, Planted] = {}
        self.unknown_labels: dict[str, int] = {}
        for case in read_planted(truth, now_us):
            if self.planted.setdefault(case.id, case) is not case:
                raise ConfigError(f"case {case.id!r} occurs twice in {truth}")
        # An event of both a novelty and an attack belongs to the attack.
        harmless_first = sorted(self.planted.values(), key=lambda case: case.kind == ATTACK)
        self._case_of = {event: case for case in harmless_first for event in case.event_ids}
        self._progress: Progress | None = None
        self.tasks: frozenset[tuple[str | None, str | None]] = frozenset()

    def of(self, judgement: Judgement) -> Known:
        """Give the planted case of an event; other events are benign."""
        case = self._case_of.get(judgement.event_id)
        if case is None:
            return _ORDINARY
        bad = case.kind == ATTACK
        return Known(
            phase=JUDGED,
            session_label="attacked_succeeded" if bad else "benign",
            event_label=int(bad),
            attack_id=case.id if bad else None,
            case=case.id,
        )

    def begun(self, progress: Progress | None, what: str) -> Progress | None:
        """Count bytes, as the number of records of a stream is unknown before its end."""
        if progress is not None:
            progress.start(size_of(self._files), what, BYTES)
        self._progress = progress
        return None

    def split(self, *, cold: bool) -> tuple[Iterable[RawRecord], Iterable[RawRecord]]:
        """Give the first days and the later records; read the first stream to its end."""
        records = records_of(self._files, now_us=self._now_us, progress=self._progress)
        if cold or not self._history_us:
            return [], records
        waiting: list[RawRecord] = []
        return self._past(records, waiting), _rest(waiting, records)

    def _past(self, records: Iterator[RawRecord], waiting: list[RawRecord]) -> Iterator[RawRecord]:
        until_us, order = 0, EventOrder()
        for record in records:
            try:
                at_us = microseconds(event_of(record, self._wire).time)
            except MalformedEvent:
                at_us = 0  # the worker rejects it with a reason
            until_us = until_us or (at_us and at_us + self._history_us)
            if until_us and at_us >= until_us:
                waiting.append(record)
                break
            if at_us:
                order.note(at_us)
            yield record
        order.refuse()


def _rest(waiting: list[RawRecord], records: Iterator[RawRecord]) -> Iterator[RawRecord]:
    yield from waiting
    yield from records
