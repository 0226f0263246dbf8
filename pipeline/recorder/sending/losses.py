"""What is not recorded: counted by reason, and logged."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.recorder.sending.buffer import Buffer
    from pipeline.tap.recording.delivery import Delivery
    from pipeline.tap.recording.targets import Target

_LOG = logging.getLogger("habitus.recorder")
_AGAIN_S = 60.0


class Losses:
    """Calls, results and events of one buffer that are not recorded.

    Parameters
    ----------
    buffer
        Counts what it drops, and what fails.

    Attributes
    ----------
    delivery, target
        They count what they could not deliver, and what was refused.
    left
        Gives the calls and events that still wait, once nobody waits for them any more.

    Examples
    --------
    >>> from pipeline.recorder.sending.buffer import Buffer
    >>> losses = Losses(Buffer())
    >>> losses.count(2)
    >>> losses.by_reason()
    Counter({'failed': 2})
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.delivery: Delivery | None = None
        self.target: Target | None = None
        self.left: Callable[[], int] = int
        self._said, self._said_s = 0, -_AGAIN_S

    def by_reason(self) -> Counter[str]:
        """Give the numbers by reason."""
        return self._lasting() + Counter({"undelivered": self.left()})

    def _lasting(self) -> Counter[str]:
        lost = 0 if self.delivery is None else self.delivery.lost
        refused = getattr(self.target, "refused", 0)  # of the API only
        with self._buffer.lock:
            return self._buffer.dropped + Counter({"undelivered": lost, "refused": refused})

    def total(self) -> int:
        """Give the number of all."""
        return self.by_reason().total()

    def lasting(self) -> int:
        """Give the number of those that no later delivery can undo."""
        return self._lasting().total()

    def count(self, number: int, reason: str = "failed") -> None:
        """Count what is not recorded."""
        if number:
            with self._buffer.lock:
                self._buffer.dropped[reason] += number

    def fault(self, error: Exception, number: int = 1) -> None:
        """Count what a fault of recording took; the first one is logged by its type."""
        if not self._buffer.dropped["failed"]:
            _LOG.warning("habitus: a call cannot be recorded: %s", type(error).__name__)
        self.count(number)

    def say(self, *, last: bool = False) -> None:
        """Log the losses when they begin, once a minute while they grow, and at the end."""
        total, now_s = self.total(), time.monotonic()
        if total > self._said and (last or now_s - self._said_s >= _AGAIN_S):
            self._said, self._said_s = total, now_s
            reasons = dict(self.by_reason())
            _LOG.warning("habitus: %d calls or events are not recorded: %s", total, reasons)
