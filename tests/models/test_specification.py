"""docs/model.md names every constant that shapes a score, with its value, in 200 lines."""

from __future__ import annotations

import re
from math import log2
from pathlib import Path

import pytest

from models import constants

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
MOST_LINES = 200
NAMES = [name for name in vars(constants) if name.isupper()]


def values() -> dict[str, object]:
    """Read the constants and their values from the table of the page."""
    found: dict[str, object] = {}
    table = PAGE.read_text().partition("## Parameters")[2]
    for row in re.findall(r"^\| (`.*?) \| (.*?) \|", table, re.MULTILINE):
        shown = eval(f"({row[1]},)", {"log2": log2})  # noqa: S307  # a page of this repository
        found |= dict(zip(re.findall(r"`(\w+)`", row[0]), shown, strict=True))
    return found


def test_the_specification_is_short() -> None:
    assert len(PAGE.read_text().splitlines()) <= MOST_LINES


def test_the_specification_gives_every_constant_with_its_value() -> None:
    shown = values()
    assert sorted(shown) == sorted(NAMES)
    for name in NAMES:
        assert shown[name] == pytest.approx(getattr(constants, name)), name


def test_the_specification_uses_the_constants_that_it_names() -> None:
    prose = PAGE.read_text().partition("## Parameters")[0]
    counted = {name for name in NAMES if not name.endswith("_BITS")}
    assert {name for name in counted if f"`{name}`" not in prose and name not in prose} <= {
        "NOVELTY_LEVELS"
    }
