"""docs/detectors.md is what its command writes, and names every row of a detector."""

from __future__ import annotations

import re

import pytest

from models.detectors.rules import RULES
from models.features.counters import COUNTERS
from models.features.families import FAMILIES
from models.features.plan import FEATURES
from pipeline.publishing.catalogue import catalogue
from pipeline.publishing.detectors_page import BY_HAND, PATH, by_hand, families_of, page


def rows_of(heading: str) -> list[list[str]]:
    section = page("").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_page_is_what_the_command_writes() -> None:
    text = PATH.read_text()
    assert text.count(BY_HAND) == 1
    assert text == page(by_hand(text)), "run make schema"


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Anomaly types", list(catalogue())),
        ("Families", list(FAMILIES)),
        ("Amounts", [one.name for one in COUNTERS]),
        ("Rules", [one.name for one in RULES]),
    ],
)
def test_each_row_of_a_detector_is_on_the_page(heading: str, names: list[str]) -> None:
    assert [row[0].strip("`") for row in rows_of(heading)] == names
    assert all(len(row) == len(rows_of(heading)[0]) and all(row) for row in rows_of(heading))


def test_each_feature_is_on_the_page() -> None:
    assert [row[0] for row in rows_of("Novelty")] == [one.words for one in FEATURES]


@pytest.mark.parametrize("anomaly", sorted(catalogue()))
def test_each_anomaly_type_has_a_family_that_reports_it(anomaly: str) -> None:
    assert set(families_of(anomaly)) <= set(FAMILIES)
    assert families_of(anomaly)


def test_a_rule_shows_the_rate_that_it_declares() -> None:
    shown = {row[0]: row[3] for row in rows_of("Rules")}
    assert shown["`unregistered`"] == "64"
    assert shown["`expired`"] == "16"


def test_each_family_says_what_it_is_blind_to_and_needs() -> None:
    for one in FAMILIES.values():
        assert one.title, one.name
        assert one.catches.endswith("."), one.name
        assert one.blind.endswith("."), one.name
        assert one.needs.endswith("."), one.name
