"""What a person reads in the terminal shows what it is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.text.visible import distinguishable, skeleton, visible

CASES = json.loads((Path(__file__).parents[2] / "visible_cases.json").read_text())


@pytest.mark.parametrize("case", CASES["visible"], ids=lambda case: ascii(case["text"]))
def test_hidden_and_misleading_characters_are_named(case: dict[str, Any]) -> None:
    text = case["text"]
    assert visible(text) == case.get("prose", text)
    assert visible(text, name=True) == case.get("name", text)


@pytest.mark.parametrize(("names", "shown"), CASES["told_apart"])
def test_ids_that_look_alike_are_shown_with_what_differs(
    names: list[str], shown: list[str]
) -> None:
    assert list(distinguishable(names).values()) == shown
    assert len(set(shown)) == len(shown)


def test_no_two_texts_are_shown_alike() -> None:
    chars = [chr(n) for n in range(0x3000) if not 0xD800 <= n < 0xE000]
    shown = {visible(f"a{char}b", name=True) for char in chars}
    assert len(shown) == len(chars)
    assert all(skeleton(one) for one in shown)
