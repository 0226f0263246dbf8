"""Every gateway and identity format accepts any bytes, and keeps secrets out of events."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import REJECT_REASONS, MalformedEvent
from pipeline.formats import Native
from tests.pipeline.formats.decoding import assembled, events_of, part_format
from tests.pipeline.formats.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = sorted(SAMPLES)
_WORDS = sorted({
    word for lines in SAMPLES.values() for line in lines for word in line.decode().split('"')[1::2]
})  # fmt: skip
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from(_WORDS),
)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(_WORDS), st.text(max_size=8)), inner, max_size=6),
    ),
    max_leaves=25,
)


def refusal(call: Callable[[], object]) -> str | None:
    """Give the reason of a refusal; any other error is a failure of the test."""
    try:
        call()
    except MalformedEvent as error:
        return error.reason
    return None


def check(name: str, *records: bytes) -> int:
    """Decode, assemble and read; give the number of events that the reader accepts."""
    reason = refusal(lambda: assembled(name, *records))
    if reason is not None:
        assert reason in REJECT_REASONS
        return 0
    reader = Native()
    lines = assembled(name, *records)[0]
    reasons = [refusal(partial(reader.read, line)) for line in lines]
    assert {one for one in reasons if one is not None} <= set(REJECT_REASONS)
    return reasons.count(None)


def mutated(value: Any, dice: random.Random, leaf: Any) -> Any:
    """Replace one value inside a value."""
    if isinstance(value, dict | list) and value and dice.random() < 0.85:
        key = dice.choice(list(value) if isinstance(value, dict) else range(len(value)))
        changed = value.copy()
        if isinstance(changed, dict) and dice.random() < 0.1:
            del changed[key]
        else:
            changed[key] = mutated(value[key], dice, leaf)
        return changed
    return leaf


def most_events(line: bytes) -> int:
    """Give how many events a record may be: a security event token has an object of them."""
    return max(1, line.split(b'"events":')[-1].count(b'": '))


@pytest.mark.parametrize("name", FORMATS)
def test_samples_give_events_that_the_reader_accepts(name: str) -> None:
    assert check(name, *SAMPLES[name]) > 0


@pytest.mark.parametrize("name", FORMATS)
def test_same_records_give_the_same_events(name: str) -> None:
    assert assembled(name, *SAMPLES[name])[0] == assembled(name, *SAMPLES[name])[0]


@pytest.mark.parametrize("name", FORMATS)
@given(value=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(name: str, value: bytes) -> None:
    assert check(name, value) <= len(value)


@pytest.mark.parametrize("name", FORMATS)
@given(value=_VALUES)
@settings(max_examples=80, deadline=None)
def test_any_json_is_read_or_refused(name: str, value: Any) -> None:
    raw = json.dumps(value).encode()
    assert check(name, raw) <= len(raw)


@pytest.mark.parametrize("name", FORMATS)
@given(seed=st.integers(0, 1 << 32), leaf=_VALUES)
@settings(max_examples=120, deadline=None)
def test_changed_records_are_read_or_refused(name: str, seed: int, leaf: Any) -> None:
    dice = random.Random(seed)  # noqa: S311 - a draw of a test
    lines = list(SAMPLES[name])
    at = dice.randrange(len(lines))
    if lines[at].startswith(b"{"):
        changed = mutated(json.loads(lines[at]), dice, leaf)
        lines[at] = json.dumps(changed).encode()
    else:
        cut = dice.randrange(len(lines[at]))
        lines[at] = lines[at][:cut] + json.dumps(leaf).encode() + lines[at][cut + 5 :]
    events = sum(map(most_events, lines))
    assert check(name, *lines) <= events


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("cut", [1, 17, 63])
def test_cut_record_is_refused_or_read(name: str, cut: int) -> None:
    assert check(name, SAMPLES[name][0][:-cut]) <= 1


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"message":' * 600 + b"1" + b"}" * 600,
        b'{"time":1e308,"ts":1e308,"startTime":1e308,"@timestamp":-1e308}',
        b"a" * 500_000,
        b"a=" * 200_000,
        b'a="' + b"\\" * 200_000,
    ],
    ids=["lists", "objects", "nested", "times", "word", "pairs", "escapes"],
)
def test_huge_record_is_read_or_refused_in_time(name: str, value: bytes) -> None:
    assert check(name, value) <= 1


@pytest.mark.parametrize("name", FORMATS)
def test_array_of_records_gives_the_events_of_its_records(name: str) -> None:
    lines = SAMPLES[name]
    whole = b"[" + b",".join(lines) + b"]" if lines[0].startswith(b"{") else b"\n".join(lines)
    assert {one["id"] for one in events_of(name, whole)} == {
        one["id"] for one in events_of(name, *lines)
    }


@pytest.mark.parametrize("name", FORMATS)
def test_secrets_do_not_reach_an_event(name: str) -> None:
    secrets = ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl", "AKIAIOSFODNN7EXAMPLE",
               "ghp_abcdefghijklmnopqrstuvwxyz0123456789"]  # fmt: skip
    found = 0
    for secret in secrets:
        for line in SAMPLES[name]:
            if not line.startswith(b"{"):
                changed = line.replace(b"example", secret.encode()).replace(
                    b"everything", secret.encode()
                )
            else:
                changed = json.dumps(filled(json.loads(line), secret)).encode()
            for made in assembled(name, changed)[0]:
                found += 1
                assert secret.encode() not in made
    assert found > 0 or name in {"a2a", "gitlab"}


def filled(value: Any, secret: str, key: str = "") -> Any:
    """Add a secret to each text that is no discriminator."""
    if isinstance(value, dict):
        return {one: filled(inner, secret, one) for one, inner in value.items()}
    if isinstance(value, list):
        return [filled(one, secret, key) for one in value]
    keep = {"method", "type", "jsonrpc", "call_type", "eventName", "eventSource", "time", "ts",
            "createdDateTime", "mcp_method", "direction", "action", "actor", "timestamp",
            "eventTime", "id", "tool_call_id", "role", "event_type", "specversion"}  # fmt: skip
    return f"{value} {secret}" if isinstance(value, str) and key not in keep else value


@pytest.mark.parametrize("name", FORMATS)
def test_format_says_what_its_emitter_reports(name: str) -> None:
    known = {"arguments", "results", "request", "human", "network", "tokens"}
    assert part_format(name).supports <= known
