"""An identity finding in one mode moves the stored level of every mode, and the answer on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.trust.response import trust_answer
from pipeline.configuration.derived import trust_policy_of
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store import PipelineStatus, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.trust.levels import LevelState
    from pipeline.store import Store

MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
ARRIVED_US = 1_798_761_600_000_000
DAYS = 13
AGENT = "clerk-1"
ENDED = {"id": "c-1", "expires_at": "2026-01-01T00:00:00Z"}


def an_event(day: int, minute: int, mode: str, **more: Any) -> bytes:
    event = {
        "id": f"{mode}-{day}-{minute}",
        "time": (MONDAY + timedelta(days=day, minutes=minute)).isoformat(),
        "agent": {"id": AGENT, "role": "clerk"},
        "tool": "mail.send",
        "session": f"{mode}-{day}",
        "mode": mode,
    }
    return json.dumps(event | more).encode()


def a_day(day: int, *modes: str) -> list[bytes]:
    return [an_event(day, minute, mode) for minute in range(20) for mode in modes]


QUIET_DAYS = [line for day in range(DAYS) for line in a_day(day, "autonomous", "delegated")]
STOLEN = an_event(DAYS, 0, "autonomous", credential=ENDED)


@pytest.fixture(params=["auto", "python"])
def settings(request, pipeline) -> Any:
    return pipeline.settings("-", inventory=None, kernel=request.param, alerts_per_day=0.1)


@pytest.fixture
def store(settings) -> Iterator[Store]:
    with open_store(settings.store) as opened:
        yield opened


def cut_into(lines: list[bytes], size: int) -> list[list[bytes]]:
    return [lines[start : start + size] for start in range(0, len(lines), size)]


def judge(settings: Any, store: Store, lines: list[bytes], *, at_once: int = 500) -> list[Any]:
    worker, published = build_worker(settings, store), []
    for part in cut_into(lines, at_once):
        out = worker.judge([RawRecord(line, "stdin", n, ARRIVED_US) for n, line in enumerate(part)])
        worker.commit(out, {}, PipelineStatus("running", ARRIVED_US))
        published += [json.loads(one.value or b"") for one in out.outbox if "trust" in one.topic]
    return published


def level_state(store: Store, mode: str) -> LevelState:
    (found,) = (state.level_state for state in store.states(AGENT) if state.mode == mode)
    return found


def ask(settings: Any, store: Store, mode: str | None = None) -> Any:
    at_us = store.status().watermark_us or max(one.last_seen_us for one in store.states(AGENT))
    policy = trust_policy_of(settings)
    return trust_answer(store.states(AGENT), AGENT, at_us, at_us, policy, mode=mode)


def test_the_level_of_the_other_mode_falls_with_the_finding(settings, store):
    judge(settings, store, QUIET_DAYS)
    assert level_state(store, "delegated").level == "normal"
    (answer,) = judge(settings, store, [STOLEN])[-1:]
    assert answer["facets"]["identity"] < answer["facets"]["tools"]
    fallen = level_state(store, "delegated")
    assert fallen.level == "watch"
    assert fallen.above_since_us[1] is None
    assert ask(settings, store, "delegated").level == "watch"
    assert [one.anomaly for one in ask(settings, store, "delegated").reasons] == ["cred.lifetime"]


def test_the_other_mode_rises_with_the_patience_of_any_fall(settings, store):
    judge(settings, store, [*QUIET_DAYS, STOLEN])
    seen = []
    for day in range(DAYS + 1, DAYS + 30):
        judge(settings, store, a_day(day, "autonomous", "delegated"))
        answer = ask(settings, store, "delegated")
        assert answer.level == level_state(store, "delegated").level
        seen.append((answer.lower, answer.level))
        if answer.level == "normal":
            break
    waiting = [level for lower, level in seen[:-1] if lower >= 50]
    assert len(waiting) > 3
    assert set(waiting) == {"watch"}
    assert seen[-1][1] == "normal"
    assert seen[-2][0] >= 55


def test_a_mode_that_begins_after_the_finding_is_judged_by_it(settings, store):
    first = [line for line in QUIET_DAYS if b"delegated" not in line]
    judge(settings, store, [*first, STOLEN])
    judge(settings, store, a_day(DAYS + 1, "delegated"))
    answer = ask(settings, store, "delegated")
    assert "cred.lifetime" in [one.anomaly for one in answer.reasons]
    assert answer.facets.identity < answer.facets.network


def test_levels_do_not_depend_on_batches_or_restarts(settings, store, pipeline):
    stream = [*QUIET_DAYS, STOLEN, *a_day(DAYS + 1, "delegated", "autonomous")]
    judge(settings, store, stream)
    other = pipeline.settings(
        "-", "other", inventory=None, kernel=settings.kernel, alerts_per_day=0.1
    )
    with open_store(other.store) as cut:
        for part in cut_into(stream, 70):
            judge(other, cut, part, at_once=33)
        for mode in ("delegated", "autonomous"):
            assert level_state(cut, mode) == level_state(store, mode)


def test_a_mode_that_is_not_in_memory_falls_too(settings, store):
    small = settings.model_copy(update={"cache_agents": 1, "packed_agents": 0})
    judge(small, store, QUIET_DAYS, at_once=24)
    judge(small, store, [STOLEN])
    assert level_state(store, "delegated").level == "watch"
