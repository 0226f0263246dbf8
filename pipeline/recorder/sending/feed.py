"""The way of an item from the code of an agent to the thread that records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.recorder.sending.buffer import MAX_WAITING, Buffer
from pipeline.recorder.sending.destination import destination_of
from pipeline.recorder.sending.forking import forget, watch
from pipeline.recorder.sending.worker import Worker

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from pipeline.recorder.sending.items import Bused, Spanned

CLOSE_S = 5.0
"""Longest time that the end of a process waits for what is not yet delivered, in seconds."""


class Feed:
    """A buffer and the thread that empties it; a process that was forked has others.

    Parameters
    ----------
    facts
        Members that all events have.
    to
        Where events go, as for `destination_of`.
    most
        Most calls that wait.
    spool
        Folder for events that cannot be delivered; None: memory.
    """

    def __init__(
        self,
        facts: dict[str, Any],
        *,
        to: str | None = None,
        most: int = MAX_WAITING,
        spool: Path | None = None,
    ) -> None:
        self.facts = facts
        self._destination, self._most, self._spool = destination_of(to), most, spool
        self.is_on = self._destination.kind != "none"
        self.begin_again()
        watch(self)

    def begin_again(self) -> None:
        """Forget what waits: it belongs to the process that this one was forked from."""
        self.buffer = Buffer(self._most)
        self.worker = Worker(self.buffer, self._destination, self._spool, self._most)

    def end(self, timeout_s: float) -> None:
        """Deliver what waits, and end the thread."""
        self.worker.close(timeout_s)
        forget(self)

    def end_process(self) -> None:
        """Deliver what waits; called at the end of a process."""
        self.end(CLOSE_S)

    @property
    def dropped(self) -> int:
        """Calls, results and events that are not recorded, for whatever reason."""
        return self.worker.losses.total()

    @property
    def losses(self) -> Counter[str]:
        """Calls, results and events that are not recorded, by reason."""
        return self.worker.losses.by_reason()

    def offer(self, item: Bused | Spanned) -> None:
        """Take a span or an event of a framework."""
        if self.is_on and self.buffer.begin(item):
            self.worker.start()

    def failed(self, error: Exception) -> None:
        """Count a fault of recording, which no code of the agent sees."""
        self.worker.losses.fault(error)
