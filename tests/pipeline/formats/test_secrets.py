from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.bounded_event import bounded, instant_us
from pipeline.formats.secrets import digest, without_secrets


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrst",
        "glpat-abcdefghijklmnopqrst",
        "sk-abcdefghijklmnopqrst",
    ],
)
def test_token_inside_a_text_is_replaced(secret: str) -> None:
    text = without_secrets(f"use {secret}, please")
    assert text == f"use {digest(secret)}, please"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("https://api.example.com/?access_token=abcdef&page=2", "abcdef"),
        ("password=hunter22 user=ines", "hunter22"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_secret_with_a_label_is_replaced(text: str, secret: str) -> None:
    assert secret not in without_secrets(text)


@pytest.mark.parametrize("name", ["password", "clientSecret", "x-api-key", "Session_Token"])
def test_member_with_the_name_of_a_secret_is_a_digest(name: str) -> None:
    assert without_secrets({"a": [{name: "abc"}]}) == {"a": [{name: digest("abc")}]}


@pytest.mark.parametrize("text", ["secretId", "next_token=abcdef", "tokens=40", "task-abcdefghijk"])
def test_ordinary_text_stays(text: str) -> None:
    assert without_secrets({"secretId": text, "max_tokens": 40}) == {
        "secretId": text,
        "max_tokens": 40,
    }


@given(st.dictionaries(st.sampled_from(["agent", "human", "network", "credential", "tool",
       "delegation", "session", "arguments", "volume"]),
       st.recursive(st.none() | st.text() | st.integers() | st.booleans(),
                    lambda one: st.lists(one) | st.dictionaries(st.text(max_size=8), one))
))  # fmt: skip
def test_bounded_event_is_bounded_once(event: dict[str, object]) -> None:
    once = bounded(event)
    assert bounded(once) == once
    assert len(json.dumps(once)) < 100_000


@pytest.mark.parametrize(
    "value", [-1, 1e300, "1e300", "yesterday", None, True, [], "9999999999999"]
)
def test_impossible_time_is_none(value: object) -> None:
    assert instant_us(value) == 0
