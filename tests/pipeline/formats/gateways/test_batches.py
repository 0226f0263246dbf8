"""A record of several objects: what cannot be read is refused, and stops nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.native_records import native_records
from pipeline.formats.json_records import MAX_OBJECTS
from pipeline.processing.stream_types import RawRecord
from tests.pipeline.formats.decoding import ARRIVED_US, events_of, part_format
from tests.pipeline.formats.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.errors import MalformedEvent

FORMATS = [
    "a2a", "agt", "auth0", "cloudtrail", "entra", "envoy-ai-gateway",
    "github-audit", "gitlab", "keycloak", "litellm", "mcp-audit", "oauth", "ssf",
]  # fmt: skip


def read(name: str, value: bytes) -> tuple[Sequence[RawRecord], list[MalformedEvent]]:
    refused: list[MalformedEvent] = []
    record = RawRecord(value, "t", 1, ARRIVED_US)
    wire, assembler = part_format(name), Assembler(0)

    def reject(_: RawRecord, error: MalformedEvent) -> None:
        refused.append(error)

    made = list(native_records([record], wire, assembler, reject))
    made += native_records([], wire, assembler, reject, whole=True)
    return made, refused


@pytest.mark.parametrize("name", FORMATS)
def test_broken_line_of_a_batch_stops_no_other(name: str) -> None:
    lines = [line for line in SAMPLES[name] if line.startswith(b"{")]
    batch = b"\n".join([lines[0], lines[0][:-9], *lines[1:]])
    made, refused = read(name, batch)
    assert [json.loads(one.value)["id"] for one in made] == [
        one["id"] for one in events_of(name, *lines)
    ]
    assert [one.reason for one in refused] == ["malformed_json"]


@pytest.mark.parametrize("name", FORMATS)
def test_value_of_a_wrong_type_stops_no_other(name: str) -> None:
    lines = [line for line in SAMPLES[name] if line.startswith(b"{")]
    made, refused = read(name, b"[7," + b",".join(lines) + b',"text"]')
    assert len(made) == len(events_of(name, *lines))
    assert [str(one) for one in refused] == ["wrong_type: expected `object`, got `number` at $[0]"]


@pytest.mark.parametrize("name", FORMATS)
def test_record_without_any_object_is_refused_once(name: str) -> None:
    made, refused = read(name, b'{"a":\n{"b":')
    assert not made
    assert [one.reason for one in refused] == ["malformed_json"]


def test_object_that_its_format_refuses_stops_no_other() -> None:
    (line,) = [line for line in SAMPLES["entra"] if b"createdDateTime" in line][:1]
    wrong = json.dumps(json.loads(line) | {"id": "x", "createdDateTime": 7}).encode()
    made, refused = read("entra", b'{"value":[' + wrong + b"," + line + b"]}")
    assert len(made) == 1
    assert "createdDateTime" in str(refused[0])


def test_lines_may_be_envelopes() -> None:
    (line,) = [line for line in SAMPLES["entra"] if b"createdDateTime" in line][:1]
    page = b'{"records":[' + line + b"]}"
    assert len(read("entra", page + b"\n" + page)[0]) == 2


@pytest.mark.parametrize("between", [b",", b"\n"])
def test_objects_beyond_the_limit_are_refused_and_not_lost_silently(between: bytes) -> None:
    token = b'{"sub":"a","azp":"bot","iat":1767600000}'
    batch = between.join([token] * (MAX_OBJECTS + 1))
    made, refused = read("oauth", b"[" + batch + b"]" if between == b"," else batch)
    assert len(made) == MAX_OBJECTS
    assert [one.reason for one in refused] == ["too_long"]
