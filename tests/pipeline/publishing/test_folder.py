"""A folder as a sink: one file a topic, whole lines, rejected records readable."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from models.errors import MalformedEvent, SinkUnavailable
from pipeline.processing.stream_types import Message, RawRecord
from pipeline.publishing.folder import Discard, Folder
from pipeline.publishing.rejected import rejected_message

TRUST = "agent.trust"


def test_messages_are_appended_by_topic_in_order(tmp_path: Path) -> None:
    sink = Folder(str(tmp_path))
    sink.publish([Message(TRUST, b"a", "1", b'{"n":1}'), Message("other", b"a", "2", b"{}")])
    sink.publish([Message(TRUST, b"a", "3", b'{"n":3}'), Message(TRUST, b"a", "4", None)])
    sink.close()
    assert (tmp_path / "agent.trust.jsonl").read_text() == (
        '{"n":1}\n{"n":3}\n{"key":"a","value":null}\n'
    )
    assert (tmp_path / "other.jsonl").read_text() == "{}\n"


def test_a_later_run_appends_and_a_torn_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    file = tmp_path / "agent.trust.jsonl"
    file.write_bytes(b'{"n":1}\n{"n":')
    sink = Folder(str(tmp_path))
    sink.publish([Message(TRUST, b"a", "2", b'{"n":2}')])
    sink.publish([Message(TRUST, b"a", "3", b'{"n":3}')])
    sink.close()
    assert file.read_bytes() == b'{"n":1}\n{"n":\n{"n":2}\n{"n":3}\n'


def test_published_messages_are_in_the_file_before_the_sink_is_closed(tmp_path: Path) -> None:
    sink = Folder(str(tmp_path))
    sink.publish([Message(TRUST, b"a", "1", b"{}")])
    assert (tmp_path / "agent.trust.jsonl").read_bytes() == b"{}\n"
    sink.close()


@pytest.mark.parametrize("value", [b'{"id":\n', b"\xff\x00"])
def test_a_rejected_record_is_one_line_with_its_bytes(tmp_path: Path, value: bytes) -> None:
    record = RawRecord(value, "kafka:agent.actions:2", 17, 0, key=b"a")
    message = rejected_message(record, MalformedEvent("malformed_json", "ends too early"))
    assert (message.key, message.value) == (b"a", value)
    sink = Folder(str(tmp_path))
    sink.publish([message])
    sink.close()
    line = json.loads((tmp_path / "agent.actions.rejected.jsonl").read_text())
    assert (line["reason"], line["source"], line["line"]) == (
        "malformed_json", "kafka:agent.actions:2", 17,
    )  # fmt: skip
    kept = line.get("value", "").encode() or base64.b64decode(line["value_base64"])
    assert kept == value


def test_a_rejected_record_always_fits_a_message() -> None:
    whole = rejected_message(
        RawRecord(b"x" * 900_000, "stdin", 1, 0), MalformedEvent("too_long", "")
    )
    cut = rejected_message(
        RawRecord(b"x" * 1_048_576, "stdin", 1, 0), MalformedEvent("too_long", "")
    )
    assert len(whole.value or b"") == 900_000
    assert len(cut.value or b"") == 65_536
    assert dict(cut.headers)["full_length"] == b"1048576"


def test_failing_disk_is_unavailable_not_lost() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    sink = Folder("/dev/shm")  # noqa: S108  # nothing is written: the file below is /dev/full
    sink._files[TRUST] = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115  # closed below
    with pytest.raises(SinkUnavailable, match=r"cannot write agent\.trust\.jsonl"):
        sink.publish([Message(TRUST, b"a", "1", b"{}")])
    sink.close()


def test_null_sink_accepts_every_message() -> None:
    sink = Discard()
    assert sink.publish([Message(TRUST, b"a", "1", b"{}")]) is None
