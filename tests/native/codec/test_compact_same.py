"""Compact bytes give back what was written, and are the same in both kernels."""

from __future__ import annotations

import os
import struct

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.codec.compact_reader import Reader
from models.codec.compact_writer import Writer
from models.codec.tokens import WORDS, unzigzag, zigzag
from models.kernel import native_kernel

native = native_kernel("native" if os.environ.get("CI") == "true" else "auto")

few = st.sampled_from(
    [1.0, 16.0, 17.0, 0.1, 0.1 * 0.1, 3.3, 3.3 * 3.3, -0.1, 7.0, -7.0, 0.0, -0.0, 2.0**53, 1e300,
     float("inf")]
)  # fmt: skip
integers = st.one_of(
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.sampled_from(
        [
            255,
            256,
            65_535,
            65_536,
            1 << 63,
            (1 << 63) + 9,
            497_553,
            1_791_188_781_000_000,
            1_791_188_782_000_000,
        ]
    ),
)
texts = st.one_of(st.text(max_size=40), st.sampled_from([*WORDS, "billing-7", "é" * 300]))
leaves = st.one_of(
    st.none(), st.booleans(), integers, few, st.floats(allow_nan=False), texts,
    st.binary(max_size=300),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.one_of(integers, texts), inner, max_size=4),
    ),
    max_leaves=60,
)


def compact(value: object) -> bytes:
    writer = Writer()
    writer.value(value)
    return bytes(writer.out)


def lengthened(value: object) -> int:
    """Count the numbers that take a byte more: what is theirs in msgpack means something else."""
    if isinstance(value, dict):
        return sum(lengthened(key) + lengthened(inner) for key, inner in value.items())
    if isinstance(value, list):
        return sum(map(lengthened, value))
    return isinstance(value, int) and -32 <= value < -16


@given(values)
@example(-17)
@example({-32: [-16, -17, 1.0]})
def test_a_value_comes_back_and_has_the_same_bytes_in_both(value):
    raw = compact(value)
    plain = msgspec.msgpack.encode(value)
    reader = Reader(raw)
    assert msgspec.msgpack.encode(reader.value()) == plain
    reader.end()
    assert len(raw) <= len(plain) + lengthened(value)
    if native is None:
        pytest.skip("habitus-native is not installed")
    assert native.compacted(plain) == raw
    assert native.expanded(raw) == plain


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_an_error_or_a_value(raw):
    for read in (lambda: Reader(raw).value(), lambda: native.expanded(raw) if native else None):
        try:
            read()
        except ValueError:
            continue


def test_repeated_values_are_short():
    row = [0.0, 3.0, 0.1, 0.1, 1_791_188_781_000_000, 1_791_188_782_000_000, 497_553, 497_553]
    assert len(compact(row)) == 1 + 1 + 1 + 8 + 2 + 9 + 5 + 5 + 2
    assert len(compact([6.75, 6.75**2, 300, 300, 1 << 63, 1 << 63])) == 1 + 8 + 1 + 3 + 2 + 9 + 2
    assert len(compact(["billing-7", "billing-7", "delegated"])) == 1 + 10 + 2 + 2


def test_a_float_is_kept_to_the_bit():
    nan = struct.unpack(">d", bytes.fromhex("7ff8000000000001"))[0]
    back = Reader(compact([nan, nan, -0.0])).value()
    assert struct.pack(">3d", *back) == struct.pack(">3d", nan, nan, -0.0)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_zigzag_encoding_is_reversible(value):
    assert unzigzag(zigzag(value)) == value
