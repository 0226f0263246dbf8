"""Members of decoded JSON: nesting that could not be written again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats import FORMATS
from pipeline.formats.members import epoch_us, object_of, time_us
from pipeline.processing.stream_types import RawRecord

if TYPE_CHECKING:
    from models.errors import MalformedEvent
    from pipeline.processing.stream_types import RawRecord as Record


def hook(depth: int) -> bytes:
    return (
        b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash","tool_use_id":"t",'
        b'"tool_input":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    )


@pytest.mark.parametrize("depth", [253, *range(985, 1000)])
def test_record_is_refused_or_its_waiting_call_can_be_written(depth: int) -> None:
    refused: list[str] = []

    def reject(_: Record, error: MalformedEvent) -> None:
        refused.append(error.reason)

    assembler, wire = Assembler(7), FORMATS["claude-code"]
    native_records([RawRecord(hook(depth), "stdin", 1, 5)], wire, assembler, reject)
    made = native_records([], wire, assembler, reject, whole=True)
    assert (len(made), refused) == ((1, []) if depth == 253 else (0, ["malformed_json"]))


def test_many_values_side_by_side_are_not_nested() -> None:
    assert len(object_of(b'{"a":[' + b"[]," * 5_000 + b"[]]}")["a"]) == 5_001


@pytest.mark.parametrize(
    "time",
    ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "yesterday", "", "2026-13-01", None],
)
def test_time_that_no_event_can_have_is_unknown(time: str | None) -> None:
    assert (time_us(time), epoch_us(time)) == (0, 0)


@pytest.mark.parametrize("time", [-1, float("inf"), float("nan"), 1e30, 10**400, True, [], {}])
def test_number_out_of_range_is_an_unknown_time(time: object) -> None:
    assert epoch_us(time) == 0
