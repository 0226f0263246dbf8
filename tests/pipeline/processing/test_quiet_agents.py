"""Agents that act on one day only are part of what a fleet is known for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.baseline.profile import Profile
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store import PipelineStatus, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS, AGENTS = 12, 5
ARRIVED_US = 1_798_761_600_000_000  # 2027-01-01


def lines() -> Iterator[bytes]:
    """Five new agents every day, each with twenty calls."""
    for day in range(DAYS):
        for call in range(20):
            for agent in range(AGENTS):
                event = {
                    "id": f"{day}-{agent}-{call}",
                    "time": (START + timedelta(days=day, minutes=call, seconds=agent)).isoformat(),
                    "agent": {"id": f"job-{day}-{agent}", "role": "job"},
                    "tool": f"step-{call % 4}",
                    "session": f"{day}-{agent}",
                    "mode": "autonomous",
                }
                yield json.dumps(event).encode()


def judged(pipeline: Any, kernel: str, size: int, folder: str) -> tuple[int, dict[str, bytes]]:
    settings = pipeline.settings("-", folder, inventory=None, kernel=kernel)
    records = [RawRecord(line, "stdin", at, ARRIVED_US) for at, line in enumerate(lines(), 1)]
    with open_store(settings.store) as store:
        worker = build_worker(settings, store)
        for first in range(0, len(records), size):
            out = worker.judge(records[first : first + size])
            worker.commit(out, {}, PipelineStatus("running", 0))
        profiles = {
            f"{agent}/{mode}": blob
            for (agent, mode), (blob, _) in store.profiles(
                [f"job-{day}-{agent}" for day in range(DAYS) for agent in range(AGENTS)]
            ).items()
        }
        return worker.engine.shared.known_days, profiles


@pytest.mark.parametrize("kernel", ["python", "native"])
def test_days_of_agents_that_do_not_return_are_known(pipeline: Any, kernel: str) -> None:
    known, profiles = judged(pipeline, kernel, 500, "one")
    assert known > AGENTS * DAYS / 3  # half of a day's weight goes in a fortnight
    for name, blob in profiles.items():
        agent_id, mode = name.split("/")
        day = int(agent_id.split("-")[1])
        waits = Profile.load(blob, agent_id, mode).open_days
        assert bool(waits) == (day >= DAYS - 2) or day == DAYS - 3, name


def test_batches_and_kernels_make_no_difference(pipeline: Any) -> None:
    first = judged(pipeline, "python", 500, "first")
    assert judged(pipeline, "python", 37, "second") == first
    assert judged(pipeline, "native", 211, "third") == first
