"""Records to their target; what it cannot take is spooled, and said on stderr."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from pipeline.tap.recording.targets import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.tap.recording.record import Line
    from pipeline.tap.recording.targets import Target

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0


def say(text: str) -> None:
    """Write one line to stderr; nothing where it is closed."""
    try:
        os.write(2, f"habitus tap: {' '.join(text.split())}\n".encode("utf-8", "replace"))
    except OSError:
        return


class Kept(Protocol):
    """Interface of what keeps records that a target does not take."""

    @property
    def waiting(self) -> int:
        """Number of records that are kept."""

    @property
    def where(self) -> str:
        """Name where records are, for people."""

    def take_over(self) -> None:
        """Take over what earlier processes left."""

    def add(self, lines: Sequence[Line]) -> None:
        """Keep records; raise `OSError` where they cannot be kept."""

    def batches(self) -> Iterable[Sequence[Line]]:
        """Give the records in order, some at a time."""

    def clear(self) -> None:
        """Forget the records."""

    def rest(self) -> str:
        """Say what happens to the records at the end of the process."""


class Delivery:
    """Sends records, or spools them until the target takes them again.

    Parameters
    ----------
    target
        Takes the records.
    spool
        Keeps what `target` does not take.
    warn
        Called with a sentence for people.
    monotonic
        Seconds, for the pauses between attempts.

    Attributes
    ----------
    lost
        Records that could be neither sent nor kept.
    """

    def __init__(
        self,
        target: Target,
        spool: Kept,
        *,
        warn: Callable[[str], None] = say,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target, self._spool = target, spool
        self._warn, self._monotonic = warn, monotonic
        self._pause_s, self._retry_at = 0.0, 0.0
        self.lost = 0

    def start(self) -> None:
        """Take over what earlier processes could not deliver."""
        try:
            self._spool.take_over()
        except OSError as error:
            self._warn(f"earlier records stay where they are: {error}")

    def put(self, lines: Sequence[Line]) -> None:
        """Take records; never raises because of the target or the disk."""
        self._put(self._target.prepared(lines))

    def tick(self) -> None:
        """Try a failed target again, where its pause is over."""
        if self._spool.waiting and self._monotonic() >= self._retry_at:
            self._put(())

    def flush(self) -> bool:
        """Try a failed target again at once; return whether no record waits."""
        if self._spool.waiting:
            self._retry_at = 0.0
            self._put(())
        return not self._spool.waiting

    def close(self) -> None:
        """Send what is left, and say what could not be sent."""
        ended = self._target.ended()
        if self._spool.waiting:
            self._retry_at = 0.0
        self._put(ended)
        if self._spool.waiting:
            self._warn(self._spool.rest())
        if self.lost:
            self._warn(f"{self.lost} records are lost")
        self._target.close()

    def _put(self, lines: Sequence[Line]) -> None:
        failed = self._pause_s > 0
        if failed and self._monotonic() < self._retry_at:
            self._keep(lines)
            return
        try:
            self._send_spooled()
            if lines:
                self._target.send(lines)
        except Unavailable as error:
            self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
            self._retry_at = self._monotonic() + self._pause_s
            self._keep(lines)
            if not failed:
                self._warn(
                    f"cannot record to {self._target.name}: {error}; calls continue, records "
                    f"are kept in {self._spool.where}"
                )
            return
        if failed:
            self._pause_s = 0.0
            self._warn(f"recording to {self._target.name} works again")

    def _send_spooled(self) -> None:
        if self._spool.waiting:
            try:
                for lines in self._spool.batches():
                    self._target.send(lines)
                self._spool.clear()
            except OSError as error:
                raise Unavailable(f"the spool file cannot be read: {error}") from None

    def _keep(self, lines: Sequence[Line]) -> None:
        if not lines:
            return
        try:
            self._spool.add(lines)
        except OSError as error:
            if not self.lost:
                self._warn(f"cannot spool to {self._spool.where}: {error}; records are lost")
            self.lost += len(lines)
