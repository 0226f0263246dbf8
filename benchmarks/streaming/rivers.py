"""A simple alternative: one river pipeline per agent, in a dict.

The pipeline is ``StandardScaler | QuantileFilter(HalfSpaceTrees)`` with river's defaults, over six
numbers of each event. Each event is scored, then learned. It ignores tools, resources and networks,
gives no reasons, and loses its state at the end. The second variant commits the pickled state of
the agents to SQLite every 1,000 events.
"""

from __future__ import annotations

import math
import pickle
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from river.anomaly import HalfSpaceTrees, QuantileFilter
from river.preprocessing import StandardScaler

from benchmarks.measuring.meter import Meter, Result, Span, peak_bytes
from benchmarks.streaming.inputs import SEED, read_lines
from models.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.measuring.meter import Job

COMMIT_EVERY = 1_000
# A few stretches suffice at a few hundred events a second. They are spread over the timed events,
# because a thousand events at night have far fewer agents, so less is committed.
STRETCHES = 5

# The fastest decoder for these events, so that decoding does not decide the comparison.
_decode = msgspec.json.Decoder(Event).decode


def features(event: Event) -> dict[str, float]:
    """Give six finite numbers of an event; missing values are 0."""
    volume = event.volume
    return {
        "hour": event.time.hour + event.time.minute / 60,
        "bytes_in": math.log1p((volume and volume.bytes_in) or 0),
        "bytes_out": math.log1p((volume and volume.bytes_out) or 0),
        "records": math.log1p((volume and volume.records) or 0),
        "duration": math.log1p(event.duration_ms or 0),
        "failed": float(event.outcome in ("denied", "error")),
    }


class Rivers:
    """A river pipeline for each agent."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.scores = 0.0

    def learn(self, lines: Sequence[bytes]) -> set[str]:
        """Score and learn events one by one; return their agents."""
        touched = set()
        for line in lines:
            event = _decode(line)
            agent_id = event.agent.id
            model = self.models.get(agent_id)
            if model is None:
                model = self.models[agent_id] = _model()
            values = features(event)
            self.scores += model.score_one(values)
            model.learn_one(values)
            touched.add(agent_id)
        return touched

    def commit(self, database: sqlite3.Connection, agent_ids: Iterable[str]) -> None:
        """Commit the state of some agents."""
        with database:
            database.executemany(
                "insert into models (agent_id, state) values (?, ?) "
                "on conflict (agent_id) do update set state = excluded.state",
                ((agent_id, pickle.dumps(self.models[agent_id])) for agent_id in agent_ids),
            )


def river_in_memory(job: Job) -> Result:
    """All state in memory, from the first event."""
    fleet, meter, lines = Rivers(), Meter(), read_lines(job)
    meter.start(None, "river")
    for start in range(0, len(lines), COMMIT_EVERY):
        part = lines[start : start + COMMIT_EVERY]
        fleet.learn(part)
        meter.advance(len(part))
    meter.stop()
    assert math.isfinite(fleet.scores)
    return meter.result("river", job)


def river_committed(job: Job) -> Result:
    """Warm up in memory, then time stretches of 1,000 events with commits."""
    fleet, meter, lines = Rivers(), Meter(), read_lines(job)
    fleet.learn(lines[: job.warm])
    database = _database(Path(job.folder) / "rivers.db")
    timed = lines[job.warm :]
    starts = range(0, len(timed), COMMIT_EVERY)
    step = len(starts) // STRETCHES or 1
    committed = starts[step // 2 :: step][:STRETCHES]
    meter.start(None, "river-committed")
    for start in starts:
        part = timed[start : start + COMMIT_EVERY]
        touched = fleet.learn(part)
        if start in committed:
            fleet.commit(database, touched)
        meter.advance(len(part))
    meter.stop()
    again = _committed_again(fleet, database, [timed[start:][:COMMIT_EVERY] for start in committed])
    database.close()
    return Result(
        name="river-committed",
        warm=Span.of(meter.span(start, start + COMMIT_EVERY) for start in committed),
        cold=None,
        peak_bytes=peak_bytes(),
        resident_bytes=meter.resident_bytes,
        more={
            "again": again.wall_rate,
            "again_per_cpu_s": again.cpu_rate,
            "pickled_bytes_per_agent": len(pickle.dumps(next(iter(fleet.models.values())))),
        },
    )


def _committed_again(
    fleet: Rivers, database: sqlite3.Connection, stretches: Iterable[Sequence[bytes]]
) -> Span:
    """Time some events after all agents have been committed.

    The first pickling of a model takes four times as long, because its thousands of nodes then each
    get a ``__dict__``.
    """
    fleet.commit(database, fleet.models)
    meter, done = Meter(), 0
    meter.start(None, "river-committed")
    for part in stretches:
        fleet.commit(database, fleet.learn(part))
        done += len(part)
        meter.advance(len(part))
    meter.stop()
    return meter.span(0, done)


def _model() -> Any:
    return StandardScaler() | QuantileFilter(HalfSpaceTrees(seed=SEED), q=0.95)


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    for setting in ("journal_mode=wal", "synchronous=full", "cache_size=-65536"):
        database.execute(f"pragma {setting}")
    database.execute("create table models (agent_id text primary key, state blob not null)")
    return database
