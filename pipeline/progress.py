"""How far along: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
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

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_SECONDS = 5.0
LOG_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Progress(Protocol):
    """What work tells while it goes on."""

    def start(self, total: int | None, what: str) -> None:
        """Begin a piece of work; `total` is None where nobody knows."""

    def advance(self, n: int) -> None:
        """Note that `n` more are done."""

    def stop(self) -> None:
        """End it, however far it came."""


class Silent:
    """Say nothing: for programs."""

    def start(self, total: int | None, what: str) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Lines:
    """Write a plain line every few seconds to stderr: for logs.

    Parameters
    ----------
    every_s
        Seconds between two lines.
    """

    def __init__(self, every_s: float = LINE_SECONDS) -> None:
        self._every_s = every_s
        self._what: str | None = None

    def start(self, total: int | None, what: str) -> None:
        """Begin counting."""
        self.stop()
        self._what, self._total, self._done = what, total, 0
        self._began = self._told = time.monotonic()

    def advance(self, n: int) -> None:
        """Count, and say so when it is time."""
        self._done += n
        if time.monotonic() - self._told >= self._every_s:
            self._say()

    def stop(self) -> None:
        """Say how it ended."""
        if self._what is not None:
            self._say()
            self._what = None

    def _say(self) -> None:
        now = time.monotonic()
        self._tell(self._done / max(now - self._began, 1e-3))
        self._told = now

    def _tell(self, rate: float) -> None:
        part = f" of {self._total} ({self._done / self._total:.0%})" if self._total else ""
        print(f"{self._what}: {self._done}{part}, {rate:.0f}/s", file=sys.stderr)


class Logged(Lines):
    """Write a record to the log every minute: for what runs as a service."""

    def __init__(self) -> None:
        super().__init__(LOG_SECONDS)

    def _tell(self, rate: float) -> None:
        said = {"what": self._what, "done": self._done, "per_second": round(rate)}
        _log.info("progress", extra=said | ({"total": self._total} if self._total else {}))


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")


class Bar:
    """Draw a bar with rate and remaining time on stderr: for people."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task = TaskID(0)

    def start(self, total: int | None, what: str) -> None:
        """Draw an empty bar."""
        self.stop()
        self._bar = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=total)
        self._bar.start()

    def advance(self, n: int) -> None:
        """Fill it further."""
        if self._bar is not None:
            self._bar.advance(self._task, n)

    def stop(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def progress_for(*, json: bool, service: bool = False) -> Iterator[Progress]:
    """Choose by who is looking at stderr; a bar is taken away whatever happens inside."""
    progress = chosen(json=json, service=service)
    try:
        yield progress
    finally:
        progress.stop()


def chosen(*, json: bool, service: bool = False) -> Progress:
    """Choose by who is looking at stderr; end it with `stop`."""
    if json:
        return Silent()
    if sys.stderr.isatty():
        return Bar()
    return Logged() if service else Lines()
