"""One measured process: two clocks, its memory, its core, and what it hands back."""

from __future__ import annotations

import os
import resource
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.processing.progress import Silent
from pipeline.processing.stream_types import RECORDS, USUAL_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.processing.progress import Progress

_STATUS = Path("/proc/self/status")


class Job(Struct, frozen=True, kw_only=True):
    """What a measured process is told.

    Attributes
    ----------
    folder
        Where the inputs are (see `benchmarks.streaming.inputs`) and where it may write.
    agents
        Size of the fleet.
    cold, warm, events
        The stream has `warm` + `events` events; the first `cold` of them are those in which most
        agents appear, the last `events` are timed.
    at_random
        Whether agents take turns at random within each hour.
    broker, topic
        Where the same stream stands in Kafka, empty without a broker.
    cache_agents, packed_agents
        Agents that Habitus keeps in memory, ready for use and packed; its defaults when None.
    batch
        Events in a batch; the usual when None.
    shown
        What a bar on stderr is to say meanwhile; without it there is none.
    """

    folder: str
    agents: int
    cold: int
    warm: int
    events: int
    at_random: bool = False
    broker: str = ""
    topic: str = ""
    cache_agents: int | None = None
    packed_agents: int | None = None
    batch: int | None = None
    shown: str = ""

    @property
    def batch_size(self) -> int:
        """Events in a batch: the usual, unless that leaves no batch to time."""
        if self.batch is not None:
            return self.batch
        return min(USUAL_BATCH, max(1, min(self.warm, self.events) // 2))

    @property
    def stream(self) -> Path:
        """File of the stream, one event a line."""
        return Path(self.folder) / "stream.jsonl"


class Span(Struct, frozen=True):
    """Events, and what they took in seconds of the wall's clock and of the processor's."""

    events: int
    wall_s: float
    cpu_s: float

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Span:
        """Give several as one, what lies between them left out."""
        parts = list(spans)
        return cls(
            sum(one.events for one in parts),
            sum(one.wall_s for one in parts),
            sum(one.cpu_s for one in parts),
        )

    @property
    def wall_rate(self) -> float:
        """Events per second."""
        return self.events / self.wall_s

    @property
    def cpu_rate(self) -> float:
        """Events per processor second, all threads counted."""
        return self.events / self.cpu_s


class Result(Struct, frozen=True, kw_only=True):
    """What one measured process found.

    Attributes
    ----------
    warm, cold
        The timed part, and the part in which agents appear (None where it was not measured).
    peak_bytes, resident_bytes
        Most memory the process had, and what it had at the end of its work.
    more
        Further figures by name.
    """

    name: str
    warm: Span
    cold: Span | None
    peak_bytes: int
    resident_bytes: int
    more: dict[str, float] = {}


class Meter:
    """Reads both clocks whenever work says that it got further; a `Progress` of the pipeline.

    Parameters
    ----------
    bar, shown
        Another progress that is told as well, and what it is to say.

    Examples
    --------
    >>> meter = Meter()
    >>> meter.start(None, "counting")
    >>> for _ in range(4):
    ...     _ = sum(range(100_000))
    ...     meter.advance(10)
    >>> meter.stop()
    >>> meter.span(20, 40).events
    20
    """

    def __init__(self, bar: Progress | None = None, shown: str = "") -> None:
        self._bar, self._shown = bar or Silent(), shown
        self._done = [0]
        self._at: list[tuple[float, float]] = [(0.0, 0.0)]
        self.resident_bytes = 0

    def start(self, total: int | None, what: str, unit: str = RECORDS) -> None:
        """Start the clocks."""
        self._bar.start(total, self._shown or what, unit)
        self._at = [_clocks()]

    def advance(self, n: int) -> None:
        """Note that `n` more are done."""
        self._bar.advance(n)
        self._done.append(self._done[-1] + n)
        self._at.append(_clocks())

    def stop(self) -> None:
        """Count what came after the last step, a closing commit perhaps, as its part."""
        self._bar.stop()
        if not self.resident_bytes:
            self._at[-1] = _clocks()
            self.resident_bytes = resident_bytes()

    def span(self, first: int, last: int, sizes: Sequence[int] | None = None) -> Span:
        """Give what the events from number `first` to `last` took, widened to whole steps.

        Parameters
        ----------
        sizes
            Where `advance` counts bytes: bytes of the stream up to and with each event.
        """
        done = self._done
        if sizes is not None:
            done = [bisect_left(sizes, n) + 1 if n else 0 for n in self._done]
        start, end = (min(bisect_left(done, n), len(done) - 1) for n in (first, last))
        assert start < end, f"events {first} to {last} are within one step of {len(done)}"
        wall, cpu = (b - a for a, b in zip(self._at[start], self._at[end], strict=True))
        return Span(done[end] - done[start], wall, cpu)

    def result(
        self,
        name: str,
        job: Job,
        sizes: Sequence[int] | None = None,
        more: dict[str, float] | None = None,
    ) -> Result:
        """Sum up a run over the whole stream of `job`."""
        return Result(
            name=name,
            warm=self.span(job.warm, job.warm + job.events, sizes),
            cold=self.span(0, job.cold, sizes),
            # The system counts both a little late, the peak later than the rest.
            peak_bytes=max(peak_bytes(), self.resident_bytes),
            resident_bytes=self.resident_bytes,
            more=more or {},
        )


def pin() -> None:
    """Stay on one core, the last of those allowed, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def resident_bytes() -> int:
    """Give the memory the process has now; 0 where the system does not say."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Give the most memory the process ever had."""
    # Not ru_maxrss where there is a choice: on Linux it starts at what the parent process had.
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _status(key: str) -> int:
    if not _STATUS.exists():
        return 0
    for line in _STATUS.read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) << 10
    return 0


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
