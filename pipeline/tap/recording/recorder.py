"""Record what passes, in a thread of its own: a connection only puts bytes into its queue."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from pipeline.clock import clock_us
from pipeline.tap.recording.delivery import say
from pipeline.tap.recording.framing import Lines
from pipeline.tap.recording.transcript import Place

if TYPE_CHECKING:
    from pipeline.tap.recording.delivery import Delivery
    from pipeline.tap.recording.record import Direction, Line
    from pipeline.tap.recording.transcript import Transcript

MAX_WAITING = 256 << 20
"""Most bytes that wait to be recorded; what comes meanwhile is not recorded, and counted."""
_BATCH = 200
_TICK_S = 1.0
# The answer passes meanwhile, and several records are written at once.
_PAUSE_S = 0.005
_CLOSE_S = 15.0


class Item(Protocol):
    """Something that passed, and becomes records."""

    def lines(self, transcript: Transcript) -> list[Line]:
        """Give its records; called in the thread of the recorder."""

    def __len__(self) -> int:
        """Give its size in bytes."""


class Recorder:
    """Turns items into records, and has them delivered.

    Parameters
    ----------
    transcript
        Makes the records.
    delivery
        Takes them.
    """

    def __init__(self, transcript: Transcript, delivery: Delivery) -> None:
        self.transcript, self._delivery = transcript, delivery
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._put = self._taken = 0
        self._missed = 0
        self._faults = 0
        self._thread = threading.Thread(target=self._work, name="habitus-tap", daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> None:
        """Take an item; never waits and never raises."""
        with self._lock:
            if self._put - self._taken > MAX_WAITING:
                self._missed += 1
                return
            self._put += len(item)
        self._queue.put(item)

    def close(self) -> None:
        """Record what waits, and stop; what takes too long is left."""
        self._queue.put(None)
        self._thread.join(_CLOSE_S)
        unread, missed = self.transcript.unreadable, self._missed + self._faults
        if self._thread.is_alive():
            say("recording did not end in time")
        if unread:
            say(f"{unread} messages were not JSON and are not recorded")
        if missed:
            say(f"{missed} messages are not recorded")

    def _work(self) -> None:
        going = True
        self._delivery.start()
        while going:
            items, going = self._waiting()
            lines: list[Line] = []
            for item in items:
                self._taken += len(item)
                try:
                    lines += item.lines(self.transcript)
                except Exception as error:  # noqa: BLE001  # a fault here must not end the recording
                    self._faults += 1
                    if self._faults == 1:
                        say(f"a message cannot be recorded: {type(error).__name__}")
            self._deliver(lines)
        self._finish()

    def _waiting(self) -> tuple[list[Item], bool]:
        """Give the items that wait, and whether others may follow."""
        items: list[Item] = []
        try:
            item = self._queue.get(timeout=_TICK_S)
            if item is not None:
                time.sleep(_PAUSE_S)
            while item is not None:
                items.append(item)
                if len(items) == _BATCH:
                    return items, True
                item = self._queue.get_nowait()
        except Empty:
            return items, True
        return items, False

    def _deliver(self, lines: list[Line]) -> None:
        try:
            if lines:
                self._delivery.put(lines)
            else:
                self._delivery.tick()
        except Exception as error:  # noqa: BLE001  # as above
            self._faults += len(lines)
            say(f"records cannot be delivered: {type(error).__name__}")

    def _finish(self) -> None:
        try:
            self._delivery.close()
        except Exception as error:  # noqa: BLE001  # as above
            say(f"records cannot be delivered: {type(error).__name__}")


class Chunk(Struct, frozen=True):
    """Bytes of one direction of a stdio connection."""

    stream: Stream
    data: bytes
    at_us: int

    def lines(self, transcript: Transcript) -> list[Line]:
        """Give the records of the lines that the bytes complete."""
        stream = self.stream
        whole = stream.split.feed(self.data) if self.data else (stream.split.rest(),)
        return [line for one in whole for line in stream.records(transcript, one, self.at_us)]

    def __len__(self) -> int:
        return len(self.data)


class Answer(Struct, frozen=True):
    """An answer of the tap itself, in place of the server's."""

    stream: Stream
    data: bytes
    at_us: int
    decision: str

    def lines(self, transcript: Transcript) -> list[Line]:
        """Give its record."""
        return self.stream.records(transcript, self.data, self.at_us, self.decision)

    def __len__(self) -> int:
        return len(self.data)


class Stream:
    """One direction of a stdio connection, and its recording.

    Parameters
    ----------
    recorder
        None: nothing is recorded.
    session
        Id of the connection.
    """

    def __init__(self, recorder: Recorder | None, direction: Direction, session: str) -> None:
        self._recorder, self._direction = recorder, direction
        self._place = Place(session, session)
        self.split = Lines()

    def saw(self, data: bytes) -> None:
        """Record bytes that passed; empty ones end the stream."""
        if self._recorder is not None:
            self._recorder.offer(Chunk(self, data, clock_us()))

    def answered(self, data: bytes, decision: str) -> None:
        """Record an answer of the tap."""
        if self._recorder is not None:
            self._recorder.offer(Answer(self, data, clock_us(), decision))

    def records(
        self, transcript: Transcript, data: bytes, at_us: int, decision: str | None = None
    ) -> list[Line]:
        """Give the records of one line."""
        return transcript.lines(self._direction, data, at_us, self._place, decision)
