"""No byte of a credential is in any file, once the worker has judged what came over HTTP."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from pipeline.processing import loop, runner
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TOKEN = "gl" + "pat-" + "Ab3dEf6hIj9kLm2nOp5q"
PASSWORD = "Tr0ub4dor-and-3"  # noqa: S105  # made up
WAIT_S = 60


def event(number: int, **more: object) -> bytes:
    found = {
        "id": f"e-{number}", "time": "2026-10-05T08:00:00Z", "agent": {"id": "billing-bot"},
        "tool": "shell.run", "arguments": {"command": f"deploy --key {TOKEN}"},
    }  # fmt: skip
    return json.dumps(found | more).encode()


ROW = json.dumps(
    {
        "id": "r-1", "trace_id": "t-1", "call_type": "call_mcp_tool", "status": "success",
        "startTime": 1791187200.0,
        "metadata": {
            "user_api_key_alias": "mail-bot",
            "mcp_tool_call_metadata": {
                "name": "send", "arguments": {"body": "x" * 30_000 + f" {TOKEN}"},
                "result": {"content": [{"type": "text", "text": f"password: {PASSWORD}"}]},
            },
        },
    }
).encode()  # fmt: skip


def files_with_credentials(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*")):
        raw = path.read_bytes() if path.is_file() else b""
        if TOKEN.encode() in raw or PASSWORD.encode() in raw:
            found.append(path.name)
    return found


def test_no_file_has_a_credential_while_the_worker_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FORGET_US", 200_000)
    out = tmp_path / "out"
    out.mkdir()
    settings = Settings(store=f"sqlite:{tmp_path / 'run.db'}", sink=f"file:{out}")
    with open_store(settings.store) as api:  # it stays open, so the log is not removed
        api.inbox([event(1), event(2), event(3, id=7), event(4)[:-2]])
        api.report("litellm", "", [ROW, ROW.replace(b'{"id"', b'"id"', 1)])
        assert files_with_credentials(tmp_path)
        stop = threading.Event()
        judging = threading.Thread(target=runner.serve_inbox, args=(settings, stop))
        judging.start()
        try:
            end = time.monotonic() + WAIT_S
            while time.monotonic() < end and files_with_credentials(tmp_path):
                time.sleep(0.1)
            assert files_with_credentials(tmp_path) == []
            assert judging.is_alive()
            assert not api.inbox_batch(0, 10)
            assert not api.reports(10)
        finally:
            stop.set()
            judging.join(WAIT_S)
        assert files_with_credentials(tmp_path) == []
    kept = tmp_path / "run.db.rejected.jsonl"
    rejected = [json.loads(line) for line in kept.read_bytes().splitlines()]
    assert sorted(one["reason"] for one in rejected) == [
        "malformed_json", "malformed_json", "wrong_type"
    ]  # fmt: skip
    assert all("***gitlab_token***" in one["value"] for one in rejected)
    assert all(one["detail"] and one["line"] for one in rejected)
