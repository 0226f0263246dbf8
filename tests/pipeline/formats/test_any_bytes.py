"""Whatever the bytes, a decoder gives parts that assemble, or says that it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import REJECT_REASONS, MalformedEvent
from pipeline.formats.native import Native
from tests.pipeline.formats.page_examples import OWN, example_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = st.sampled_from(OWN)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
    | st.sampled_from(["{}", "[", "2026-10-05T08:00:00Z", "9999-12-31T23:59:59-14:00", -1, 1e300]),
    lambda inside: st.lists(inside, max_size=4)
    | st.dictionaries(st.text(max_size=12), inside, max_size=4),
    max_leaves=12,
)  # fmt: skip
_READER = Native()
_DRAWN = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def check(name: str, records: list[bytes]) -> None:
    """Assert that records give events, or are refused for a known reason."""
    reasons: list[str] = []
    lines: list[bytes] = []
    try:
        lines = lines_of(name, records)
    except MalformedEvent as error:
        reasons.append(error.reason)
    for line in lines:
        try:
            _READER.normalise(line)
        except MalformedEvent as error:
            reasons.append(error.reason)
    assert set(reasons) <= set(REJECT_REASONS)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> list[bytes]:
    """Records of the page of a format with other values at some places."""
    records, _ = example_of(name)
    documents = [
        json.loads(line)
        for record in records
        for line in (record.splitlines() if name == "codex" else [record])
    ]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(documents) - 1))
        documents[at] = _changed(draw, documents[at])
    raw = [json.dumps(one).encode() for one in documents]
    return [b"\n".join(raw)] if name == "codex" else raw


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if draw(st.integers(0, 4)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(_JSON)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]
    key = draw(st.sampled_from(sorted(value)))
    if draw(st.integers(0, 5)) == 0:
        return {other: one for other, one in value.items() if other != key}
    return value | {key: _changed(draw, value[key])}


@_DRAWN
@given(_NAMES, st.binary(max_size=200))
def test_arbitrary_bytes_give_parts_or_are_refused(name: str, record: bytes) -> None:
    check(name, [record])
    check(name, [b"PK\x03\x04" + record])


@_DRAWN
@given(_NAMES, _JSON)
def test_arbitrary_json_gives_parts_or_is_refused(name: str, record: Any) -> None:
    check(name, [json.dumps(record).encode()])


@_DRAWN
@given(st.data())
def test_records_with_other_values_give_parts_or_are_refused(data: st.DataObject) -> None:
    name = data.draw(_NAMES)
    check(name, data.draw(mutated(name)))


@pytest.mark.parametrize("name", OWN)
def test_member_of_any_type_gives_parts_or_is_refused(name: str) -> None:
    records, _ = example_of(name)
    raw = b"\n".join(records)
    try:
        documents = [json.loads(raw)]
    except ValueError:
        documents = [json.loads(line) for line in raw.splitlines()]
    checked = 0
    for at, document in enumerate(documents):
        for changed in _each_changed(document):
            lines = [json.dumps(one).encode() for one in documents]
            lines[at] = json.dumps(changed).encode()
            check(name, [b"\n".join(lines)] if name == "codex" else lines)
            checked += 1
    assert checked > 100


def _each_changed(value: Any) -> Iterator[Any]:
    """Give a document with each of its values replaced by a value of each type."""
    yield from ([], {}, [[]], {"a": []}, None, True, 7, -1, 0.5, 10**400, "", "x")
    if isinstance(value, dict):
        for key, inside in value.items():
            for one in _each_changed(inside):
                yield value | {key: one}
    elif isinstance(value, list):
        for at, inside in enumerate(value):
            for one in _each_changed(inside):
                yield [*value[:at], one, *value[at + 1 :]]


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("depth", [70, 900, 985, 995, 100_000])
def test_deeply_nested_values_are_bounded(name: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    records, _ = example_of(name)
    for record in records:
        for target in (b'"INV-7"', b'"1041"', b'"notes/a.md"', b'"A-1"', b'"wc -l a.py"', b"1791"):
            check(name, [record.replace(target, deep)])
    check(name, [deep, b'{"a":' + deep + b"}"])
