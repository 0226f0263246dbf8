"""A record that judging fails on is set aside; all others are judged as if it had never come.

Such a failure is a defect of this program, which no check of the input has foreseen. It must not
keep a worker from all that comes after: one that was started again would meet the same record.
What is in memory cannot be trusted then, so each attempt is one by a worker made anew.
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
MOST_APART = 10
"""Records of a batch that are set aside; more are no fault of single records."""


def judged(first: Attempt, anew: Attempt, records: Sequence[RawRecord]) -> Commit:
    """Judge records, and set aside those that it fails on.

    Parameters
    ----------
    first, anew
        Judge records and write nothing: with the worker at hand, and with one made anew from what
        is stored.

    Raises
    ------
    Exception
        Too many of them fail.
    """
    try:
        return first(records)
    except BaseException as error:
        if not _is_fault(error):
            raise
        _log.error("judging_failed", extra={"fault": _told(error)})
    if isinstance(fault := _tried(anew, []), BaseException):
        raise fault  # of no record
    left = list(records)
    aside: list[tuple[RawRecord, MalformedEvent]] = []
    while isinstance(out := _tried(anew, left), BaseException):
        if len(aside) == MOST_APART:
            raise out
        record = left.pop(_first_failing(anew, left))
        aside.append((record, _refused(out)))
        _log.error("record_not_judged", extra={"record": record.where, "fault": _told(out)})
    for record, refusal in aside:
        out.outbox.append(rejected_message(record, refusal))
    if aside:
        out.counters[f"rejected_{REASON}"] = len(aside)
    return out


def _tried(attempt: Attempt, records: Sequence[RawRecord]) -> Commit | BaseException:
    try:
        return attempt(records)
    except BaseException as error:
        if not _is_fault(error):
            raise
        return error


def _first_failing(attempt: Attempt, records: Sequence[RawRecord]) -> int:
    """Give the place of the record that must not be among them for judging to succeed."""
    well, ill = 0, len(records)
    while ill - well > 1:
        middle = (well + ill) // 2
        if isinstance(_tried(attempt, records[:middle]), BaseException):
            ill = middle
        else:
            well = middle
    return ill - 1


def _is_fault(error: BaseException) -> bool:
    """Whether it is none of the errors that are foreseen; a panic of the kernel is one."""
    if isinstance(error, HabitusError | MemoryError):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _refused(error: BaseException) -> MalformedEvent:
    return MalformedEvent(
        REASON, f"judging it fails, which is a defect of this program to report: {_told(error)}"
    )


def _told(error: BaseException) -> str:
    """Say what failed and where; not the error's own words, which may repeat what is confidential.

    >>> try:
    ...     1 / 0
    ... except ZeroDivisionError as error:
    ...     _told(error).rpartition(",")[0]
    'ZeroDivisionError in pipeline.processing.quarantine'
    """
    trace, name, line = error.__traceback__, "", 0
    while trace is not None:
        name, line = str(trace.tb_frame.f_globals.get("__name__", "")), trace.tb_lineno
        trace = trace.tb_next
    return f"{type(error).__name__} in {name}, line {line}"
