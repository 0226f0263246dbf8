"""Memory and disk of an agent in a large fleet, and costs of agents outside memory.

``python -m benchmarks.size`` judges 100,000 agents with the real worker into a real store: with all
agents unpacked, with nearly all packed, and with nearly all in the store only. ``--agents 1000000``
skips the first. Rates are those of events after all agents have appeared; only ratios within one
run are comparable.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.measuring.child import measure
from benchmarks.measuring.findings import Findings, add_save, show
from benchmarks.measuring.meter import Job
from benchmarks.streaming.inputs import INVENTORY, SEED, key_of, write_surroundings
from lab.measurement import Goal, Table
from lab.simulation.sample import fleet_events
from pipeline.processing.progress import progress_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measuring.meter import Result
    from pipeline.processing.progress import Progress

EACH = 20
"""Events after which every agent of a fleet has appeared."""
FEW_EACH = 4
_ALL = 10_000_000
_TEMPLATE = 100_000
_FLOOR_AGENTS = 1_000
_READY = 1_536
_KIB = 1024
_MEASURED, _OVER_FIRST = "measured", "speed over the first"
_MILLION = "peak of a million agents, evicted, GiB"
_STORED = {
    "file": "stored, file of profiles, trust, sessions",
    "blobs": "stored, sum of blobs",
    "whole_file": "stored, whole database",
}
# Name -> agents ready for use, agents packed.
CACHES = {"ready": (_ALL, 0), "packed": (_READY, _ALL), "evicted": (_READY, 0)}


def copied(events: Iterator[bytes], copies: int) -> Iterator[bytes]:
    """Copy each event to several equal agents.

    >>> list(copied(iter([b'{"agent":{"id":"a"}}']), 2))
    [b'{"agent":{"id":"a"}}', b'{"agent":{"id":"a~1"}}']
    """
    for line in events:
        yield line
        if copies > 1:
            name = key_of(line)
            given = b'"agent":{"id":"' + name
            for number in range(1, copies):
                yield line.replace(given, given + b"~%d" % number, 1)


def firsts(events: Iterator[bytes], each: int, until: int) -> Iterator[bytes]:
    """Limit each agent to `each` events among the first `until` events.

    >>> list(firsts(iter([b'{"agent":{"id":"a"}}'] * 4), 1, 3))
    [b'{"agent":{"id":"a"}}', b'{"agent":{"id":"a"}}']
    """
    seen: Counter[bytes] = Counter()
    for at, line in enumerate(events):
        if at < until:
            name = key_of(line)
            seen[name] += 1
            if seen[name] > each:
                continue
        yield line


def write_fleet(job: Job, each: int, progress: Progress) -> Job:
    """Write the stream of a fleet; return the job with its number of events."""
    copies = max(1, job.agents // _TEMPLATE)
    agents = job.agents // copies
    whole, tail = EACH * agents, job.events // copies
    lines = fleet_events(SEED, agents, limit=whole + tail)
    if each < EACH:
        lines = firsts(lines, each, whole)
    total = 0
    events = (min(each, EACH) * agents + tail) * copies
    progress.start(events, f"writing {job.agents:,} agents", "events")
    with job.stream.open("wb") as out:
        for line in copied(lines, copies):
            out.write(line + b"\n")
            total += 1
            progress.advance(1)
    progress.stop()
    write_surroundings(msgspec.structs.replace(job, agents=agents))
    inventory = Path(job.folder) / INVENTORY
    rows = inventory.read_text().splitlines(keepends=True)
    with inventory.open("a") as out:
        for number in range(1, copies):
            out.writelines(row.replace(",", f"~{number},", 1) for row in rows[1:])
    timed = tail * copies
    return msgspec.structs.replace(job, warm=total - timed, cold=total // 2, events=timed)


def measure_size(
    agents: int, each: int, caches: Sequence[str], progress: Progress
) -> dict[str, dict[str, float]]:
    """Measure a fleet under several caches.

    Returns
    -------
    dict[str, dict[str, float]]
        By cache: ``agents``, ``events``, ``rate`` and ``cpu_rate`` of the timed events,
        ``peak_bytes``, ``million_bytes`` (the peak for a million agents). Bytes per agent:
        ``resident``, ``file``, ``blobs``, ``whole_file``.
    """
    results, batch = _run(agents, each, progress, {name: CACHES[name] for name in caches})
    least = {"packed": CACHES["packed"]}
    floors, _ = _run(_FLOOR_AGENTS, EACH, progress, least, batch=batch)
    return {name: _figures(result, floors["packed"]) for name, result in results.items()}


def _figures(result: Result, floor: Result) -> dict[str, float]:
    more = result.more
    beyond = more["agents"] - floor.more["agents"]
    each = (result.peak_bytes - floor.peak_bytes) / beyond
    return {
        "agents": more["agents"],
        "events": float(result.warm.events),
        "rate": result.warm.wall_rate,
        "cpu_rate": result.warm.cpu_rate,
        "peak_bytes": float(result.peak_bytes),
        "million_bytes": floor.peak_bytes + 1e6 * each,
        "resident": (result.resident_bytes - floor.resident_bytes) / beyond,
        **{key: more[key] for key in ("file", "blobs", "whole_file")},
    }


def _run(
    agents: int,
    each: int,
    progress: Progress,
    caches: dict[str, tuple[int, int]],
    batch: int | None = None,
) -> tuple[dict[str, Result], int]:
    """Give the results by cache, and the number of events in a batch."""
    with tempfile.TemporaryDirectory(prefix="habitus-size-") as folder:
        events = max(20_000, agents, 2 * (batch or 0))  # at least some batches
        job = Job(folder=folder, agents=agents, cold=0, warm=0, events=events, batch=batch)
        job = write_fleet(job, each, progress)
        found = {}
        for name, (ready, packed) in caches.items():
            shown = f"judging {agents:,} agents, {name}"
            found[name] = measure(
                "habitus",
                msgspec.structs.replace(job, cache_agents=ready, packed_agents=packed, shown=shown),
            )
            for path in Path(folder).glob("habitus-*"):
                path.unlink()
        return found, job.batch_size


def findings(found: dict[str, dict[str, float]]) -> Findings:
    """Give the figures by cache, and the goals about them."""
    first = next(iter(found.values()))
    caches = Table(
        sentence=(
            f"{first['agents']:,.0f} agents; {first['events']:,.0f} events are timed once all "
            "agents are there."
        ),
        columns=["cache", "KiB resident", "peak MiB", "events/s", "per CPU s", _OVER_FIRST],
        rows=[
            [
                name,
                f"{one['resident'] / _KIB:.1f}",
                f"{one['peak_bytes'] / _KIB**2:,.0f}",
                f"{one['rate']:,.0f}",
                f"{one['cpu_rate']:,.0f}",
                f"{one['cpu_rate'] / first['cpu_rate']:.2f}",
            ]
            for name, one in found.items()
        ],
    )
    rows = [[words, f"{first[key] / _KIB:.2f}"] for key, words in _STORED.items()]
    goals = [Goal(figure="stored, KiB an agent", row=_STORED["file"], column=_MEASURED, most=2)]
    if "packed" in found:
        goals.append(
            Goal(figure="packed, KiB an agent", row="packed", column="KiB resident", most=8)
        )
    if "evicted" in found:
        rows.append([_MILLION, f"{found['evicted']['million_bytes'] / _KIB**3:.2f}"])
        goals.append(Goal(figure=_MILLION, row=_MILLION, column=_MEASURED, most=8))
    if "evicted" in found and len(found) > 1:
        goals.append(
            Goal(figure="speed, evicted over first", row="evicted", column=_OVER_FIRST, least=0.6)
        )
    stored = Table(
        sentence="Sizes are in KiB an agent where no other unit is named.",
        columns=["size", _MEASURED],
        rows=rows,
    )
    return Findings([caches, stored], goals)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.size", description=__doc__)
    parser.add_argument("--agents", type=int, default=100_000, help="agents in the fleet")
    parser.add_argument("--each", type=int, help="events an agent begins with")
    parser.add_argument("--caches", help="some of " + ",".join(CACHES))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_save(parser)
    asked = parser.parse_args(arguments)
    large = asked.agents > _TEMPLATE
    caches = (asked.caches or ("packed,evicted" if large else "ready,packed,evicted")).split(",")
    each = asked.each or (FEW_EACH if large else EACH)
    with progress_for(json=False) as progress:
        found = measure_size(asked.agents, each, caches, progress)
    if asked.json:
        print(json.dumps(found))
        return
    show(findings(found), f"A fleet of {asked.agents:,} agents", "benchmarks.size", asked.save)


if __name__ == "__main__":
    main()
