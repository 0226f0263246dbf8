"""Rejected records are kept beside the store: each once, for their owner alone, in a known size."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, MalformedEvent, SinkUnavailable
from pipeline.processing.stream_types import Message, RawRecord
from pipeline.publishing import publisher
from pipeline.publishing.rejected import rejected_message
from pipeline.publishing.rejected_file import RejectedFile, keeping, left_out, rejected_path
from pipeline.settings import Settings
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def a_message(number: int, value: bytes = b"broken", arrived_us: int = 7) -> Message:
    record = RawRecord(value, "stdin", number, arrived_us)
    return rejected_message(record, MalformedEvent("malformed_json", "ends too early"))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def keep(path: Path, messages: Sequence[Message], **more: int) -> None:
    with closing(RejectedFile(path, **more)) as kept:
        kept.keep(messages)


class Sink:
    """Takes messages, or is away."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[Message] = []

    def publish(self, messages: Sequence[Message]) -> None:
        if self.away:
            raise SinkUnavailable("no broker answers")
        self.taken += messages

    def close(self) -> None:
        pass


def test_run_without_a_sink_writes_rejected_records_next_to_the_store(pipeline) -> None:
    source = pipeline.file([*pipeline.events(30), *pipeline.BAD])
    summary = pipeline.run(pipeline.settings(source, sink="none"))
    kept = pipeline.folder / "run.db.rejected.jsonl"
    assert kept.stat().st_mode & 0o777 == 0o600
    lines = lines_of(kept)
    whole = [
        base64.b64decode(one["value_base64"]) if "value_base64" in one else one["value"].encode()
        for one in lines
    ]
    assert whole == list(pipeline.BAD)
    assert [one["number"] for one in lines] == [1, 2, 3, 4, 5]
    assert {one["source"] for one in lines} == {f"file:{source.resolve()}"}
    first = len(pipeline.events(30)) + 1
    assert [one["line"] for one in lines] == list(range(first, first + 5))
    assert all(one["reason"] and one["time"].endswith("Z") for one in lines)
    assert summary.rejected == 5
    assert summary.first_rejected is not None
    assert summary.first_rejected.offset == first


def test_rejected_event_received_over_http_is_kept(pipeline) -> None:
    settings = pipeline.settings(pipeline.file(pipeline.events(5)), sink="none")
    with open_store(settings.store) as store:
        store.inbox([b"{"])
    pipeline.run(settings)
    (line,) = lines_of(pipeline.folder / "run.db.rejected.jsonl")
    assert (line["source"], line["value"]) == ("inbox", "{")


def test_another_run_adds_to_the_file(pipeline) -> None:
    settings = pipeline.settings(pipeline.folder / "*.jsonl", sink="none")
    for number in (1, 2):
        pipeline.file([*pipeline.events(30), b"{"], f"{number}.jsonl")
        pipeline.run(settings)
    kept = lines_of(pipeline.folder / "run.db.rejected.jsonl")
    assert [one["number"] for one in kept] == list(range(1, len(kept) + 1))
    assert kept[0]["source"].endswith("/1.jsonl")
    assert kept[-1]["source"].endswith("/2.jsonl")


def test_a_run_does_not_read_its_own_outputs_out_of_a_folder(pipeline) -> None:
    pipeline.file([*pipeline.events(30), b"{"], "in.jsonl")
    settings = pipeline.settings(pipeline.folder, sink=f"file:{pipeline.folder}")
    assert pipeline.run(settings).rejected == 1
    assert (pipeline.folder / "agent.trust.jsonl").exists()
    assert pipeline.run(settings).rejected == 0


@pytest.mark.parametrize(
    ("rejected", "where"),
    [("none", None), ("file:{folder}/aside/deep", "aside/deep/run.db.rejected.jsonl")],
)
def test_setting_disables_the_file_or_names_its_folder(pipeline, rejected: str, where: str) -> None:
    source = pipeline.file([*pipeline.events(30), b"{"])
    set_ = rejected.format(folder=pipeline.folder)
    pipeline.run(pipeline.settings(source, sink="none", rejected=set_))
    found = sorted(pipeline.folder.rglob("*.rejected.jsonl"))
    assert found == ([pipeline.folder / where] if where else [])


