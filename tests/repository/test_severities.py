"""Every place that knows the severities knows each of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.demo.story import _SEVERITY_STYLE
from models.trust.policy import SEVERITIES, TrustPolicy
from pipeline.store.order import _URGENT
from pipeline.store.postgresql.migrations import migrations
from pipeline.store.schema import TABLES

CONSOLE = Path(__file__).parents[2] / "scoring_api" / "console"
FORMS = {
    "index.html": r'name="severity" value="(\w+)"',
    "queue.js": r'^const SEVERITIES = \["(.*)"\];$',
    "console.css": r"(?<!chip)\.severity-(\w+) \{",
}


@pytest.mark.parametrize("name", FORMS)
def test_console_shows_every_severity(name: str) -> None:
    found = "|".join(re.findall(FORMS[name], (CONSOLE / name).read_text(), re.M))
    assert set(re.findall(r"\w+", found)) == set(SEVERITIES), f"change scoring_api/console/{name}"


def test_story_of_the_demonstration_and_policy_know_every_severity() -> None:
    assert set(_SEVERITY_STYLE) == set(SEVERITIES), "change lab/demo/story.py"
    assert set(TrustPolicy().impact) == set(SEVERITIES), "change models/trust/policy.py"


def test_both_stores_index_anomalies_by_the_urgency_that_they_are_sorted_by() -> None:
    todo = "change the index anomalies_urgency in pipeline/store/schema.py and in a migration"
    for tables in (TABLES, "".join(migrations().values())):
        assert _URGENT in re.sub(r"\s+", " ", tables), todo
