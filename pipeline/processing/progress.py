"""Progress output: a bar on a terminal, regular lines elsewhere, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from pipeline.processing.stream_types import BYTES, RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_SECONDS = 5.0
LOG_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Receiver of the progress of a task."""

    def start(self, total: int | None, what: str, unit: str = RECORDS) -> None:
        """Begin a task of `total` units, or None if unknown."""

    def advance(self, n: int) -> None:
        """Note that `n` more units are done."""

    def stop(self) -> None:
        """End the task, complete or not."""


class Silent:
    """No output, for programs."""

    def start(self, total: int | None, what: str, unit: str = RECORDS) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Lines:
    """Write a plain line to stderr every few seconds, for logs.

    Parameters
    ----------
    every_s
        Seconds between two lines.
    """

    def __init__(self, every_s: float = LINE_SECONDS) -> None:
        self._every_s = every_s
        self._what: str | None = None

    def start(self, total: int | None, what: str, unit: str = RECORDS) -> None:
        """Begin counting."""
        self.stop()
        self._what, self._total, self._done, self._unit = what, total, 0, unit
        self._began = self._written_at = time.monotonic()

    def advance(self, n: int) -> None:
        """Count units, and write a line if one is due."""
        self._done += n
        if time.monotonic() - self._written_at >= self._every_s:
            self._maybe_write()

    def stop(self) -> None:
        """Write the final line."""
        if self._what is not None:
            self._maybe_write()
            self._what = None

    def _maybe_write(self) -> None:
        now = time.monotonic()
        self._write(self._done / max(now - self._began, 1e-3))
        self._written_at = now

    def _write(self, rate: float) -> None:
        share = f" ({self._done / self._total:.0%})" if self._total else ""
        done = amount(self._done, self._total, self._unit)
        print(f"{self._what}: {done}{share}, {speed(rate, self._unit)}", file=sys.stderr)


class Logged(Lines):
    """Write a log record every minute, for services."""

    def __init__(self) -> None:
        super().__init__(LOG_SECONDS)

    def _write(self, rate: float) -> None:
        fields = {
            "what": self._what,
            "unit": self._unit,
            "done": self._done,
            "per_second": round(rate),
        }
        _log.info("progress", extra=fields | ({"total": self._total} if self._total else {}))


def amount(done: int, total: int | None, unit: str) -> str:
    """Format the units done and their total.

    >>> amount(2, 10, "days"), amount(1_500_000, 3_000_000, BYTES), amount(12_345, None, RECORDS)
    ('2 of 10 days', '1.5 of 3.0 MB', '12,345 records')
    """
    factor, digits, name = (1e6, 1, "MB") if unit == BYTES else (1, 0, unit)
    of = f" of {total / factor:,.{digits}f}" if total else ""
    return f"{done / factor:,.{digits}f}{of} {name}"


def speed(rate: float, unit: str) -> str:
    """Format the rate in units per second.

    >>> speed(1_250_000.0, BYTES), speed(1_250.0, RECORDS)
    ('1.2 MB/s', '1,250 records/s')
    """
    return f"{rate / 1e6:,.1f} MB/s" if unit == BYTES else f"{rate:,.0f} {unit}/s"


class _Amount(ProgressColumn):
    """Column of the units done and their total."""

    def render(self, task: Task) -> Text:
        total = None if task.total is None else int(task.total)
        text = amount(int(task.completed), total, task.fields["unit"])
        return Text(text, style="progress.download")


class _Rate(ProgressColumn):
    """Column of the rate in units per second."""

    def render(self, task: Task) -> Text:
        return Text(speed(task.speed or 0.0, task.fields["unit"]), style="progress.data.speed")


class Bar:
    """Draw a bar with rate and remaining time on stderr, for people."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task = TaskID(0)

    def start(self, total: int | None, what: str, unit: str = RECORDS) -> None:
        """Draw an empty bar."""
        self.stop()
        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            _Amount(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=total, unit=unit)
        self._bar.start()

    def advance(self, n: int) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.advance(self._task, n)

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def progress_for(*, json: bool, service: bool = False) -> Iterator[Progress]:
    """Give the progress output that fits stderr, and stop it after any error."""
    progress = chosen(json=json, service=service)
    try:
        yield progress
    finally:
        progress.stop()


def chosen(*, json: bool, service: bool = False) -> Progress:
    """Give the progress output that fits stderr; the caller calls `stop`."""
    if json:
        return Silent()
    if sys.stderr.isatty():
        return Bar()
    return Logged() if service else Lines()
