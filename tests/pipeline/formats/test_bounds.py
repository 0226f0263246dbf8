"""Free-form objects are made to fit, whatever is in them."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.bounds import fit

VALUES = st.recursive(
    st.none() | st.integers(-(1 << 63), 1 << 63) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=300), VALUES, max_size=12)


@settings(max_examples=50)
@given(OBJECTS, st.integers(64, 2000))
def test_the_result_always_fits(values: dict[str, Any], kept_bytes: int) -> None:
    assert len(msgspec.json.encode(fit(values, kept_bytes))) <= kept_bytes


@settings(max_examples=50)
@given(OBJECTS)
def test_object_that_fits_is_returned_unchanged(values: dict[str, Any]) -> None:
    assert fit(values, 1 << 20) is values


@settings(max_examples=50)
@given(OBJECTS, st.integers(64, 400))
def test_the_original_is_not_changed(values: dict[str, Any], kept_bytes: int) -> None:
    before = msgspec.json.encode(values)
    fit(values, kept_bytes)
    assert msgspec.json.encode(values) == before


def test_left_out_keys_are_counted() -> None:
    kept = fit({f"k{n}": n for n in range(1000)}, 200)
    assert kept["…"] == 1000 - (len(kept) - 1)


def test_deep_values_are_cut_at_a_depth() -> None:
    deep: Any = "x" * 500
    for _ in range(200):
        deep = [deep]
    assert "…" in msgspec.json.encode(fit({"deep": deep}, 300)).decode()
