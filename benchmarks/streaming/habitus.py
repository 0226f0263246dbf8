"""Habitus as run by `habitus run --drain`: all features on, all results committed."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.meter import Meter
from benchmarks.streaming.inputs import CORPORATE, INTEL, INVENTORY, sizes
from pipeline.processing import runner
from pipeline.processing.progress import chosen
from pipeline.settings import Settings

if TYPE_CHECKING:
    from benchmarks.measuring.meter import Job, Result

_KEPT = ("profiles", "sessions", "meta")


def habitus_from_file(job: Job) -> Result:
    """From JSON lines to committed state, without publishing."""
    meter, store = _run(job, f"file:{job.stream}", "none")
    return meter.result("habitus", job, sizes(job), stored_bytes(store))


def habitus_from_kafka(job: Job) -> Result:
    """From a topic to committed state and published results."""
    return _from_kafka(job, "habitus-kafka", "kafka-python")


def habitus_from_librdkafka(job: Job) -> Result:
    """From a topic to committed state and published results, both with librdkafka."""
    return _from_kafka(job, "habitus-librdkafka", "librdkafka")


def _from_kafka(job: Job, name: str, client: str) -> Result:
    source = f"kafka://{job.broker}/{job.topic}?group={job.topic}-{client}"
    meter, _ = _run(job, source, f"kafka://{job.broker}", client=client)
    return meter.result(name, job)


def habitus_to_files(job: Job) -> Result:
    """From JSON lines to committed state and results published to files."""
    out = Path(job.folder) / f"out-{job.batch_size}"
    meter, store = _run(job, f"file:{job.stream}", f"file:{out}", batch=job.batch_size)
    published = {path.stem: path.read_bytes() for path in out.iterdir()}
    more = stored_bytes(store) | {
        f"{topic} {what}": float(value)
        for topic, lines in published.items()
        for what, value in (("messages", lines.count(b"\n")), ("bytes", len(lines)))
    }
    return meter.result("habitus-files", job, sizes(job), more)


def stored_bytes(store: Path) -> dict[str, float]:
    """Give the stored bytes per agent.

    Returns
    -------
    dict[str, float]
        ``agents``; ``file``: a database of only profiles, trust and sessions; ``blobs``: the sum of
        their lengths; ``whole_file``: the whole database, including event ids.
    """
    alone = store.with_suffix(".alone")
    database = sqlite3.connect(store)
    agents, blobs = database.execute(
        "select count(distinct agent_id), sum(length(blob) + length(trust)) from profiles"
    ).fetchone()
    blobs += database.execute("select coalesce(sum(length(blob)), 0) from sessions").fetchone()[0]
    database.execute("vacuum into ?", (str(alone),))
    database.close()
    whole = alone.stat().st_size
    _drop_all_but(alone, _KEPT)
    part = alone.stat().st_size
    alone.unlink()
    per_agent = {"file": part / agents, "blobs": blobs / agents, "whole_file": whole / agents}
    return {"agents": agents} | per_agent


def _run(
    job: Job, source: str, sink: str, batch: int = 0, client: str = "kafka-python"
) -> tuple[Meter, Path]:
    name = f"habitus-{sink.partition(':')[0]}-{client}-{job.cache_agents}-{batch}.db"
    store = Path(job.folder) / name
    values: dict[str, Any] = {
        "source": source,
        "sink": sink,
        "store": f"sqlite:{store}",
        "intel": Path(job.folder) / INTEL,
        "inventory": Path(job.folder) / INVENTORY,
        "corporate_networks": CORPORATE,
        "clock": "event",  # the stream's time is synthetic, and may be ahead of the wall time
        "batch_size": job.batch_size,
        "kafka_client": client,
    }
    for name in ("cache_agents", "packed_agents"):
        if (most := getattr(job, name)) is not None:
            values[name] = most
    meter = Meter(chosen(json=not job.shown), job.shown)
    summary = runner.run(Settings(**values), drain=True, progress=meter, stop=threading.Event())
    assert summary.events == job.warm + job.events, summary
    assert not summary.rejected, summary
    return meter, store


def _drop_all_but(path: Path, kept: tuple[str, ...]) -> None:
    database = sqlite3.connect(path)
    tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (name,) in tables:
        if name not in kept and not name.startswith("sqlite_"):
            database.execute(f"drop table {name}")
    database.commit()
    database.execute("vacuum")
    database.close()
