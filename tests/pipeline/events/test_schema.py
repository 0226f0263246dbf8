"""The published JSON Schema is the decoder's own, and both agree on samples."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from models.errors import MalformedEvent
from pipeline.events.schema import EXAMPLES, PATH, event_schema, rendered
from pipeline.formats import Native

A = {"id": "1", "time": "2026-10-05T08:00:00Z", "agent": {"id": "a"}, "tool": "t"}
GOOD: list[dict[str, Any]] = [
    A,
    {**A, "mode": "delegated", "human": {"id": "amal@example.com"}, "delegation": ["b", "c"]},
    {**A, "argument_origins": {"to": [["NL00", ["request", "result:search"]]]}},
    {**A, "network": {"source_ip": "192.0.2.1", "egress": "vpn", "asn": 64500, "country": "NL"}},
    {**A, "credential": {"id": "sha256:0", "expires_at": "2026-10-05T09:00:00+01:00"}},
    {**A, "human": None, "volume": {"bytes_in": 0}, "kind": "deployment", "unheard_of": [1]},
]
BAD: list[dict[str, Any]] = [
    {},
    {**A, "id": ""},
    {**A, "id": "i" * 129},
    {**A, "agent": {}},
    {**A, "agent": "a"},
    {**A, "mode": "asleep"},
    {**A, "volume": {"records": -1}},
    {**A, "volume": {"records": "many"}},
    {**A, "delegation": ["x"] * 17},
    {**A, "argument_origins": {"to": [["NL00"]]}},
    {**A, "network": {"country": "NLD"}},
    {**A, "duration_ms": -0.5},
]


def test_the_committed_schema_is_the_generated_one() -> None:
    assert PATH.read_bytes() == rendered(), "run make schema"


def test_schema_conforms_to_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(event_schema())


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_are_accepted_and_have_no_unknown_member(event: dict[str, Any]) -> None:
    jsonschema.validate(event, event_schema(), jsonschema.Draft202012Validator)
    read, unknown = Native().read(json.dumps(event).encode())
    assert (read.id, unknown) == (event["id"], ())


def test_the_full_example_shows_every_member() -> None:
    schema, full = event_schema(), EXAMPLES["full"]
    todo = 'add it to EXAMPLES["full"] in pipeline/events/schema.py'
    assert schema["properties"].keys() == full.keys(), todo
    for name, part in schema["$defs"].items():
        (shown,) = (full[key] for key in full if key == name.lower())
        assert part["properties"].keys() == shown.keys(), todo


@pytest.mark.parametrize("event", GOOD)
def test_schema_and_decoder_accept_valid_events(event: dict[str, Any]) -> None:
    jsonschema.validate(event, event_schema(), jsonschema.Draft202012Validator)
    Native().normalise(json.dumps(event).encode())


@pytest.mark.parametrize("event", BAD)
def test_schema_and_decoder_refuse_invalid_events(event: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, event_schema(), jsonschema.Draft202012Validator)
    with pytest.raises(MalformedEvent):
        Native().normalise(json.dumps(event).encode())
