from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from pipeline.processing.stream_types import MAX_VALUE
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = [{"a": 1}, {"b": [2, {"c": "]"}]}, {"d": "ü"}]


def values(path: Path) -> list[object]:
    return [json.loads(one.value) for one in records_of([str(path)], now_us=0)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=1),
        json.dumps({"Records": OBJECTS}),
        json.dumps({"Records": OBJECTS}, indent=2),
        "\n".join(json.dumps(one) for one in OBJECTS),
    ],
    ids=["array", "indented", "records", "indented_records", "lines"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_document_and_lines_give_the_same_records(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / ("a.json.gz" if packed else "a.json")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert values(path) == OBJECTS


def test_object_over_several_lines_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"resourceSpans": OBJECTS}, indent=2))
    assert values(path) == [{"resourceSpans": OBJECTS}]


def test_lines_of_arrays_stay_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1]\n[2]\n")
    assert values(path) == [[1], [2]]


def test_damaged_document_is_read_by_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[\n{"a":1},\n{"b":')
    assert [one.value for one in records_of([str(path)], now_us=0)] == [b"[", b'{"a":1},', b'{"b":']


def test_document_may_be_longer_than_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    many = [{"n": number, "text": "x" * 1000} for number in range(2 * MAX_VALUE // 1000)]
    path.write_text(json.dumps({"Records": [*many, {"long": "x" * MAX_VALUE}]}))
    records = list(records_of([str(path)], now_us=0))
    assert len(records) == len(many) + 1
    assert [one.offset for one in records[:2]] == [1, 2]
    assert [one.full_length > 0 for one in records[-2:]] == [False, True]


def test_other_suffix_is_read_by_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(OBJECTS))
    assert values(path) == [OBJECTS]
