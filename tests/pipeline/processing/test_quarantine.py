"""A record that judging fails on is set aside, and leaves nothing behind in what is judged."""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from models.engine import Engine
from pipeline.processing import quarantine as apart
from pipeline.processing import runner
from pipeline.processing.quarantine import MAX_QUARANTINED, REASON
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import Commit, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from models.event import Event

SECRET = b"0123456789abcdef0123456789abcdef"
_KEPT = {
    "profiles": "agent_id, mode, trust, blob",
    "sessions": "key, blob",
    "shared": "name, blob",
    "seen": "key, day",
    "anomalies": "id, blob",
    "held": "event_id, blob",
}


class PanicException(BaseException):
    """What a panic of the kernel is raised as."""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, type[BaseException]]:
    """Events, by id, that judging fails on, after they have been learned."""
    ill: dict[str, type[BaseException]] = {}
    whole = Engine.judge

    def judge(self: Engine, event: Event, *args: Any, **more: Any) -> Any:
        found = whole(self, event, *args, **more)
        if event.id in ill:
            raise ill[event.id](f"a confidential {event.tool}")
        return found

    monkeypatch.setattr(Engine, "judge", judge)
    return ill


def judged(folder: Path, name: str, lines: Iterable[bytes], batch: int = 150) -> dict[str, Any]:
    """Judge a file; give what the store holds, the counters, and what was rejected."""
    stream, store = folder / f"{name}.jsonl", folder / f"{name}.db"
    stream.write_bytes(b"".join(line + b"\n" for line in lines))
    open_store(f"sqlite:{store}", secret=SECRET).close()
    settings = Settings(
        source=f"file:{stream}", store=f"sqlite:{store}", sink=f"file:{folder / name}",
        kernel="python", batch_size=batch, clock="event",
    )  # fmt: skip
    runner.run(settings, drain=True, stop=threading.Event())
    database = sqlite3.connect(store)
    found: dict[str, Any] = {
        table: sorted(database.execute(f"select {columns} from {table}"))  # noqa: S608 - as above
        for table, columns in _KEPT.items()
    }
    found["counted"] = dict(database.execute("select name, value from counters"))
    database.close()
    rejected = folder / name / "agent.actions.rejected.jsonl"
    lines = rejected.read_bytes().splitlines() if rejected.exists() else []
    found["rejected"] = [json.loads(line) for line in lines]
    return found


def id_of(line: bytes) -> str:
    return str(json.loads(line)["id"])


def test_other_records_are_judged_as_without_the_bad_one(
    pipeline: Any, tmp_path: Path, failing: dict[str, type[BaseException]]
) -> None:
    lines = pipeline.events(600)
    ill = {at: lines[at] for at in (3, 250, 251, 449)}
    without = judged(tmp_path, "without", [line for line in lines if line not in ill.values()])
    kinds = [ZeroDivisionError, PanicException, IndexError, ZeroDivisionError]
    failing.update(zip(map(id_of, ill.values()), kinds, strict=True))
    found = judged(tmp_path, "with", lines)
    rejected, counted = found.pop("rejected"), found.pop("counted")
    assert not without.pop("rejected")
    assert counted == without.pop("counted") | {f"rejected_{REASON}": len(ill)}
    assert found == without
    assert {one["line"] for one in rejected} == {at + 1 for at in ill}
    for one, kind in zip(sorted(rejected, key=lambda one: one["line"]), kinds, strict=True):
        assert one["reason"] == REASON
        assert f"{kind.__name__} in {__name__}, line" in one["detail"]
        assert "confidential" not in one["detail"]
        assert one["value"] in {line.decode() for line in ill.values()}


def test_worker_ends_if_many_records_fail(
    pipeline: Any, tmp_path: Path, failing: dict[str, type[BaseException]]
) -> None:
    lines = pipeline.events(60)
    failing.update((id_of(line), ZeroDivisionError) for line in lines[: MAX_QUARANTINED + 1])
    with pytest.raises(ZeroDivisionError):
        judged(tmp_path, "many", lines)


def test_record_that_fails_once_is_judged_the_second_time(
    pipeline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, whole, calls = pipeline.events(60), Engine.judge, []

    def judge(self: Engine, *args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 30:
            raise OSError("passing")
        return whole(self, *args, **more)

    monkeypatch.setattr(Engine, "judge", judge)
    found = judged(tmp_path, "passing", lines)
    assert found["counted"]["events"] == len(lines)
    assert not found["rejected"]


def test_no_record_is_quarantined_if_no_worker_can_be_made() -> None:
    def fail(_: object) -> Commit:
        raise OSError("a model that is gone")

    with pytest.raises(OSError, match="a model that is gone"):
        apart.judged(fail, fail, [RawRecord(b"{}", "file:x", 1, 0)])


@pytest.mark.parametrize("wanted", [KeyboardInterrupt, MemoryError])
def test_error_without_a_bad_record_quarantines_none(
    pipeline: Any, tmp_path: Path, failing: dict[str, type[BaseException]], wanted: Any
) -> None:
    lines = pipeline.events(60)
    failing[id_of(lines[20])] = wanted
    with pytest.raises(wanted):
        judged(tmp_path, "wanted", lines)
