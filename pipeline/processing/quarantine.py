"""Quarantine of records that make judging fail; all other records are judged without them.

Such a failure is a defect of this program that no input check found. It must not block later
records, because a restarted worker would read the same record again. State in memory is invalid
after a failure, so a new worker makes each attempt.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from models.errors import HabitusError, MalformedEvent
from pipeline.publishing.rejected import rejected_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit

    Attempt = Callable[[Sequence[RawRecord]], Commit]

_log = logging.getLogger(__name__)
REASON = "not_judged"
MAX_QUARANTINED = 10
"""Largest number of quarantined records in a batch; more failures have another cause."""


def judged(with_current: Attempt, with_new: Attempt, records: Sequence[RawRecord]) -> Commit:
    """Judge records, and quarantine those that make judging fail.

    Parameters
    ----------
    with_current, with_new
        Judge records without writing: with the current worker, and with a new one made from the
        store.

    Raises
    ------
    Exception
        Too many records fail.
    """
    try:
        return with_current(records)
    except BaseException as error:
        if not _is_fault(error):
            raise
        _log.error("judging_failed", extra={"fault": _location_of(error)})
    if isinstance(fault := _tried(with_new, []), BaseException):
        raise fault  # judging fails without any record
    left = list(records)
    quarantined: list[tuple[RawRecord, MalformedEvent]] = []
    while isinstance(out := _tried(with_new, left), BaseException):
        if len(quarantined) == MAX_QUARANTINED:
            raise out
        record = left.pop(_first_failing(with_new, left))
        quarantined.append((record, _refused(out)))
        _log.error("record_not_judged", extra={"record": record.where, "fault": _location_of(out)})
    for record, refusal in quarantined:
        out.outbox.append(rejected_message(record, refusal))
    if quarantined:
        out.counters[f"rejected_{REASON}"] = len(quarantined)
    return out


def _tried(attempt: Attempt, records: Sequence[RawRecord]) -> Commit | BaseException:
    try:
        return attempt(records)
    except BaseException as error:
        if not _is_fault(error):
            raise
        return error


def _first_failing(attempt: Attempt, records: Sequence[RawRecord]) -> int:
    """Give the index of the first record that makes judging fail."""
    good, bad = 0, len(records)
    while bad - good > 1:
        middle = (good + bad) // 2
        if isinstance(_tried(attempt, records[:middle]), BaseException):
            bad = middle
        else:
            good = middle
    return bad - 1


def _is_fault(error: BaseException) -> bool:
    """Return whether an error is a defect and not an expected error; a kernel panic is a defect."""
    if isinstance(error, HabitusError | MemoryError):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _refused(error: BaseException) -> MalformedEvent:
    return MalformedEvent(
        REASON, f"judging fails on this record; please report the defect: {_location_of(error)}"
    )


def _location_of(error: BaseException) -> str:
    """Give type and location of an error, without its message, which may hold confidential data.

    >>> try:
    ...     1 / 0
    ... except ZeroDivisionError as error:
    ...     _location_of(error).rpartition(",")[0]
    'ZeroDivisionError in pipeline.processing.quarantine'
    """
    trace, name, line = error.__traceback__, "", 0
    while trace is not None:
        name, line = str(trace.tb_frame.f_globals.get("__name__", "")), trace.tb_lineno
        trace = trace.tb_next
    return f"{type(error).__name__} in {name}, line {line}"
