"""The native format: what becomes an event, what is kept, and why the rest is rejected."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import REJECT_REASONS, MalformedEvent
from models.event import Event, microseconds
from pipeline.formats import FORMATS, event_of
from pipeline.processing.stream_types import MAX_VALUE, RawRecord

NATIVE = FORMATS["native"]
CONTENT = "open-sesame"


def an_event(**changes: Any) -> bytes:
    event = {
        "id": "e-1",
        "time": "2026-10-05T08:00:00.5Z",
        "agent": {"id": "spiffe://example.com/agent/a"},
        "tool": "mail.send",
    }
    return json.dumps({**event, **changes}).encode()


def reason_of(value: bytes) -> tuple[str, str]:
    with pytest.raises(MalformedEvent) as caught:
        NATIVE.normalise(value)
    assert caught.value.reason in REJECT_REASONS
    assert CONTENT not in caught.value.detail
    return caught.value.reason, caught.value.detail


def test_the_four_required_keys_are_enough() -> None:
    event = NATIVE.normalise(an_event())
    assert microseconds(event.time) == 1_791_187_200_500_000
    assert (event.mode, event.volume, event.attributes) == ("unknown", None, None)


def test_an_offset_is_the_same_instant_as_utc() -> None:
    east = NATIVE.normalise(an_event(time="2026-10-05T10:00:00.5+02:00"))
    assert microseconds(east.time) == microseconds(NATIVE.normalise(an_event()).time)


def test_unknown_keys_are_kept_with_their_path_and_never_hide_a_given_attribute() -> None:
    value = an_event(
        team="blue",
        agent={"id": "a", "team": "red"},
        attributes={"team": "given"},
        network={"source_ip": "192.0.2.1", "port": 443},
    )
    event = NATIVE.normalise(value)
    assert event.attributes == {"team": "given", "agent.team": "red", "network.port": 443}
    assert event.network is not None
    assert event.network.source_ip == "192.0.2.1"


def test_null_means_the_same_as_no_key() -> None:
    value = an_event(mode=None, kind=None, human=None, resource=None, duration_ms=None)
    assert NATIVE.normalise(value) == NATIVE.normalise(an_event())


def test_null_inside_arguments_stays() -> None:
    event = NATIVE.normalise(an_event(arguments={"cc": None}, mode=None, extra=1))
    assert event.arguments == {"cc": None}


@pytest.mark.parametrize("extra", [{}, {"unheard_of": 1}])
def test_long_arguments_are_cut_and_marked(extra: dict[str, Any]) -> None:
    arguments = {"body": "x" * 20_000, "to": "amal@example.com"}
    event = NATIVE.normalise(an_event(arguments=arguments, **extra))
    assert event.arguments is not None
    assert event.arguments["body"].endswith("x…")
    assert event.arguments["to"] == "amal@example.com"
    assert len(msgspec.json.encode(event.arguments)) <= 8192


@pytest.mark.parametrize("key", ["attributes", "unheard_of"])
def test_attributes_of_any_form_are_bounded(key: str) -> None:
    event = NATIVE.normalise(an_event(**{key: {str(n): "y" * 90 for n in range(900)}}))
    assert event.attributes
    assert len(msgspec.json.encode(event.attributes)) <= 8192


def test_the_operation_is_inferred_only_when_unknown() -> None:
    assert NATIVE.normalise(an_event()).operation == "send"
    assert NATIVE.normalise(an_event(operation="pay")).operation == "pay"


REJECTED = [
    (b'{"id":"1","x":"\xff"}', "not_utf8", "text is not UTF-8: invalid start byte"),
    (b"\xff\xfe", "not_utf8", "text is not UTF-8: invalid start byte"),
    (b"", "malformed_json", "record is empty"),
    (b'{"id":"1"', "malformed_json", "ends too early"),
    (b"{}", "missing_key", "`id` at $"),
    (b"nonsense", "malformed_json", "invalid character"),
    (b'{"id":"1","x":' + b"[" * 5000, "malformed_json", "nested too deeply"),
    (b"[1]", "wrong_type", "expected `object`, got `array` at $"),
    (an_event(agent={}), "missing_key", "object missing required field `id` at $.agent"),
    (an_event(agent={"id": None}), "missing_key", "field `id` at $.agent"),
    (an_event(id=7), "wrong_type", "expected `str`, got `int` at $.id"),
    (an_event(time=1759651200), "wrong_type", "got `int` at $.time"),
    (an_event(arguments=[CONTENT]), "wrong_type", "got `array` at $.arguments"),
    (an_event(argument_origins={"a": [[CONTENT]]}), "wrong_type", "length 2"),
    (an_event(time="2026-10-05T08:00:00"), "bad_value", "timezone component at $.time"),
    (an_event(time="yesterday"), "bad_value", "at $.time"),
    (an_event(id=""), "bad_value", "of length >= 1 at $.id"),
    (an_event(mode=CONTENT), "bad_value", "value is not one of those allowed at $.mode"),
    (an_event(volume={"records": -1}), "bad_value", ">= 0 at $.volume.records"),
    (an_event(volume={"records": 1 << 70}), "bad_value", "at $.volume.records"),
    (an_event(tool="a\0b"), "bad_value", "no NUL character at $.tool"),
    (an_event(id="i" * 129), "too_long", "of length <= 128 at $.id"),
    (an_event(agent={"id": "i" * 257}), "too_long", "of length <= 256 at $.agent.id"),
    (an_event(purpose=CONTENT * 200), "too_long", "of length <= 2000 at $.purpose"),
    (an_event(delegation=["a"] * 17), "too_long", "of length <= 16 at $.delegation"),
    (b" " * (MAX_VALUE + 1), "too_long", "record is 1048577 bytes, expected at most 1048576"),
]


@pytest.mark.parametrize(("value", "reason", "detail"), REJECTED)
def test_a_rejection_names_reason_place_and_expectation(
    value: bytes, reason: str, detail: str
) -> None:
    found, said = reason_of(value)
    assert found == reason
    assert detail in said


def test_every_reason_a_format_can_give_is_shown_here() -> None:
    shown = {reason for _, reason, _ in REJECTED}
    by_the_runner = {"past_time", "future_time", "duplicate_id", "wrong_partition", "unattributed"}
    assert shown == set(REJECT_REASONS) - by_the_runner, "add an example to REJECTED"


def test_half_a_surrogate_pair_is_refused_at_any_position() -> None:
    for key in ("purpose", "unheard_of"):
        assert reason_of(an_event(**{key: "\ud800"}))[0] == "malformed_json"


def test_a_record_that_was_cut_on_the_way_is_too_long() -> None:
    record = RawRecord(an_event(), "stdin", 3, 0, full_length=5_000_000)
    with pytest.raises(MalformedEvent, match="too_long: record is 5000000 bytes"):
        event_of(record, NATIVE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["id", "time", "agent", "tool", "human", "mode", "arguments", "attributes", "volume",
     "network", "credential", "resource", "duration_ms", "purpose", "kind", "extra"]
)  # fmt: skip


def outcome(value: bytes) -> Event | str:
    try:
        return NATIVE.normalise(value)
    except MalformedEvent as error:
        return error.reason


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_rejection(value: bytes) -> None:
    assert outcome(value) in REJECT_REASONS


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_no_json_raises_anything_but_a_rejection(changes: dict[str, Any]) -> None:
    found = outcome(an_event(**changes))
    if isinstance(found, str):
        assert found in REJECT_REASONS
        return
    assert len(msgspec.json.encode(found.arguments or {})) <= 8192
    assert len(msgspec.json.encode(found.attributes or {})) <= 8192
    assert NATIVE.normalise(msgspec.json.encode(found)) == found
