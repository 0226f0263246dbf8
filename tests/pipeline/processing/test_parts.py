"""Records of parts in a worker: halves survive a kill, and one call is one event on every way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import PipelineStatus, open_store

if TYPE_CHECKING:
    from pipeline.processing.worker import Worker
    from pipeline.store import Store

NOW = 1_800_000_000_000_000
WIRE = format_named("claude-code")


def hook(name: str, **more: Any) -> RawRecord:
    value = {
        "hook_event_name": name, "session_id": "s-1", "tool_name": "Read",
        "tool_input": {"file_path": "a.py"}, "tool_use_id": "toolu_0000000001",
    }  # fmt: skip
    return RawRecord(json.dumps(value | more).encode(), "t", 1, NOW)


def line(kind: str, block: dict[str, Any], second: int) -> RawRecord:
    value = {
        "type": kind, "sessionId": "s-1", "timestamp": f"2027-01-15T08:00:{second:02}Z",
        "message": {"content": [block]},
    }  # fmt: skip
    return RawRecord(json.dumps(value).encode(), "file", second, NOW)


def started(store: Store) -> Worker:
    return build_worker(Settings(kernel="auto"), store, publish=True)


def judged(worker: Worker, *records: RawRecord) -> dict[str, int]:
    out = worker.judge(records, WIRE)
    worker.commit(out, {}, PipelineStatus())
    return out.counters


def test_half_of_a_call_survives_a_kill(store_url: str) -> None:
    with open_store(store_url) as store:
        assert "events" not in judged(started(store), hook("PreToolUse"))
        killed = started(store)
        killed.judge([hook("PostToolUse", tool_response="text")], WIRE)  # not committed
        counters = judged(started(store), hook("PostToolUse", tool_response="text"))
        assert counters["events"] == 1
        assert store.states("claude-code")[0].events == 1


def test_call_that_a_transcript_repeats_is_one_event_and_no_finding(store_url: str) -> None:
    use = {
        "type": "tool_use",
        "id": "toolu_0000000001",
        "name": "Read",
        "input": {"file_path": "b"},
    }
    result = {"type": "tool_result", "tool_use_id": "toolu_0000000001", "content": "other text"}
    with open_store(store_url) as store:
        judged(started(store), hook("PostToolUse", tool_response="text"), hook("SessionEnd"))
        counters = judged(started(store), line("assistant", use, 1), line("user", result, 2))
        assert counters == {"assembly_parts_repeated": 2}
        assert store.states("claude-code")[0].events == 1
        assert not store.anomalies()
        assert not [one for _, one in store.outbox(50) if one.topic.endswith("rejected")]


def test_record_that_cannot_be_read_is_rejected_with_its_bytes(store_url: str) -> None:
    with open_store(store_url) as store:
        counters = judged(started(store), RawRecord(b"[1]", "t", 3, NOW), hook("PostToolUse"))
        assert counters["rejected_wrong_type"] == counters["events"] == 1
        (message,) = [one for _, one in store.outbox(50) if one.topic.endswith("rejected")]
        assert message.value == b"[1]"
