"""Fields left out of events: gone, the rest untouched, and only where an event can be without."""

from __future__ import annotations

import json

import pytest

from lab.field_ablation import FieldAblation
from models.errors import ConfigError
from pipeline.formats import Native

LINE = json.dumps(
    {
        "id": "e-1",
        "time": "2026-01-05T08:00:00Z",
        "agent": {"id": "a", "role": "desk"},
        "tool": "send_mail",
        "operation": "send",
        "purpose": "tell the team",
        "arguments": {"to": "x@example.com", "mail.body": "hello", "cc": "y@example.com"},
        "volume": {"bytes_in": 9, "records": 1},
    }
).encode()


def test_a_field_left_out_is_gone_and_its_neighbours_stay() -> None:
    names = ["volume.bytes_in", "purpose", "arguments.to", "arguments.mail.body", "agent.role"]
    event = FieldAblation(Native(), names).normalise(LINE)
    assert event.volume is not None
    assert (event.volume.bytes_in, event.volume.records) == (None, 1)
    assert (event.purpose, event.arguments) == (None, {"cc": "y@example.com"})
    assert (event.agent.id, event.agent.role) == ("a", None)


def test_a_word_left_out_is_unknown_again() -> None:
    assert FieldAblation(Native(), ["operation", "mode"]).normalise(LINE).operation == "unknown"


def test_omitting_an_absent_field_changes_nothing() -> None:
    names = ["network.source_ip", "arguments.subject", "duration_ms"]
    assert FieldAblation(Native(), names).normalise(LINE) == Native().normalise(LINE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("volume.bytes", "unknown field 'volume.bytes', expected one of bytes_in, .*"),
        ("colour", "unknown field 'colour', expected one of id, time, .*"),
        ("tool", "field 'tool' cannot be left out, every event needs it"),
        ("agent.id", "field 'agent.id' cannot be left out, every event needs it"),
        ("purpose.words", "unknown field 'purpose.words', nothing contains 'words'"),
        ("", "unknown field '', .*"),
    ],
)
def test_a_field_that_cannot_be_left_out_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        FieldAblation(Native(), [name])
