"""Credentials in bytes as they came: hidden, and all around them to the letter."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.assembling.secrets.raw_text import hidden_bytes, hidden_text
from pipeline.formats.secrets import digest

GITLAB = "gl" + "pat-" + "Ab3dEf6hIj9kLm2nOp5q"
GITHUB = "gh" + "p_" + "Ab3dEf6hIj9kLm2nOp5qAb3dEf6hIj9kLm2n"
BEARER = "Zq3dEf6hIj9kLm2nOp5qXy"
CREDENTIALS = (GITLAB, GITHUB, BEARER, "Tr0ub4dor", "hunter2")
NESTED = json.dumps({"note": f"a\n{GITLAB}", "password": "hunter2"})

RAW = {
    "no JSON": f"key {GITLAB} is broken".encode(),
    "cut JSON": f'{{"tool":"x","env":"A={GITHUB}","pass'.encode(),
    "cut in a credential": b'{"tool":"x","password":"hunter2',
    "not UTF-8": b'{"a":"\xff\xfe","token":"hunter2"}',
    "escaped JSON": json.dumps({"arguments": NESTED, "n": 1.50}).encode(),
    "twice escaped JSON": json.dumps({"body": json.dumps({"arguments": NESTED})}).encode(),
    "cut escaped JSON": json.dumps({"arguments": NESTED}).encode()[:-4],
    "escaped slashes": b'{"url":"https:\\/\\/ana:Tr0ub4dor@git.example.com\\/a.git"}',
    "escaped letters": json.dumps({"t": GITLAB}).replace("-", "\\u002d").encode(),
    "a header": f'{{"Authorization": "Bearer {BEARER}", "n": 1}}'.encode(),
    "an attribute of OTLP": b'{"key": "api_key", "value": {"stringValue": "hunter2"}}',
    "headers as pairs": b'[{"name":"X-Api-Key","value":"hunter2"}]',
    "a long text": b'{"a":"' + b"x " * 90_000 + GITLAB.encode() + b'","b":1}',
    "many": b" ".join([GITLAB.encode()] * 200),
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_no_credential_is_left(raw: bytes) -> None:
    assert any(one.encode() in raw for one in CREDENTIALS) or b"\\u002d" in raw
    hidden = hidden_bytes(raw)
    assert not any(one.encode() in hidden for one in CREDENTIALS)
    assert b"***" in hidden
    assert hidden_bytes(hidden) == hidden


def test_names_that_are_credentials_stay_apart() -> None:
    other = GITLAB.replace("Ab", "Zb")
    raw = json.dumps({"a": {GITLAB: 1, other: {GITLAB: 2, "note": other}}, "b": {other: 3}})
    mark = "***gitlab_token***"
    hidden = {"a": {mark: 1, f"{mark}1": {mark: 2, "note": mark}}, "b": {f"{mark}1": 3}}
    assert json.loads(hidden_text(raw)) == hidden


@pytest.mark.parametrize("member", ["id", "session", "trace_id"])
def test_ids_that_are_credentials_stay_apart(member: str) -> None:
    hidden = [hidden_text(json.dumps({member: one})) for one in (GITLAB, GITHUB)]
    assert [json.loads(one)[member] for one in hidden] == [digest(GITLAB), digest(GITHUB)]


def test_all_around_a_credential_stays_to_the_letter() -> None:
    raw = f'{{ "n":1.50e0 ,\t"id":"\\u00e9", "env":"A={GITLAB} B\\"c","token": "x"}}\r\n'.encode()
    hidden = hidden_bytes(raw)
    expected = raw.replace(GITLAB.encode(), b"***gitlab_token***").replace(
        b'"x"', b'"***named_secret***"'
    )
    assert hidden.replace(b"\\u00e9", "é".encode()) == expected.replace(b"\\u00e9", "é".encode())


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b'{"id":3,"time":"2026-10-05T08:00:00Z"}', bytes(range(256)), b'{"max_tokens":5}',
     b'{"secretId":"a","page_token":"b"}', b'{"token":5,"password":null}'],
)  # fmt: skip
def test_bytes_without_credentials_stay(raw: bytes) -> None:
    assert hidden_bytes(raw) == raw


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(
        [GITLAB, f"PASSWORD={GITHUB}\n", "password=abcdefgh1\\", '"token":"hunter2"', NESTED]
    ),
    lambda one: st.lists(one, max_size=4)
    | st.dictionaries(st.text(max_size=5) | st.sampled_from(["password", "a"]), one, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(_VALUES, st.booleans())
def test_json_stays_json_of_the_same_shape(value: object, ascii_only: bool) -> None:
    hidden = hidden_text(json.dumps(value, ensure_ascii=ascii_only))
    assert _shape(json.loads(hidden)) == _shape(value)
    assert GITLAB not in hidden
    assert GITHUB not in hidden


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items() if key != GITLAB}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return "" if isinstance(value, str) else value


@pytest.mark.parametrize(
    "raw",
    [b'"' * 960_000, b"\\" * 960_000, b'"a":' * 240_000, b'"\\"' * 320_000, b"password=" * 100_000],
)
def test_time_is_linear(raw: bytes) -> None:
    began = time.perf_counter()
    hidden_bytes(raw)
    assert time.perf_counter() - began < 20
