"""Series and counters are stored under numbers that never clash and never change."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from models.calibration.series import COMBINATION, SERIES
from models.codec.stable_id import stable_id
from models.features.counters import COUNTERS
from models.features.families import FAMILIES

NUMBERS = {"calls": 220303, "data": 258915, "combination": 596655}


def clashes(names: list[str]) -> dict[int, int]:
    return {number: n for number, n in Counter(map(stable_id, names)).items() if n > 1}


def test_no_two_series_or_counters_have_one_number() -> None:
    names = {*FAMILIES, *(one.name for one in (*SERIES, *COUNTERS, COMBINATION))}
    assert clashes(sorted(names)) == {}


def test_each_series_and_each_counter_is_there_once() -> None:
    for rows in (SERIES, COUNTERS):
        assert len({one.id for one in rows}) == len({one.name for one in rows}) == len(rows)


def test_a_clash_would_be_found() -> None:
    """Of so many names in twenty bits some share a number."""
    assert clashes([sha256(b"%d" % number).hexdigest() for number in range(5_000)]) != {}


def test_numbers_follow_from_the_name_alone() -> None:
    """Stored state has them: another number would lose the past of a series."""
    assert {name: stable_id(name) for name in ("calls", "data", "combination")} == NUMBERS
