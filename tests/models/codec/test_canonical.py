"""The same content has one digest, however its JSON is written; other content has another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codec.canonical import canonical
from models.codec.hashing import Hasher

SECRET = b"0123456789abcdef"
values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=5)


def shuffled(value, draw):
    if isinstance(value, dict):
        items = draw(st.permutations(list(value.items())))
        return {key: shuffled(part, draw) for key, part in items}
    return [shuffled(part, draw) for part in value] if isinstance(value, list) else value


@given(objects, st.data())
def test_order_white_space_and_escapes_do_not_change_the_digest(value, data):
    hasher = Hasher(SECRET)
    other = shuffled(value, data.draw)
    written = (
        json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        json.dumps(other, indent=data.draw(st.sampled_from([None, 1, 3])), ensure_ascii=True),
    )
    one, another = (hasher.content(text.encode("utf-8", "surrogatepass")) for text in written)
    assert one == another


@given(values, values)
def test_different_values_have_different_texts(one, other):
    texts = [canonical(json.dumps(value).encode()) for value in (one, other)]
    assert (texts[0] == texts[1]) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"[1]", b"[1.0]"),
        (b'["a","b"]', b'["a\\",\\"b"]'),
        (b'["1"]', b"[1]"),
        (b'{"a":{}}', b"{}"),
        (b"[null]", b"[]"),
        (b'{"a":1,"a":2}', b'{"a":2,"a":1}'),
        (b'{"a":1,"a":null}', b'{"a":1}'),
    ],
)
def test_different_values_with_similar_text_have_different_canonical_text(one, other):
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'{"a":1,"a":2}', b'{"a":2}'),
        (b'{"a":1,"\\u0061":{"b":1,"b":null}}', b'{"a":{}}'),
        (b'{"a":null,"b":1,"a":3}', b'{"a":3,"b":1}'),
    ],
)
def test_last_of_two_equal_names_counts(written, read):
    assert canonical(written) == canonical(read)


def test_null_member_counts_as_missing_at_any_depth():
    assert canonical(b'{"a":null,"b":{"c":null,"d":[{"e":null}]}}') == canonical(
        b'{"b":{"d":[{}]}}'
    )


def test_digest_depends_on_the_secret():
    assert Hasher(SECRET).content(b"{}") != Hasher(SECRET[::-1]).content(b"{}")


def test_too_deeply_nested_value_is_an_error():
    with pytest.raises(RecursionError):
        Hasher(SECRET).content(b"[" * 100_000 + b"]" * 100_000)
