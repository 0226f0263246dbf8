"""Baselines: each sees what is odd to it, none needs a label, and all run in one harness."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

import pytest

from lab.baselines import OFFERS, Baseline, RunBaseline, chosen
from models.errors import ConfigError
from models.event import Agent, Event, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
BY_EVENT = ("first_seen", "zscore", "own_history", "half_space", "isolation")
BY_RUN = ("agentnorm", "agentomaly")


def a_call(number: int, tool: str = "read_file", size: int = 100, session: str = "s") -> Event:
    return Event(
        id=f"e-{number}",
        time=START + timedelta(minutes=number),
        agent=Agent(id="lab/desk/a", role="desk"),
        tool=tool,
        session=f"{session}-{number // 4}",
        volume=Volume(bytes_in=size + number % 7),
        outcome="ok",
    )


def built(name: str) -> Baseline | RunBaseline:
    if not OFFERS[name].available:
        absent = f"absent: package {OFFERS[name].package}"
        if os.environ.get("CI") == "true":
            pytest.fail(absent, pytrace=False)
        pytest.skip(absent)
    return OFFERS[name].build()


def judged(baseline: Baseline | RunBaseline, block: Sequence[Event]) -> list[float]:
    assert not isinstance(baseline, RunBaseline)
    return baseline.judge(block)


@pytest.mark.parametrize("name", BY_EVENT)
def test_foreign_tool_with_much_data_scores_above_a_typical_call(name: str) -> None:
    baseline = built(name)
    judged(baseline, [a_call(n) for n in range(600)])
    *usual, unknown_labels = judged(
        baseline, [*(a_call(n) for n in range(600, 640)), a_call(640, "drop_table", 9_000_000)]
    )
    assert unknown_labels > median(usual)


@pytest.mark.parametrize("name", BY_EVENT)
def test_scores_are_the_same_each_time_and_one_for_each_event(name: str) -> None:
    events = [a_call(n, ("read_file", "send_mail")[n % 3 == 0]) for n in range(300)]
    first, second = (judged(built(name), events) for _ in range(2))
    assert first == second
    assert len(first) == 300


@pytest.mark.parametrize("name", BY_RUN)
def test_run_with_a_foreign_tool_scores_above_a_typical_run(name: str) -> None:
    baseline = built(name)
    assert isinstance(baseline, RunBaseline)
    baseline.fit([[a_call(4 * n + i) for i in range(4)] for n in range(150)])
    usual = [a_call(800 + i) for i in range(4)]
    unknown_labels = [*usual[:3], a_call(803, "drop_table", 9_000_000)]
    calm, alarm = baseline.score([usual, unknown_labels])
    assert alarm > calm


def test_all_means_installed_baselines_and_every_name_is_known() -> None:
    assert set(chosen(["all"])) >= set(BY_EVENT)
    with pytest.raises(
        ConfigError, match=r"no baseline 'magic', expected all or some of first_seen"
    ):
        chosen(["magic"])


def test_a_baseline_whose_package_is_absent_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.baselines.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"'agentomaly' needs the package 'spectra'"):
        chosen(["agentomaly"])
    assert list(chosen(["all"])) == list(BY_EVENT)
