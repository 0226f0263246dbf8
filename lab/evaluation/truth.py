"""Ground truth: labels in the recording, or a file of planted cases.

Only this module reads labels, and only `joined` calls it, after all judgements are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec
from msgspec import Struct, field

from lab.evaluation.judged import SESSION_LABELS
from models.errors import ConfigError, MalformedEvent
from models.event import microseconds
from models.units import DAY_US, HOUR_US
from pipeline.formats import FORMATS, Labels, event_of, format_named
from pipeline.processing.recordings.judge import in_order
from pipeline.processing.stream_types import BYTES
from pipeline.sources.recordings import nothing_in, records_of, size_of
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.evaluation.judged import Judgement
    from models.event import Event
    from pipeline.formats import Format
    from pipeline.processing.progress import Progress
    from pipeline.processing.stream_types import RawRecord

HISTORY = "baseline"
JUDGED = "eval"
_LATE_US, _MOST_LATE = HOUR_US, 0.05
ATTACK = "attack"
_MOST_UNKNOWN = 20
_EXPECTED = {
    "phase": (HISTORY, JUDGED),
    "session_label": SESSION_LABELS,
    "event_label": (0, 1),
}
# Features that reveal an injected instruction: a foreign value, or a tool that was not requested.
_INJECTED = ("provenance", "intent")


class Known(Labels, frozen=True):
    """Ground truth of one event, from labels or a truth file; every field may be unknown.

    Attributes
    ----------
    case
        Planted case of the event.
    """

    case: str | None = None


class Planted(Struct, frozen=True):
    """A line of a truth file: one planted case.

    Attributes
    ----------
    kind
        ``"attack"``, or ``"benign"`` for a novelty that should raise no alert.
    type
        The anomaly type, or the name of the novelty.
    cause, also
        Expected feature of the first reason, and equivalent ones; empty: no expectation.
    """

    id: str
    kind: Literal["attack", "benign"]
    type: str
    agent_id: str | None = None
    event_ids: list[str] = field(default_factory=list)
    cause: str | None = None
    also: list[str] = field(default_factory=list)

    @property
    def causes(self) -> tuple[str, ...]:
        """Features that count as correct."""
        return tuple(filter(None, [self.cause, *self.also]))


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
            if label in self.unknown_labels or len(self.unknown_labels) < _MOST_UNKNOWN:
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
        for case in _planted(truth, now_us):
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
        until_us, order = 0, _Order()
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


_UNKNOWN = Known()
_ORDINARY = Known(phase=JUDGED, session_label="benign", event_label=0)


def _rest(waiting: list[RawRecord], records: Iterator[RawRecord]) -> Iterator[RawRecord]:
    yield from waiting
    yield from records


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


def _planted(truth: str, now_us: int) -> Iterator[Planted]:
    read = msgspec.json.Decoder(Planted).decode
    for number, record in enumerate(records_of([truth], now_us=now_us), 1):
        try:
            yield read(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ConfigError(
                f"line {number} of {truth} is not a planted case, expected id, kind (attack or "
                "benign), type, event_ids"
            ) from None


def causes_of(planted: Planted | None) -> tuple[str, ...]:
    """Give the expected features of the first reason of an attack."""
    return _INJECTED if planted is None else planted.causes


def refuse_mismatch(
    judged: Sequence[Judgement],
    known: Truth,
    truth: str,
    *,
    history_days: int,
    rejected: Mapping[str, int],
) -> None:
    """Refuse a recording and a truth file that do not match.

    Raises
    ------
    ConfigError
        Nothing was judged, nothing judged is in the truth file, or the recording is out of order.
    """
    past = f"the first {history_days} days, which are its history (--history-days)"
    if not judged:
        counted = ", ".join(f"{number} {reason}" for reason, number in sorted(rejected.items()))
        raise ConfigError(
            "nothing was judged"
            + (f": what could be read of the recording lies in {past}" if history_days else "")
            + (f"; rejected for (--format): {counted}" if rejected else "")
        )
    if known.planted and all(known.of(one).case is None for one in judged):
        raise ConfigError(
            f"none of the {len(known.planted)} cases of {truth} has an event that was judged: they "
            f"are of another recording, or lie in {past}"
        )
    order = _Order()
    for one in judged:
        order.note(one.time_us)
    order.refuse()


class _Order:
    """Counts events that follow a much later one."""

    def __init__(self) -> None:
        self._events = self._late = self._newest_us = 0

    def note(self, time_us: int) -> None:
        self._events += 1
        self._newest_us = max(self._newest_us, time_us)
        self._late += self._newest_us - time_us > _LATE_US

    def refuse(self) -> None:
        if self._late > _MOST_LATE * self._events:
            raise ConfigError(
                f"the recording must be in order of event time: {self._late} of {self._events} "
                "events follow one that is an hour or more later"
            )
