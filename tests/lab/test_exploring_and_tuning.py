"""Tables of a baseline, sweeps of parameters, and the comparison of two configurations."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import pytest

from lab.examples import Example, labelled, made_up
from lab.exploration import Explored, planted
from lab.tuning import by_agent, candidate, sweep, with_parameters
from models.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    made = made_up(tmp_path_factory.mktemp("fleet"), agents=4, days=12, quiet_days=6)
    # Whatever the clock of the machine says.
    later = made.settings.model_copy(update={"clock": "event"})
    return Example(made.files, made.fmt, later, made.about, made.truth, made.history_days)


@pytest.fixture(scope="module")
def explored(example: Example) -> Explored:
    return Explored(example.files, fmt=example.fmt, settings=example.settings)


def test_every_judged_event_is_a_row(explored: Explored) -> None:
    events = explored.events
    assert events.event_id.is_unique
    assert set(events.columns) >= {"p", "rank", "trust", "level", "role", "tool", "held", "reason"}
    assert events.time.is_monotonic_increasing


def test_a_portrait_has_hours_tools_steps_windows_and_scores(explored: Explored) -> None:
    agent = explored.events.agent_id.value_counts().index[0]
    portrait = explored.agent(agent)
    hours = portrait.hours()
    assert len(hours) == 48
    busy = hours.loc[hours.probability.idxmax()]
    assert (portrait.events.hour == busy.hour).any()
    tools = portrait.values("tool")
    assert set(portrait.events.tool) <= set(tools.tool)
    assert tools.bits.is_monotonic_increasing
    assert tools.bits[0] == pytest.approx(-log2(tools.probability[0]))
    assert portrait.transitions().events.sum() == len(portrait.events)
    windows = portrait.windows()
    assert (windows.upper >= windows["median"]).all()
    assert (portrait.scores().events > 0).all()


def test_an_unknown_agent_or_feature_is_named(explored: Explored) -> None:
    with pytest.raises(ConfigError, match="no agent 'nobody'"):
        explored.agent("nobody")
    with pytest.raises(ConfigError, match="no feature 'mood', expected one of tool"):
        explored.agent(explored.events.agent_id[0]).values("mood")


def test_planted_events_carry_their_case(example: Example, explored: Explored) -> None:
    assert example.truth is not None
    truth = planted(example.truth)
    assert set(truth.kind) <= {"attack", "benign"}
    assert truth[truth.kind == "attack"].event_id.isin(explored.events.event_id).all()


def test_invalid_case_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": 4}\n')
    with pytest.raises(ConfigError, match="no planted case"):
        planted(str(tmp_path / "t.jsonl"))


def test_a_sweep_has_a_row_a_trial_and_the_present_first(example: Example) -> None:
    table = sweep(
        example.files,
        {"alerts_per_day": [1e-6], "gate": [0.002]},
        fmt=example.fmt,
        truth=example.truth,
        history_days=example.history_days,
        settings=example.settings,
    )
    assert table.parameter.tolist() == ["current", "alerts_per_day"]  # 0.002 is as it is
    assert table.version.is_unique
    assert table.alert_recall[1] <= table.alert_recall[0]
    assert table.false_per_day[1] < table.false_per_day[0]


def test_the_same_configuration_changes_nothing(explored: Explored) -> None:
    table = by_agent(explored.events, explored.events)
    assert (table.gained + table.lost).sum() == 0
    assert table.events.sum() == len(explored.events)


def test_a_narrower_budget_shows_per_agent(example: Example, explored: Explored) -> None:
    narrow = with_parameters(example.settings, alerts_per_day=1e-6)
    after = Explored(example.files, fmt=example.fmt, settings=narrow)
    table = by_agent(explored.events, after.events)
    assert (table.alerts_after - table.alerts_before == table.gained - table.lost).all()
    moved = table.gained + table.lost
    assert moved.iloc[0] == moved.max() > 0


def test_two_recordings_cannot_be_compared(explored: Explored) -> None:
    with pytest.raises(ConfigError, match="same recordings"):
        by_agent(explored.events, explored.events.iloc[1:])


def test_unknown_or_invalid_parameters_are_refused(example: Example) -> None:
    with pytest.raises(ConfigError, match="no parameter 'gaet'"):
        with_parameters(example.settings, gaet=1)
    with pytest.raises(ConfigError, match="gate must be a probability"):
        candidate(example.settings, gate=2.0)
    assert candidate(example.settings, gate=0.01, alerts_per_day=3).gate == 0.01


def test_labelled_logs_are_used_if_present(tmp_path: Path) -> None:
    (tmp_path / "yard.jsonl.gz").write_bytes(b"")
    assert labelled(tmp_path, tmp_path, "yard").fmt == "agentlog"
    assert labelled(tmp_path, tmp_path, "yard", "port").truth is not None
