"""``habitus decode`` and ``habitus replay`` on files of formats of parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.processing.stream_types import MAX_PAYLOAD
from pipeline.sources import whole
from tests.pipeline.formats.archives import archive, evaluation
from tests.pipeline.formats.page_examples import OWN, example_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_archive_is_decoded_to_native_events(habitus: Run, tmp_path: Path) -> None:
    (tmp_path / "desk.eval").write_bytes(archive(evaluation()))
    code, out, _ = habitus("decode", "desk.eval", "--format", "inspect")
    made = [json.loads(line) for line in out.splitlines()]
    assert (code, [one["tool"] for one in made]) == (0, ["read_note", "send"] * 2)


def test_folder_of_archives_is_replayed(habitus: Run, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.eval").write_bytes(archive(evaluation(3)))
    (tmp_path / "logs" / "b.eval").write_bytes(b"PK damaged")
    code, _, err = habitus("replay", "logs", "--format", "inspect", "--out", "out.jsonl")
    judged = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (code, len(judged)) == (0, 6)
    assert {one["agent_id"] for one in judged} == {"mail_desk"}
    (rejected,) = (tmp_path / "out.jsonl.rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["source"].endswith("logs/b.eval")
    assert "6 events judged" in err


def test_archive_is_learned_as_history(habitus: Run, tmp_path: Path) -> None:
    (tmp_path / "desk.eval").write_bytes(archive(evaluation()))
    (tmp_path / "habitus.toml").write_text('store = "sqlite:learned.db"\n')
    code, _, err = habitus("learn", "desk.eval", "--format", "inspect")
    assert code == 0, err
    assert "4 events learned" in err


def test_file_that_is_too_large_is_rejected_by_name(
    habitus: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "MAX_WHOLE", 100)
    (tmp_path / "desk.eval").write_bytes(archive(evaluation()))
    code, out, err = habitus("decode", "desk.eval", "--format", "inspect")
    assert (code, out) == (0, "")
    assert "desk.eval@1: too_long" in err


def hook_of(size: int) -> bytes:
    """Give a line of a hook with as many bytes."""
    hook = {
        "hook_event_name": "PostToolUse", "session_id": "s-1", "tool_name": "Read",
        "tool_use_id": "toolu_1", "tool_input": {"file_path": "a.txt"}, "tool_response": "",
    }  # fmt: skip
    missing = size - len(json.dumps(hook))
    return json.dumps(hook | {"tool_response": "x" * missing}).encode()


@pytest.mark.parametrize("command", ["decode", "replay", "learn", "doctor", "scan"])
def test_line_of_a_format_of_parts_may_have_16_mebibytes_and_no_more(
    habitus: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    assert MAX_PAYLOAD == 16 << 20
    project = tmp_path / ".claude" / "projects" / "shop"
    project.mkdir(parents=True)
    lines = project / "lines.jsonl"
    given = [command, *(("--folder", ".") if command == "scan" else (str(lines),))]
    given += [] if command == "scan" else ["--format", "claude-code"]
    given += ["--out", "out.jsonl", "--force"] if command == "replay" else []
    (tmp_path / "habitus.toml").write_text('store = "sqlite:learned.db"\n')
    lines.write_bytes(hook_of(MAX_PAYLOAD) + b"\n")
    code, out, err = habitus(*given)
    assert (code, "too_long" in out + err) == (0, False)
    lines.write_bytes(hook_of(MAX_PAYLOAD + 1) + b"\n")
    _, out, err = habitus(*given)
    assert "too_long" in out + err or "missing: events" in err
    if command in ("decode", "scan"):
        said = " ".join((out + err).split())
        assert "record is 16777217 bytes, expected at most 16777216" in said


@pytest.mark.parametrize("name", OWN)
def test_example_of_each_page_is_decoded(habitus: Run, tmp_path: Path, name: str) -> None:
    records, shown = example_of(name)
    (tmp_path / "given.jsonl").write_bytes(b"\n".join(records))
    code, out, err = habitus("decode", "given.jsonl", "--format", name)
    made = [json.loads(line)["id"] for line in out.splitlines()]
    assert (code, made) == (0, [json.loads(line)["id"] for line in shown]), err


def test_calls_of_a_long_session_in_two_sources_are_one_event_each(
    habitus: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 5_000  # more than an assembler remembers
    hooks = [
        {"hook_event_name": "PostToolUse", "session_id": "s", "tool_name": "Read",
         "tool_use_id": f"toolu_{at}", "tool_input": {"file_path": f"/a/{at}"},
         "tool_response": "read"}
        for at in range(calls)
    ]  # fmt: skip
    lines = [
        line
        for at in range(calls)
        for line in (
            {"type": "assistant", "sessionId": "s", "timestamp": "2026-01-05T08:00:00Z",
             "message": {"content": [{"type": "tool_use", "id": f"toolu_{at}", "name": "Read",
                 "input": {"file_path": f"/a/{at}"}}]}},
            {"type": "user", "sessionId": "s", "message": {"content": [
                {"type": "tool_result", "tool_use_id": f"toolu_{at}", "content": "read"}]}},
        )
    ]  # fmt: skip
    for name, records in (("1.jsonl", hooks), ("2.jsonl", lines)):
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in records))
    code, out, err = habitus("decode", "1.jsonl", "2.jsonl", "--format", "claude-code")
    ids = [json.loads(line)["id"] for line in out.splitlines()]
    assert (code, len(ids), len(set(ids))) == (0, calls, calls)
    assert "calls_repeated: 5000" in err
    monkeypatch.setenv("HABITUS_SOURCE", "file:*.jsonl")
    monkeypatch.setenv("HABITUS_FORMAT", "claude-code")
    code, _, err = habitus("run")
    assert code == 0, err
    assert "5000 events judged" in err
