"""One measured process: two clocks, memory, core, and result."""

from __future__ import annotations

import os
import resource
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.processing.progress import Silent
from pipeline.processing.stream_types import DEFAULT_BATCH, RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.processing.progress import Progress

_STATUS = Path("/proc/self/status")


class Job(Struct, frozen=True, kw_only=True):
    """Parameters of a measured process.

    Attributes
    ----------
    folder
        Folder of the inputs (see `benchmarks.streaming.inputs`) and of the output.
    agents
        Size of the fleet.
    cold, warm, events
        The stream has `warm` + `events` events. Most agents appear in the first `cold` ones; the
        last `events` are timed.
    at_random
        Whether agents alternate at random within each hour.
    broker, topic
        Broker and topic of the same stream; empty without a broker.
    cache_agents, packed_agents
        Unpacked and packed agents in the memory of Habitus; None: the defaults.
    batch
        Events in a batch; None: the default.
    shown
        Text of a progress bar on stderr; empty: no bar.
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
        """Events in a batch: the default, unless no batch would remain to time."""
        if self.batch is not None:
            return self.batch
        return min(DEFAULT_BATCH, max(1, min(self.warm, self.events) // 2))

    @property
    def stream(self) -> Path:
        """File of the stream, one event per line."""
        return Path(self.folder) / "stream.jsonl"


class Span(Struct, frozen=True):
    """Number of events with their wall seconds and processor seconds."""

    events: int
    wall_s: float
    cpu_s: float

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Span:
        """Combine several spans, without the gaps between them."""
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
        """Events per processor second of all threads."""
        return self.events / self.cpu_s


class Result(Struct, frozen=True, kw_only=True):
    """Result of one measured process.

    Attributes
    ----------
    warm, cold
        The timed part, and the part in which agents appear (None if not measured).
    peak_bytes, resident_bytes
        Peak memory of the process, and memory at the end.
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
    """A `Progress` of the pipeline that reads both clocks at each step.

    Parameters
    ----------
    bar, shown
        Another progress that is also advanced, and its text.

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
        """Note `n` more units."""
        self._bar.advance(n)
        self._done.append(self._done[-1] + n)
        self._at.append(_clocks())

    def stop(self) -> None:
        """Add the time after the last step, such as a closing commit, to that step."""
        self._bar.stop()
        if not self.resident_bytes:
            self._at[-1] = _clocks()
            self.resident_bytes = resident_bytes()

    def span(self, first: int, last: int, sizes: Sequence[int] | None = None) -> Span:
        """Give the span of events `first` to `last`, extended to whole steps.

        Parameters
        ----------
        sizes
            If `advance` counts bytes: cumulative bytes of the stream by event.
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
        """Summarise a run over the whole stream of `job`."""
        return Result(
            name=name,
            warm=self.span(job.warm, job.warm + job.events, sizes),
            cold=self.span(0, job.cold, sizes),
            # The system updates both with a delay, the peak with a longer one.
            peak_bytes=max(peak_bytes(), self.resident_bytes),
            resident_bytes=self.resident_bytes,
            more=more or {},
        )


def pin() -> None:
    """Pin the process to the last allowed core, if the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def resident_bytes() -> int:
    """Give the current memory of the process; 0 if unknown."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Give the peak memory of the process."""
    # Not ru_maxrss if possible: on Linux it starts at the memory of the parent process.
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
