"""What the kernel takes for an event is the event that the reference makes of it."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codec.hashing import Hasher
from models.errors import MalformedEvent
from models.event import Egress, Kind, Mode, Operation, Outcome, Sensitivity, microseconds
from models.units import DAY_US
from pipeline.events.schema import EXAMPLES
from pipeline.formats import Native
from tests.native.both import native, needs_native

pytestmark = needs_native

SECRET = b"0123456789abcdef0123456789abcdef"

BASE = {
    "id": "1", "time": "2026-01-05T08:00:00Z", "agent": {"id": "a", "role": "clerk"}, "tool": "t.x",
    "human": {"id": "h"}, "mode": "delegated", "delegation": ["h"], "session": "s", "purpose": "p",
    "operation": "read", "arguments": {"to": "x"}, "argument_origins": {"to": [["x", ["request"]]]},
    "resource": {"id": "crm/1", "sensitivity": "internal"}, "outcome": "ok", "duration_ms": 1.5,
    "network": {"source_ip": "192.0.2.7", "destination": "api.example.com", "asn": 64500},
    "volume": {"bytes_in": 3}, "credential": {"id": "c", "issued_at": "2026-01-05T07:00:00+01:00"},
    "attributes": {"tokens": 7},
}  # fmt: skip
VALUES = {
    ("", "mode"): Mode, ("", "operation"): Operation, ("", "outcome"): Outcome, ("", "kind"): Kind,
    ("resource", "sensitivity"): Sensitivity, ("network", "egress"): Egress,
}  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from([
        "", "read", "delegated", "vpn", "restricted", "deployment", "denied", "x" * 257, "\0",
        "2026-01-05T08:00:00Z", "2026-01-05 08:00:00Z", "2026-01-05T08:00:00.1234567Z",
        "2026-02-30T00:00:00Z", "2026-01-05T08:00:00", "2026-01-05T08:00:00.5-03:30", 1e300,
        1 << 70,
    ]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "to", "tokens", "asn", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
keys = st.sampled_from([*BASE, "team", "task", "trace_id", "kind"])
changes = st.dictionaries(keys, values, max_size=3)
parts = st.dictionaries(
    st.sampled_from([
        ("agent", "id"), ("agent", "version"), ("agent", "team"), ("resource", "id"),
        ("resource", "type"), ("network", "egress"), ("network", "country"), ("network", "asn"),
        ("volume", "records"), ("credential", "expires_at"), ("credential", "scopes"),
        ("attributes", "cost"), ("attributes", "telemetry"), ("arguments", "x"),
        ("argument_origins", "y"),
    ]), values, max_size=2,
)  # fmt: skip


def read_alike(raw: bytes) -> bool:
    """Whether the kernel takes a record; it must then be the event that the reference makes."""
    acts = native.ActionBatch([raw], 2_000_000_000_000_000, 0)
    (mark,) = acts.marks(native.Hashes(SECRET))
    if mark is None:
        return False
    event, hasher = Native().normalise(raw), Hasher(SECRET)
    assert mark == (hasher.event_keys([(event.agent.id, event.id)])[0], hasher.content(raw))
    day = microseconds(event.time) // DAY_US
    assert acts.marks_by_day(native.Hashes(SECRET)) == {day: dict([mark])}
    assert acts.days() == [microseconds(event.time) // DAY_US]
    judged = event.kind == "action"  # an announced change is read, and left to the reference
    assert acts.keep([0]) == ([(event.agent.id, event.mode, 0)] if judged else [])
    assert acts.time_us(0) == microseconds(event.time)
    return True


@settings(max_examples=400)
@given(changes, parts)
def test_reference_accepts_every_record_that_the_kernel_accepts(whole, some):
    fields = json.loads(json.dumps(BASE)) | whole
    for (part, name), value in some.items():
        if isinstance(fields[part], dict):
            fields[part][name] = value
    read_alike(json.dumps(fields, allow_nan=True).encode(errors="surrogatepass"))


def test_kernel_accepts_only_records_of_ordinary_form():
    plain = json.dumps(BASE).encode()
    assert read_alike(plain)
    assert read_alike(plain.replace(b'"t.x"', b'"t.\\u00e9\\n"'))
    for odd in (
        plain[:-1],
        plain.replace(b'"1"', b"1"),
        plain.replace(b'"1"', b'"\xff"'),
        plain.replace(b'"tool"', b'"tool": "u", "tool"'),
        plain.replace(b'"tokens": 7', b'"approval_seconds": 1'),
        plain + b" " * 9_000,
    ):
        assert not read_alike(odd)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_kernel_reads_every_member_of_an_event(example):
    todo = "add the member to native/src/json/action.rs: the kernel leaves such events to Python"
    assert read_alike(json.dumps(example).encode()), todo


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [(*place, value) for place, values in VALUES.items() for value in get_args(values)],
)
def test_kernel_reads_every_value_of_a_member(part, name, value):
    event = BASE | ({part: BASE[part] | {name: value}} if part else {name: value})
    todo = "add the value to native/src/json/action.rs: the kernel leaves such events to Python"
    assert read_alike(json.dumps(event).encode()), todo


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agent", ["a"]), ("human", ["a"]), ("resource", ["crm/7"]), ("volume", []),
        ("network", [None]), ("credential", ["c"]), ("outcome", {"ok": None}),
        ("mode", {"delegated": None}), ("kind", {"action": None}), ("mode", None),
    ],
)  # fmt: skip
def test_kernel_leaves_unusual_nesting_to_the_reference(field, value):
    assert not read_alike(json.dumps(BASE | {field: value}).encode())
    assert not read_alike(json.dumps([json.dumps(BASE)]).encode())


def test_kernel_leaves_a_record_ahead_of_time_to_the_reference():
    plain = json.dumps(BASE).encode()
    assert native.ActionBatch([plain], 0, 1).marks(native.Hashes(SECRET)) == [None]


def test_kernel_leaves_a_cut_record_to_the_reference():
    plain, late = json.dumps(BASE).encode(), 2_000_000_000_000_000
    acts = native.ActionBatch([plain, plain], [late, None], 0)
    assert [mark is None for mark in acts.marks(native.Hashes(SECRET))] == [False, True]
    assert acts.marks_by_day(native.Hashes(SECRET)) is None
    acts.leave([0])
    assert acts.marks(native.Hashes(SECRET)) == [None, None]


def test_reference_refuses_an_empty_object():
    with pytest.raises(MalformedEvent):
        Native().normalise(b"{}")
