"""Ground truth from labels in the records of the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from lab.evaluation.judged import SESSION_LABELS
from lab.evaluation.truth.known import HISTORY, JUDGED, Known
from models.errors import ConfigError, MalformedEvent
from pipeline.formats import FORMATS, Labels, format_named
from pipeline.processing.recordings.judge import in_order
from pipeline.sources.recordings import nothing_in
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.evaluation.judged import Judgement
    from lab.evaluation.truth.planted import Planted
    from models.event import Event
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

_MAX_UNKNOWN = 20
_EXPECTED = {
    "phase": (HISTORY, JUDGED),
    "session_label": SESSION_LABELS,
    "event_label": (0, 1),
}
_UNKNOWN = Known()


@runtime_checkable
class Labelled(Protocol):
    """A format that also gives labels."""

    def normalise(self, value: bytes) -> Event:
        """Make an event of one record, without its labels."""

    def labels(self, value: bytes) -> Labels:
        """Read the labels of one record."""


class InLabels:
    """Ground truth from labels in the records.

    Parameters
    ----------
    fmt
        A format with labels.

    Raises
    ------
    ConfigError
        A file is missing, the format has no labels, or no event is labelled ``eval``.
    """

    def __init__(self, files: Sequence[str], fmt: str, *, now_us: int) -> None:
        self._wire = wire = _labelled(fmt)
        self.planted: dict[str, Planted] = {}
        self._records = in_order(files, wire, now_us=now_us)
        self.unknown_labels: dict[str, int] = {}
        self._known = {
            r.where: self._sound(known)
            for r in self._records
            if (known := _labels(r, wire)) is not None
        }
        if not self._records:
            raise ConfigError(nothing_in(files))
        if not self._known:
            raise ConfigError(f"none of {len(self._records)} records can be read as {fmt}")
        if not any(known.phase == JUDGED for known in self._known.values()):
            raise ConfigError(
                f"none of {len(self._records)} records is labelled with phase {JUDGED!r}, "
                "nothing to measure"
            )

    def _sound(self, known: Known) -> Known:
        """Remove unknown labels, and count them."""
        unknown_labels = [
            name
            for name, expected in _EXPECTED.items()
            if getattr(known, name) is not None and getattr(known, name) not in expected
        ]
        for name in unknown_labels:
            label = f"{name} {quoted(getattr(known, name))}"
            if label in self.unknown_labels or len(self.unknown_labels) < _MAX_UNKNOWN:
                self.unknown_labels[label] = self.unknown_labels.get(label, 0) + 1
        return (
            msgspec.structs.replace(known, **dict.fromkeys(unknown_labels))
            if unknown_labels
            else known
        )

    def begun(self, progress: Progress | None, what: str) -> Progress | None:
        """Count records, which are all in memory."""
        if progress is not None:
            progress.start(len(self._records), what)
        return progress

    @property
    def tasks(self) -> frozenset[tuple[str | None, str | None]]:
        """(Role, task) of the sessions labelled ``baseline``."""
        return frozenset(
            (self._wire.normalise(record.value).agent.role, known.task_id)
            for record in self._records
            if (known := self._known.get(record.where)) is not None
            and known.phase == HISTORY
            and known.task_id is not None
        )

    def of(self, judgement: Judgement) -> Known:
        """Give the labels of the judged record."""
        return self._known.get(judgement.where, _UNKNOWN)

    def split(self, *, cold: bool) -> tuple[Iterable[RawRecord], Iterable[RawRecord]]:
        """Give the records labelled ``baseline`` (none with `cold`) and the others."""
        past = {w for w, known in self._known.items() if known.phase == HISTORY and not cold}
        return (
            [r for r in self._records if r.where in past],
            [r for r in self._records if r.where not in past],
        )


def _labelled(fmt: str) -> Labelled:
    wire = format_named(fmt)
    if not isinstance(wire, Labelled):
        named = ", ".join(sorted(n for n, f in FORMATS.items() if isinstance(f, Labelled)))
        raise ConfigError(
            f"format {fmt!r} has no labels, expected one of: {named}; or name a file of planted "
            "cases (--truth)"
        )
    return wire


def _labels(record: RawRecord, wire: Labelled) -> Known | None:
    """Read the labels of a record; an unreadable one is rejected when it is judged."""
    try:
        known: dict[str, Any] = msgspec.structs.asdict(wire.labels(record.value))
    except MalformedEvent:
        return None
    return Known(**known)
