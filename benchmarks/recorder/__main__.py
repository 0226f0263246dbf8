"""Measure what recording adds to a call of a tool: ``python -m benchmarks.recorder``.

The same tool is called as it is, with a log line, with a span of OpenTelemetry, and recorded by
the decorator and by the span processor. The tools alternate in short rounds of one run, so other
work on the machine reaches all of them. Events go to a file; one recorder has a server that never
answers. Processor time counts all threads, until everything is delivered.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.sdk.trace import TracerProvider

from benchmarks.measuring.findings import Findings, add_save, show
from lab.measurement import Goal, Table
from pipeline.recorder import Recorder
from pipeline.recorder.frameworks.opentelemetry import RecorderSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.trace import Tracer

    Tool = Callable[[str, object], object]

ROUNDS, CALLS, WARM = 40, 50, 200
WAIT_S = 120.0
MOST_US = 100.0
RESULTS: dict[str, object] = {
    "a short result": "order 1041: Ines",
    "a text of 64 KiB": "word " * 13_107,
    "an object of 64 KiB": {"rows": [{"name": "Ines", "number": n} for n in range(2_000)]},
}
BARE, LOGGED, SPAN = "as it is", "with a log line", "with a span"
DECORATED, SESSION = "recorded", "recorded, in a session"
PROCESSED, SILENT = "with a span, recorded", "recorded, server silent"
_BESIDE = {PROCESSED: SPAN}


class Figures(NamedTuple):
    """Times of a call in microseconds; `processor` includes all threads."""

    p50: float
    p99: float
    processor: float


def main() -> int:
    """Print the tables; return 1 if recording adds more than the goals allow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorder")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS, help="calls of a round")
    add_save(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tools(Path(folder)) as found:
        measured = {
            name: measure(found, result, chosen.rounds, chosen.calls)
            for name, result in RESULTS.items()
        }
    findings = findings_of(measured)
    show(findings, "Recorder", "benchmarks.recorder", chosen.save)
    return int(findings.missed())


def measure(
    found: dict[str, tuple[Tool, Callable[[], object]]], result: object, rounds: int, calls: int
) -> dict[str, Figures]:
    """Time calls of each tool, in alternating rounds; nothing waits when one begins."""
    taken: dict[str, list[float]] = {name: [] for name in found}
    processor = dict.fromkeys(found, 0.0)
    for call, deliver in found.values():
        for _ in range(WARM):
            call("1041", result)
        deliver()
    for _ in range(rounds):
        for name, (call, deliver) in found.items():
            spent = time.process_time()
            for _ in range(calls):
                began = time.perf_counter()
                call("1041", result)
                taken[name].append((time.perf_counter() - began) * 1e6)
            deliver()
            processor[name] += (time.process_time() - spent) * 1e6
    return {
        name: figures(times, processor[name] / (rounds * calls)) for name, times in taken.items()
    }


def figures(times: Sequence[float], processor: float) -> Figures:
    """Give the percentiles of times.

    >>> figures([1.0, 2.0, 3.0], 4.0)
    Figures(p50=2.0, p99=3.0, processor=4.0)
    """
    ordered = sorted(times)
    last = min(len(ordered) - 1, len(ordered) * 99 // 100)
    return Figures(ordered[len(ordered) // 2], ordered[last], processor)


def findings_of(measured: dict[str, dict[str, Figures]]) -> Findings:
    """Make the tables and the goals."""
    tables, goals = [], []
    for size, found in measured.items():
        rows = [
            _row(f"{name}, {size}", one, found[_BESIDE.get(name, BARE)])
            for name, one in found.items()
        ]
        tables.append(
            Table(
                sentence=f"Microseconds of a call with {size}; added: beside the same tool as it "
                "is, for a recorded span beside the span. Processor time includes all threads.",
                columns=["tool", "p50", "p99", "p50 added", "processor"],
                rows=rows,
            )
        )
    first = next(iter(measured))
    for name in (DECORATED, SESSION, PROCESSED, SILENT):
        row = f"{name}, {first}"
        goals.append(
            Goal(figure=f"{row}: p50 added, µs", row=row, column="p50 added", most=MOST_US)
        )
    return Findings(tables, goals)


def _row(name: str, one: Figures, beside: Figures) -> list[str]:
    added = "" if one is beside else f"{one.p50 - beside.p50:.1f}"
    return [name, f"{one.p50:.1f}", f"{one.p99:.1f}", added, f"{one.processor:.0f}"]


# ---------------------------------------------------------------------- tools


def find(number: str, result: object) -> object:
    """Find an order: the tool as it is."""
    return result if number else None


@contextlib.contextmanager
def tools(folder: Path) -> Iterator[dict[str, tuple[Tool, Callable[[], object]]]]:
    """Give each tool, with what delivers its events."""
    with contextlib.ExitStack() as stack:
        recorders = [
            stack.enter_context(Recorder("bench", to=f"file:{folder / name}"))
            for name in ("decorated", "session", "spans")
        ]
        silent = stack.enter_context(_silent())
        decorated, session, spans = recorders
        in_session = session.tool(exclude=("result",))(find)

        def find_in_session(number: str, result: object) -> object:
            with session.session("Refund order 1041", human="sam@example.com", id="chat"):
                return in_session(number, result)

        processor = TracerProvider(shutdown_on_exit=False)
        processor.add_span_processor(RecorderSpanProcessor(spans))
        found: dict[str, tuple[Tool, Callable[[], object]]] = {
            BARE: (find, _nothing),
            LOGGED: (_logged(), _nothing),
            SPAN: (_in_span(TracerProvider(shutdown_on_exit=False).get_tracer("b")), _nothing),
            DECORATED: (decorated.tool(exclude=("result",))(find), _delivery(decorated)),
            SESSION: (find_in_session, _delivery(session)),
            PROCESSED: (_in_span(processor.get_tracer("b")), _delivery(spans)),
            SILENT: (silent.tool(exclude=("result",))(find), _nothing),
        }
        yield found
        assert not any(one.dropped for one in recorders), "a call was dropped"


def _nothing() -> None:
    """Deliver nothing: nothing is recorded, or nobody takes it."""


def _delivery(recorder: Recorder) -> Callable[[], object]:
    return lambda: recorder.flush(WAIT_S)


def _logged() -> Tool:
    logger = logging.getLogger("benchmarks.recorder")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler(io.StringIO()))

    def call(number: str, result: object) -> object:
        logger.info("find %s", number)
        return find(number, result)

    return call


def _in_span(tracer: Tracer) -> Tool:
    def call(number: str, result: object) -> object:
        given = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.arguments": f'{{"number": "{number}"}}',
            "gen_ai.tool.call.result": result if isinstance(result, str) else json.dumps(result),
        }
        with tracer.start_as_current_span("execute_tool find", attributes=given):
            return find(number, result)

    return call


@contextlib.contextmanager
def _silent() -> Iterator[Recorder]:
    """Give a recorder whose server accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        recorder = Recorder("bench", to=f"http://127.0.0.1:{server.getsockname()[1]}")
        yield recorder
        recorder.close(0.1)


if __name__ == "__main__":
    sys.exit(main())
