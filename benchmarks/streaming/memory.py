"""Memory and disk per agent, in a fleet ten times as large.

Resident bytes are the difference of two processes with the same code and batch size: one over the
large fleet, one over a hundredth of it. So libraries, lists and one batch cancel out.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import msgspec

from benchmarks.measuring.child import measure
from benchmarks.measuring.meter import Job
from benchmarks.streaming.inputs import write_inputs
from pipeline.processing.stream_types import DEFAULT_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 10
EVENTS_PER_AGENT = 20
_ALL = 1_000_000
_FLOOR_BATCHES = 4  # enough for buffers to have grown to their size


def measure_memory(agents: int, say: Callable[[str], None]) -> dict[str, float]:
    """Measure a fleet of `agents`, with the default cache and with all agents unpacked.

    Returns
    -------
    dict[str, float]
        ``agents``, ``events``, and bytes per agent: ``resident_default_cache``,
        ``resident_all_ready``, ``stored_file``, ``stored_blobs``, ``stored_whole_file``.
    """
    few, events = max(1, agents // 100), EVENTS_PER_AGENT * agents
    batch = max(1, min(DEFAULT_BATCH, events // _FLOOR_BATCHES))
    say(f"memory: the same with {few} agents")
    floor, floor_agents, _ = _resident(few, _FLOOR_BATCHES * batch, batch, None)
    found: dict[str, float] = {"events": events}
    for name, cache in (("default_cache", None), ("all_ready", _ALL)):
        say(f"memory: {agents} agents, {name.replace('_', ' ')}")
        size, seen, stored = _resident(agents, events, batch, cache)
        found[f"resident_{name}"] = (size - floor) / (seen - floor_agents)
        found["agents"] = seen
        found |= {f"stored_{key}": stored[key] for key in ("file", "blobs", "whole_file")}
    return found


def _resident(
    agents: int, events: int, batch: int, cache_agents: int | None
) -> tuple[int, float, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        half = events // 2
        job = Job(
            folder=folder, agents=agents, cold=half, warm=half, events=events - half, batch=batch
        )
        write_inputs(job)
        result = measure("habitus", msgspec.structs.replace(job, cache_agents=cache_agents))
        return result.resident_bytes, result.more["agents"], result.more
