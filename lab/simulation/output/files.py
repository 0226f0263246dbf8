"""Output files of a simulation: event stream, ground truth and inventory."""

from __future__ import annotations

import gzip
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec
import zstandard
from msgspec import Struct

from lab.simulation.fleet.personas import inventory
from lab.simulation.fleet.stream import simulate
from lab.simulation.output.columns import Rows
from lab.simulation.tables import inventory_csv
from models.errors import ConfigError
from pipeline.files.named_output import create
from pipeline.processing.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.simulation.fleet.cases import Truth
    from lab.simulation.fleet.config import SimulationConfig

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
_CHUNK = 5_000


class Planted(Struct, frozen=True):
    """Number of cases and events of one type."""

    kind: str
    type: str
    cases: int
    events: int
    cause: str


class Written(Struct, frozen=True):
    """The written files and their content.

    Attributes
    ----------
    out, truth, inventory
        The files.
    events
        Number of events in the stream.
    planted
        Planted cases by type, attacks first.
    unplanted
        Requested types without a case, because there are too few agents or days.
    """

    out: str
    truth: str
    inventory: str
    events: int
    planted: list[Planted]
    unplanted: list[str]


class _Sink(Protocol):
    """Interface of an output of encoded events."""

    def put(self, lines: list[bytes]) -> None:
        """Write some events."""

    def close(self) -> None:
        """Write remaining data."""


class _Lines:
    """JSON lines, compressed by the suffix of the file name."""

    def __init__(self, raw: IO[bytes], name: str) -> None:
        self._out: Any = raw
        if name.endswith(".gz"):
            # Without name and time, so that equal events give equal bytes.
            self._out = gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0)
        elif name.endswith(".zst"):
            self._out = zstandard.ZstdCompressor(level=6).stream_writer(raw, closefd=False)

    def put(self, lines: list[bytes]) -> None:
        self._out.write(b"\n".join(lines) + b"\n")

    def close(self) -> None:
        self._out.close()


def write(config: SimulationConfig, out: Path, progress: Progress | None = None) -> Written:
    """Write a simulation: ``OUT``, ``OUT.truth.jsonl`` and ``OUT.inventory.csv``.

    Parameters
    ----------
    config
        Configuration of the simulation.
    out
        Output file; its suffix is the format: ``.jsonl``, ``.jsonl.gz``, ``.jsonl.zst`` or
        ``.parquet``. Existing files are replaced after the new ones are complete.
    progress
        Advanced by days.

    Raises
    ------
    ConfigError
        The suffix is unknown, or `config` is invalid.
    """
    if not out.name.endswith(SUFFIXES):
        raise ConfigError(f"cannot write {out.name!r}, expected {', '.join(SUFFIXES)}")
    config.validate()
    progress = progress or Silent()
    truth, registered = beside(out, "truth.jsonl"), beside(out, "inventory.csv")
    planted: dict[str, Planted] = {}
    progress.start(config.days, "simulating", "days")
    with ExitStack() as stack:
        sink = stack.enter_context(_opened(out))
        cases = stack.enter_context(_replaced(truth))

        def shown(case: Truth) -> None:
            cases.write(msgspec.json.encode(case) + b"\n")
            before = planted.get(case.type, Planted(case.kind, case.type, 0, 0, case.cause))
            planted[case.type] = msgspec.structs.replace(
                before, cases=before.cases + 1, events=before.events + len(case.event_ids)
            )

        lines = simulate(config, shown, lambda _: progress.advance(1))
        events = 0
        while chunk := list(islice(lines, _CHUNK)):
            sink.put(chunk)
            events += len(chunk)
        agents = stack.enter_context(_replaced(registered))
        agents.write(inventory_csv(inventory(config)))
    progress.stop()
    ordered = sorted(planted.values(), key=lambda one: (one.kind, one.type))
    unplanted = [one for one in (*config.attacks, *config.novelties) if one not in planted]
    return Written(str(out), str(truth), str(registered), events, ordered, unplanted)


def beside(out: Path, what: str) -> Path:
    """Give the path of a file beside the stream.

    >>> from pathlib import Path
    >>> beside(Path("fleet.jsonl.gz"), "truth.jsonl").name
    'fleet.jsonl.gz.truth.jsonl'
    """
    return out.with_name(f"{out.name}.{what}")


@contextmanager
def _opened(out: Path) -> Iterator[_Sink]:
    with _replaced(out) as raw:
        sink: _Sink = Rows(raw) if out.suffix == ".parquet" else _Lines(raw, out.name)
        yield sink
        sink.close()


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces `path` on success, and is removed on failure."""
    part = path.with_name(f".{path.name}.part")
    try:
        with create(part, shown=path) as raw:
            yield raw
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
