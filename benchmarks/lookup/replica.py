"""Costs of a replica of the API: memory per agent, and changes applied per second."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lookup.servers import agent_name, trust_state
from benchmarks.measuring.meter import Meter, Result, Span, resident_bytes
from models.trust.opinion import TrustPolicy
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.store import Commit, open_store
from scoring_api.config import ApiConfig
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cache import TrustCache

if TYPE_CHECKING:
    from benchmarks.measuring.meter import Job

_PART = 5_000


def replica(job: Job) -> Result:
    """Load `job.agents` agents from a store, then ask for each of them."""
    path = Path(job.folder) / "replica.db"
    with open_store(f"sqlite:{path}") as store:
        for first in range(0, job.agents, _PART):
            states = map(trust_state, range(first, min(first + _PART, job.agents)))
            rows = [(state.agent_id, state.mode, b"profile", state) for state in states]
            store.commit(Commit(profiles=rows))
    with open_store(f"sqlite:{path}") as store:
        cache = TrustCache(store, ApiConfig(), TrustPolicy(), DEFAULT_OBLIGATIONS, Metrics())
        before, meter = resident_bytes(), Meter()
        meter.start(None, "loading")
        asyncio.run(cache.poll())
        meter.advance(job.agents)
        meter.stop()
        loaded = resident_bytes()
        now = time.time_ns() // 1000
        for number in range(job.agents):
            cache.entry(agent_name(number), (None, None), now).start_message(now)
        asked = resident_bytes()
        cache.close()
    assert len(cache.agents) == job.agents
    span: Span = meter.span(0, job.agents)
    more = {
        "agent_bytes": (loaded - before) / job.agents,
        "asked_agent_bytes": (asked - loaded) / job.agents,
        "idle_bytes": float(before),
    }
    return Result(
        name="replica", warm=span, cold=None, peak_bytes=asked, resident_bytes=loaded, more=more
    )
