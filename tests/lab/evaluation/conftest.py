"""A small recording with planted cases in a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
Line = dict[str, Any]


def an_event(day: int, number: int, tool: str = "ledger.read", **more: Any) -> Line:
    agent, large = number % 4, number == 11 + 13 * day
    return {
        "id": f"e-{day}-{number}",
        "time": (START + timedelta(days=day, minutes=3 * number)).isoformat(),
        "agent": {"id": f"clerk-{agent}", "role": "clerk"},
        "session": f"s-{day}-{number // 8}-{agent}",
        "tool": tool,
        "volume": {"bytes_out": 90_000 if large else 200 + 13 * (number % 5)},
    } | more


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("made-up")
    lines = [an_event(day, n) for day in range(8) for n in range(120)]
    attack = an_event(7, 120, "vault.export")
    new = an_event(7, 124, "ledger.list")
    cases = [
        {"id": "c1", "kind": "attack", "type": "tool.new", "agent_id": "clerk-0", "cause": "tool",
         "also": ["operation"], "event_ids": [attack["id"]], "what": "an export"},
        {"id": "c2", "kind": "benign", "type": "deployment", "event_ids": [new["id"]]},
        {"id": "c3", "kind": "attack", "type": "tool.new", "event_ids": ["e-0-1"], "cause": "tool"},
    ]  # fmt: skip
    for name, rows in (("events", [*lines, attack, new]), ("truth", cases)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(folder / "events.jsonl"), str(folder / "truth.jsonl")
