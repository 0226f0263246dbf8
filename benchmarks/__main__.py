"""Benchmark Habitus against simple alternatives: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from benchmarks.measuring.child import measure
from benchmarks.measuring.findings import add_save, show
from benchmarks.measuring.meter import Job
from benchmarks.measuring.report import Report, absent, findings
from benchmarks.streaming.inputs import write_inputs
from benchmarks.streaming.memory import TIMES, measure_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

# Section -> its measurements.
SECTIONS = {
    "decode": ("decode-json", "decode-native"),
    "kafka": ("kafka",),
    "river": ("river",),
    "river-committed": ("river-committed",),
    "habitus": ("habitus",),
    "habitus-kafka": ("habitus-kafka",),
    "habitus-librdkafka": ("habitus-librdkafka",),
    "memory": (),
    "trust": (),
    "freshness": (),
}
_KAFKA = {"kafka", "habitus-kafka", "habitus-librdkafka"}
# All agents appear within 20 events per agent. Ungated learning ends after 100 events. River's
# half-space trees score after their default window of 250 events.
_COLD_EVENTS, _WARM_EVENTS = 20, 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the requested sections and print the results; a missed goal is no failure."""
    asked = _parser().parse_args(arguments)
    sections: set[str] = asked.only
    warm = asked.warm or _WARM_EVENTS * asked.agents
    report = Report(agents=asked.agents, warm=warm, events=asked.events, at_random=asked.at_random)
    names = [name for section in SECTIONS if section in sections for name in SECTIONS[section]]
    if names:
        _measure_rates(report, names)
    if "memory" in sections:
        report.memory = measure_memory(TIMES * asked.agents, _say)
    if "trust" in sections:
        _measure_trust(report)
    if "freshness" in sections:
        _measure_freshness(report)
    if asked.json:
        print(msgspec.json.encode(_plain(report)).decode())
    if asked.save or not asked.json:
        show(findings(report), "Throughput", "benchmarks", asked.save, silent=asked.json)
    for line in () if asked.json else absent(report):
        print(line)
    return 1 if report.failed else 0


def _measure_rates(report: Report, names: Sequence[str]) -> None:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="habitus-bench-"))
        cold = min(report.warm, _COLD_EVENTS * report.agents)
        job = Job(
            folder=folder,
            agents=report.agents,
            cold=cold,
            warm=report.warm,
            events=report.events,
            at_random=report.at_random,
        )
        _say(f"writing {job.warm + job.events} events of {job.agents} agents")
        write_inputs(job)
        if _KAFKA & set(names):
            job = _with_topic(job, stack)
        for name in names:
            if name in _KAFKA and not job.broker:
                report.absent[name] = "no Kafka broker answers, make services starts one"
                continue
            if name == "habitus-librdkafka" and find_spec("confluent_kafka") is None:
                report.absent[name] = "the extra librdkafka is not installed"
                continue
            _say(f"measuring {name}")
            try:
                found = report.results[name] = measure(name, job)
            except subprocess.CalledProcessError:
                report.failed.append(name)
                continue
            _say(f"  {found.warm.wall_rate:,.0f} events/s, {found.warm.cpu_rate:,.0f} per cpu s")


def _with_topic(job: Job, stack: contextlib.ExitStack) -> Job:
    from benchmarks.streaming.poll import broker, topic_of

    address = broker()
    if not address:
        return job
    _say(f"putting the events into Kafka at {address}")
    topic = stack.enter_context(topic_of(job, address))
    return msgspec.structs.replace(job, broker=address, topic=topic)


def _measure_trust(report: Report) -> None:
    if shutil.which("wrk") is None:
        report.absent["trust"] = "wrk is not installed"
        return
    from benchmarks import trust_lookup

    _say("measuring trust look-ups")
    report.take_trust(trust_lookup.measure())


def _measure_freshness(report: Report) -> None:
    from benchmarks import freshness
    from benchmarks.streaming.poll import broker

    address = broker()
    if not address:
        report.absent["freshness"] = "no Kafka broker answers, make services starts one"
        return
    _say("measuring freshness")
    try:
        report.freshness = freshness.measure(address)._asdict()
    except TimeoutError as error:
        _say(f"  {error}")
        report.failed.append("freshness")


def _plain(report: Report) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(report)
    rates = {
        name: {"warm": result.warm.wall_rate, "warm_per_cpu_s": result.warm.cpu_rate}
        for name, result in report.results.items()
    }
    return found | {"events_per_s": rates, "ratios": msgspec.to_builtins(report.ratios)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=_count, default=130_000, help="events to time")
    parser.add_argument("--agents", type=_count, default=1_000, help="agents in the fleet")
    parser.add_argument(
        "--warm", type=_count, help=f"events before the timed ones ({_WARM_EVENTS} an agent)"
    )
    parser.add_argument(
        "--only",
        type=_sections,
        default=set(SECTIONS),
        metavar="SECTION[,SECTION]",
        help=f"some of: {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--at-random",
        action="store_true",
        help="agents take turns at random within each hour, not as their sessions go",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    add_save(parser)
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _sections(text: str) -> set[str]:
    asked = {part.strip() for part in text.split(",") if part.strip()}
    if unknown := asked - set(SECTIONS):
        raise argparse.ArgumentTypeError(
            f"unknown section {min(unknown)!r}, expected some of: {', '.join(SECTIONS)}"
        )
    return asked


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
