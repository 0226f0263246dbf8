"""A recording judged offline: the same input gives the same output, in the agreed shape."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError
from models.trust.levels import LEVELS
from pipeline.processing.recordings import judge
from pipeline.processing.recordings.replay import replay
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 1_500
NUMBER = (int, float)
SHAPE: dict[str, Any] = {
    "event_id": str,
    "agent_id": str,
    "mode": str,
    "session": (str, type(None)),
    "time": str,
    "rank": NUMBER,
    "return_period_days": (*NUMBER, type(None)),
    "case_id": (str, type(None)),
    "s_sum": NUMBER,
    "s_max": NUMBER,
    "p": (*NUMBER, type(None)),
    "p_pool": (str, type(None)),
    "p_n": int,
    "session_p": (*NUMBER, type(None)),
    "alert": bool,
    "severity": (str, type(None)),
    "anomaly": (str, type(None)),
    "learned": bool,
    "reasons": list,
    "tags": dict,
    "trust": dict,
}


def replayed(pipeline, lines: list[bytes] | Path, name: str = "out.jsonl", **more: Any) -> Any:
    source = pipeline.file(lines) if isinstance(lines, list) else lines
    settings = Settings(inventory=pipeline.inventory, clock="event")
    out = str(pipeline.folder / name)
    given = {"fmt": "native", "out": out, "settings": settings} | more
    return replay([str(source)], **given)


def lines_of(pipeline, name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (pipeline.folder / name).read_bytes().splitlines()]


@pytest.fixture(scope="module")
def judged(shared_pipeline) -> list[dict[str, Any]]:
    replayed(shared_pipeline, shared_pipeline.mixed(EVENTS))
    return lines_of(shared_pipeline)


def test_output_does_not_depend_on_the_batch_size(shared_pipeline, judged, monkeypatch):
    for name, batch in (("again.jsonl", 2_000), ("by-seven.jsonl", 7)):
        monkeypatch.setattr(judge, "_BATCH", batch)
        replayed(shared_pipeline, shared_pipeline.folder / "events.jsonl", name)
        folder = shared_pipeline.folder
        assert (folder / name).read_bytes() == (folder / "out.jsonl").read_bytes()
        rejected = [lines_of(shared_pipeline, f"{n}.rejected.jsonl") for n in ("out.jsonl", name)]
        for line in rejected[0] + rejected[1]:
            del line["time"]  # of arrival
        assert rejected[0] == rejected[1]
    assert len(judged) == EVENTS + 2


def test_each_event_gives_one_line_in_input_order(shared_pipeline, judged):
    ids = [json.loads(line)["id"] for line in shared_pipeline.events(EVENTS)]
    assert [line["event_id"] for line in judged] == ids


def test_a_line_has_the_agreed_keys_and_types(judged):
    assert any(line["reasons"] and line["tags"]["owasp"] for line in judged)
    for line in judged:
        assert SHAPE.keys() <= line.keys()
        for key, kind in SHAPE.items():
            assert isinstance(line[key], kind), (key, line[key])
        assert line["trust"].keys() == {"score", "lower", "level", "state"}
        assert 0 <= line["trust"]["lower"] <= line["trust"]["score"] <= 100
        assert line["trust"]["level"] in LEVELS
        assert line["tags"].keys() == {"owasp", "maestro", "attack", "atlas"}
        assert line["reasons"] or line["anomaly"] is None
        assert line["case_id"] or not line["alert"]
        for reason in line["reasons"]:
            assert reason.keys() == {"feature", "bits", "observed", "expected", "why"}
            assert all(0 <= p <= 1 for _, p in reason["expected"])


def test_every_event_that_says_something_new_is_explained_on_request(shared_pipeline, judged):
    replayed(
        shared_pipeline, shared_pipeline.folder / "events.jsonl", "all.jsonl", explain_all=True
    )
    explained = lines_of(shared_pipeline, "all.jsonl")
    bare = 0
    for line, whole in zip(judged, explained, strict=True):
        assert line | {"reasons": []} == whole | {"reasons": []}
        if line["reasons"]:
            assert line["reasons"] == whole["reasons"]
        bare += not line["reasons"] and bool(whole["reasons"])
    assert bare > EVENTS / 2


def test_p_is_null_while_uncalibrated_and_a_probability_from_then_on(judged):
    assert judged[0]["p"] is None
    assert judged[0]["p_pool"] is None
    assert judged[0]["session_p"] is None
    calibrated = [line for line in judged if line["p"] is not None]
    assert len(calibrated) > 300
    for line in calibrated:
        assert 0 < line["p"] <= 1
        assert line["p_n"] >= 1
        assert line["p_pool"]


def test_only_anomalies_have_a_severity(judged):
    assert all((line["anomaly"] is None) == (line["severity"] is None) for line in judged)
    assert all(line["anomaly"] for line in judged if line["alert"])
    shadows = [line for line in judged if line["anomaly"] == "identity.shadow"]
    assert shadows
    assert all(line["tags"]["owasp"] for line in shadows)


def test_refused_lines_are_written_to_a_file_with_line_reason_and_bytes(shared_pipeline, judged):
    mixed = shared_pipeline.mixed(EVENTS)
    refused = lines_of(shared_pipeline, "out.jsonl.rejected.jsonl")
    assert len(judged) + len(refused) == len(mixed)
    assert {line["reason"] for line in refused} > {"malformed_json", "not_utf8", "duplicate_id"}
    for line in refused:
        if "value" in line:
            assert line["value"].encode() == mixed[line["line"] - 1]


def test_replay_without_refused_lines_removes_the_earlier_file_of_them(pipeline):
    events = pipeline.events(20)
    assert replayed(pipeline, [*events, b"{"]).rejected == 1
    assert (pipeline.folder / "out.jsonl.rejected.jsonl").exists()
    assert replayed(pipeline, events).rejected == 0
    assert not (pipeline.folder / "out.jsonl.rejected.jsonl").exists()


def test_a_history_is_learned_and_calibrates_and_is_not_in_the_output(pipeline):
    events = pipeline.events(EVENTS)
    past = pipeline.file(events[:1_200], "past.jsonl")
    summary = replayed(pipeline, events[1_200:], history=[str(past)])
    lines = lines_of(pipeline)
    assert summary.events == len(lines) == EVENTS + 2 - 1_200
    assert [line["event_id"] for line in lines] == [json.loads(e)["id"] for e in events[1_200:]]
    assert sum(line["p"] is not None for line in lines) > 0.9 * len(lines)
    cold = replayed(pipeline, events[1_200:], "cold.jsonl")
    assert cold.events == summary.events
    without = lines_of(pipeline, "cold.jsonl")
    first_day = [line for line in without if line["time"][:10] == without[0]["time"][:10]]
    assert all(line["p"] is None for line in first_day)
    for line, bare in zip(lines, without, strict=True):
        assert bare["p"] is None or bare["p_n"] < line["p_n"]


def test_several_histories_are_merged_by_event_time(pipeline):
    # One event an instant: at the same instant, the order is that of the files.
    events = list({json.loads(line)["time"]: line for line in pipeline.events(800)}.values())
    past = events[:600]
    pasts = [past, past[::2], past[1::2], past[::-1]]
    whole, even, odd, backwards = (
        str(pipeline.file(lines, f"past-{n}.jsonl")) for n, lines in enumerate(pasts)
    )
    recording = pipeline.file(events[600:])
    outputs = []
    for name, history in (("a", [whole]), ("b", [even, odd]), ("c", [backwards])):
        replayed(pipeline, recording, name, history=history)
        outputs.append((pipeline.folder / name).read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_trusted_history_raises_no_alert_and_changes_no_trust(pipeline):
    events = pipeline.events(400)
    past = pipeline.file(events, "past.jsonl")
    store = f"sqlite:{pipeline.folder / 'kept.db'}"
    later = {"id": "later", "time": "2026-10-20T09:00:00Z", "agent": {"id": "new"}, "tool": "t"}
    replayed(pipeline, [json.dumps(later).encode()], history=[str(past)], store=store)
    with open_store(store) as kept:
        assert {anomaly["agent_id"] for anomaly in kept.anomalies()} == {"new"}
        states = [state for _, state in kept.changes(0, 100)]
        assert {state.agent_id for state in states if state.ledger.items} == {"new"}
        assert kept.counters()["events"] == 403


def test_a_temporary_store_leaves_nothing_and_a_kept_one_knows_the_events(pipeline):
    store = f"sqlite:{pipeline.folder / 'kept.db'}"
    replayed(pipeline, pipeline.events(60), store=store)
    with open_store(store) as kept:
        assert kept.counters()["events"] == 62
        assert kept.status().state == "drained"
    names = {path.name for path in pipeline.folder.iterdir()}
    assert names <= {"inventory.csv", "events.jsonl", "out.jsonl", "kept.db", "kept.db.lock"}


def test_a_pattern_and_a_folder_are_read_in_order_of_their_names(pipeline):
    events = pipeline.events(40)
    folder = pipeline.folder / "days"
    folder.mkdir()
    for name, part in (("b", events[20:]), ("a", events[:20])):
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(part) + b"\n")
    replayed(pipeline, events, "whole")
    for place in (folder, folder / "*.jsonl"):
        replayed(pipeline, place, "parts")
        assert (pipeline.folder / "parts").read_bytes() == (pipeline.folder / "whole").read_bytes()


def test_missing_file_is_reported(pipeline):
    with pytest.raises(ConfigError, match=r"nowhere\.jsonl"):
        replayed(pipeline, pipeline.folder / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("out", "history", "said"),
    [
        ("events.jsonl", [], "is also an input and would be lost"),
        ("past.jsonl", ["past.jsonl"], "is also an input and would be lost"),
        (".", [], "--out '.*' cannot be written: it is a folder, expected a file"),
        ("nowhere/out.jsonl", [], "cannot be written: there is no folder '"),
    ],
)
def test_input_file_is_never_overwritten(pipeline, out, history, said):
    source = pipeline.file(pipeline.events(5))
    past = pipeline.folder / "past.jsonl"
    past.write_bytes(source.read_bytes())
    before = source.read_bytes()
    with pytest.raises(ConfigError, match=said):
        replayed(pipeline, source, out, history=[str(pipeline.folder / one) for one in history])
    assert source.read_bytes() == past.read_bytes() == before


def test_unreadable_history_fails_in_one_line(pipeline):
    path = pipeline.file([line for line in pipeline.BAD if b'"bad-' in line])
    done = habitus(pipeline, "learn", str(path), "--format", "native")
    assert done.returncode == 1
    assert b"error: nothing was learned as native: all 3 records were rejected" in done.stderr


@pytest.mark.parametrize("command", ["replay", "evaluate", "learn"])
def test_command_without_files_reports_it(pipeline, command):
    done = habitus(pipeline, command)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: missing argument")


def habitus(pipeline, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    settings = Settings(inventory=pipeline.inventory, clock="event")
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "pipeline.cli", *arguments],
        env=pipeline.environment(settings), cwd=pipeline.folder, input=given,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_stdin_and_stdout_give_the_same_bytes_as_files(pipeline):
    lines = pipeline.mixed(80)
    replayed(pipeline, lines)
    given = (pipeline.folder / "events.jsonl").read_bytes()
    done = habitus(pipeline, "replay", "-", "--format", "native", "--out", "-", given=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (pipeline.folder / "out.jsonl").read_bytes()
    assert f"{len(lines) - 82} rejected".encode() in done.stderr


def test_unreadable_recording_fails_in_one_line(pipeline):
    path = pipeline.file([line for line in pipeline.BAD if b'"bad-' in line])
    done = habitus(pipeline, "replay", str(path), "--format", "native", "--out", "out.jsonl")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith(b"error: ")]
    assert len(errors) == 1
    assert len(lines_of(pipeline, "out.jsonl.rejected.jsonl")) == 3


def test_refused_lines_alone_do_not_fail_a_replay(pipeline):
    path = pipeline.file([*pipeline.BAD, *pipeline.events(5)])
    done = habitus(pipeline, "replay", str(path), "--format", "native", "--out", "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert b"5 rejected" in done.stderr