@pytest.mark.parametrize(
    ("more", "shard", "expected"),
    [
        ({"store": "sqlite:here/h.db"}, "", "here/h.db.rejected.jsonl"),
        ({"store": "sqlite::memory:"}, "", None),
        ({"store": "postgresql://db/habitus"}, "", None),
        ({"store": "postgresql://db/habitus"}, "kafka:t:3", None),
        ({"store": "postgresql://db/h", "rejected": "file:r"}, "", "r/habitus.rejected.jsonl"),
        ({"store": "postgresql://db/h", "rejected": "file:r"}, "kafka:t:3", "r/t-3.rejected.jsonl"),
    ],
)
def test_path_depends_on_store_setting_and_partition(
    more: dict[str, Any], shard: str, expected: str | None
) -> None:
    path = rejected_path(Settings(**more), shard)
    assert (None if path is None else str(path)) == expected


def test_record_published_again_is_kept_once(tmp_path: Path) -> None:
    path, sink = tmp_path / "r.jsonl", Sink()
    messages = [a_message(number) for number in range(1, 6)]
    with_file = keeping(Settings(store=f"sqlite:{tmp_path}/h.db"), sink)
    sink.away = True
    with pytest.raises(SinkUnavailable):
        with_file.publish(messages)
    sink.away = False
    with_file.publish(messages)
    assert len(lines_of(tmp_path / "h.db.rejected.jsonl")) == 5
    assert sink.taken == messages

    with_file.close()
    for _ in range(3):  # as after three crashes
        keep(path, messages)
    assert [one["line"] for one in lines_of(path)] == [1, 2, 3, 4, 5]
    # Standard input begins anew with each run: the same place at another time is another record.
    keep(path, [a_message(1, arrived_us=8)])
    assert len(lines_of(path)) == 6


def test_half_a_line_after_a_crash_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    messages = [a_message(1), a_message(2)]
    keep(path, messages)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    keep(path, messages)
    assert path.read_bytes() == whole


def test_size_is_bounded_and_omitted_records_are_counted(tmp_path: Path) -> None:
    path, older = tmp_path / "r.jsonl", tmp_path / "r.jsonl.1"
    for number in range(1, 101):
        repeated = [a_message(number - 1)] if number > 1 else []
        keep(path, [*repeated, a_message(number)], most_bytes=2_000)
    numbers = [one["number"] for file in (older, path) for one in lines_of(file)]
    assert numbers == list(range(numbers[0], 101))
    assert 1 < numbers[0] == left_out(path) + 1
    assert path.stat().st_size <= 2_000 >= older.stat().st_size
    assert older.stat().st_mode & 0o777 == 0o600


def test_a_file_with_other_rights_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.touch(0o644)
    keep(path, [a_message(1)])
    assert path.stat().st_mode & 0o777 == 0o600


def test_unwritable_folder_is_refused_at_the_start(pipeline) -> None:
    (pipeline.folder / "run.db.rejected.jsonl").mkdir()
    settings = pipeline.settings(pipeline.file(pipeline.events(5)), sink="none")
    with pytest.raises(ConfigError, match=r"rejected records cannot be kept in .*it is a folder"):
        pipeline.run(settings)


def test_record_refused_by_a_full_disk_waits_in_the_outbox(
    pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "RETRIES", 0)
    kept = pipeline.folder / "run.db.rejected.jsonl"
    kept.symlink_to("/dev/full")
    monkeypatch.setattr("pipeline.publishing.rejected_file.os.fchmod", lambda *_: None)
    monkeypatch.setattr("pipeline.publishing.rejected_file.os.ftruncate", lambda *_: None)
    settings = pipeline.settings(pipeline.file([b"{", *pipeline.events(5)]), sink="none")
    with pytest.raises(SinkUnavailable):
        pipeline.run(settings)
    kept.unlink()
    pipeline.run(settings)
    assert [one["value"] for one in lines_of(kept)] == ["{"]


def test_input_of_repeats_does_not_count_as_unreadable(pipeline) -> None:
    lines = pipeline.events(10)
    pipeline.run(pipeline.settings(pipeline.file(lines, "a.jsonl")))
    again = pipeline.run(pipeline.settings(pipeline.file(lines, "b.jsonl")))
    assert (again.events, again.rejected, again.unreadable) == (0, len(lines), False)
    bad = pipeline.run(pipeline.settings(pipeline.file([b"{"], "c.jsonl")))
    assert bad.unreadable
