"""The thread that records: it makes events of items, and has them delivered.

The modules that this needs are imported here, with the first call, so an agent starts as fast as
before.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from hashlib import sha256
from queue import Empty
from typing import TYPE_CHECKING

from pipeline.clock import clock_us
from pipeline.recorder.sending.forking import loading
from pipeline.recorder.sending.items import BEGINNINGS, Flushed
from pipeline.recorder.sending.losses import Losses
from pipeline.recorder.sending.memory_spool import MemorySpool

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.recorder.sending.buffer import Buffer, Item
    from pipeline.recorder.sending.destination import Destination
    from pipeline.recorder.sending.events import Events
    from pipeline.tap.recording.delivery import Delivery, Kept
    from pipeline.tap.recording.record import Line

NAME = "habitus-recorder"
_LOG = logging.getLogger("habitus.recorder")
_BATCH = 500
_TICK_S = 1.0
_PAUSE_S = 0.05  # several calls are one request


class Worker:
    """Records what a buffer has.

    Parameters
    ----------
    destination
        Where events go; it is opened by the thread.
    spool
        Folder for what cannot be delivered; None: memory.
    most
        Most events that wait in memory.

    Attributes
    ----------
    losses
        What is not recorded.
    """

    def __init__(
        self, buffer: Buffer, destination: Destination, spool: Path | None, most: int
    ) -> None:
        self._buffer, self._destination = buffer, destination
        self._spool, self._most = spool, most
        self._thread: threading.Thread | None = None
        self._delivery: Delivery | None = None
        self._events: Events | None = None
        self._kept: Kept | None = None
        self._in_hand = 0
        self.losses = Losses(buffer)

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            with self._buffer.lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
                    self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that came before is delivered; return whether it is."""
        if self._thread is None:
            return True
        if not self._thread.is_alive():
            return self._kept is not None and not self._kept.waiting
        item = Flushed()
        self._buffer.follow(item)
        return item.done.wait(timeout_s) and any(item.whole)

    def close(self, timeout_s: float) -> None:
        """Deliver what waits, and end the thread.

        What takes too long is counted as lost. The thread continues, so a longer process may yet
        deliver it, and then it is counted no more.
        """
        with self._buffer.lock:
            self._buffer.closed = True
            thread = self._thread
        if thread is not None and thread.is_alive():
            self._buffer.queue.put(None)
            thread.join(timeout_s)
            if thread.is_alive():
                _LOG.warning("habitus: recording did not end within %g s", timeout_s)
        self.losses.left = self._left
        self.losses.say(last=True)

    def _left(self) -> int:
        """Give the calls and events that are neither delivered nor on disk."""
        kept = self._kept
        in_memory = kept.waiting if isinstance(kept, MemorySpool) else 0
        return self._buffer.waiting + self._in_hand + in_memory

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        try:
            with loading():
                self._load()
        except Exception as error:  # noqa: BLE001  # an agent does not end because of this
            _LOG.warning("habitus: nothing is recorded: %s", error)
        continues = True
        while continues:
            items, continues = self._waiting()
            self._take(items)
            self.losses.say()
        self._finish()

    def _load(self) -> None:
        from pipeline.recorder.sending.events import Events
        from pipeline.tap.recording.delivery import Delivery
        from pipeline.tap.recording.spool import Spool

        quieten("httpx")
        self._events = Events(secrets.randbits(32))
        target = self._destination.open()
        if self._spool is None:
            self._kept = MemorySpool(self._most)
        else:
            self._kept = Spool(self._spool, f"recorder-{digest(target.name)}")
        self._delivery = Delivery(target, self._kept, warn=_warn)
        self.losses.delivery, self.losses.target = self._delivery, target
        self._delivery.start()

    def _waiting(self) -> tuple[list[Item], bool]:
        """Give the items that wait, and whether others may follow."""
        items: list[Item] = []
        queue = self._buffer.queue
        try:
            item = queue.get(timeout=_TICK_S)
            if item is not None and not isinstance(item, Flushed):
                time.sleep(_PAUSE_S)
            while item is not None:
                items.append(item)
                if len(items) == _BATCH:
                    return items, True
                item = queue.get_nowait()
        except Empty:
            return items, True
        return items, False

    def _take(self, items: list[Item]) -> None:
        """Make events of items, and deliver them; what asks for it gets its answer."""
        first = 0
        for index, item in enumerate(items):
            if isinstance(item, Flushed):
                self._deliver(items[first:index])
                self._answer(item)
                first = index + 1
        self._deliver(items[first:])

    def _answer(self, item: Flushed) -> None:
        try:
            item.whole.append(self._delivery is not None and self._delivery.flush())
        except Exception as error:  # noqa: BLE001  # as above
            self.losses.fault(error, 1)
        item.done.set()

    def _deliver(self, items: list[Item]) -> None:
        events, delivery = self._events, self._delivery
        if events is None or delivery is None:
            self.losses.count(len([item for item in items if isinstance(item, BEGINNINGS)]))
            self._make_room(items)
            return
        lines: list[Line] = []
        for group in events.groups(items):
            try:
                lines += events.take(group, clock_us(), self.losses.lasting())
            except Exception as error:  # noqa: BLE001  # as above
                self.losses.fault(error, len(group))
        self._in_hand = len(lines) + events.calls_open()
        self._make_room(items)
        try:
            lines += events.due(clock_us())
            if lines:
                delivery.put(lines)
            else:
                delivery.tick()
        except Exception as error:  # noqa: BLE001  # as above
            self.losses.fault(error, len(lines))
        self._in_hand = events.calls_open()

    def _make_room(self, items: list[Item]) -> None:
        for item in items:
            self._buffer.taken(item, begins=isinstance(item, BEGINNINGS))

    def _finish(self) -> None:
        events, delivery = self._events, self._delivery
        if events is None or delivery is None:
            return
        try:
            lines = events.due(clock_us(), whole=True)
            self._in_hand = len(lines)
            delivery.put(lines)
            self._in_hand = 0
            delivery.close()
        except Exception as error:  # noqa: BLE001  # as above
            self.losses.fault(error, 1)


def _warn(text: str) -> None:
    _LOG.warning("habitus: %s", text)


def _is_of_others(record: logging.LogRecord) -> bool:
    return record.threadName != NAME or record.levelno > logging.INFO


def quieten(name: str) -> None:
    """Leave out the log records of a library about what this thread sends."""
    logging.getLogger(name).addFilter(_is_of_others)


def digest(name: str) -> str:
    """Name a target in file names."""
    return sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
