"""Tables of a baseline, sweeps of parameters, and the comparison of two configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.examples import Example, labelled, made_up
from lab.exploration import Explored, planted
from lab.tuning import by_agent, candidate, sweep, with_parameters
from models.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from lab.portrait import Portrait


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


@pytest.fixture(scope="module")
def portrait(explored: Explored) -> Portrait:
    return explored.agent(explored.events.agent_id.value_counts().index[0])


def test_a_portrait_counts_what_the_agent_knows(portrait: Portrait) -> None:
    numbers = portrait.numbers()
    assert numbers["events"] == len(portrait.events)
    assert numbers["sessions"] == portrait.profile.opened > 10
    known = {
        (feature, value)
        for feature in ("tool", "hour", "step")
        for value in portrait.values(feature).query("known").iloc[:, 0]
    }
    assert 0 < len(known) < numbers["known values"]


def test_hours_say_when_the_agent_works(portrait: Portrait) -> None:
    hours = portrait.hours()
    assert len(hours) == 24
    busy = hours.loc[hours.share.idxmax()]
    assert busy.known
    assert int(busy.hours[:2]) in set(portrait.events.hour // 2 * 2)
    assert hours.share.sum() == pytest.approx(1.0)


def test_values_are_known_or_new_to_somebody(portrait: Portrait) -> None:
    tools = portrait.values("tool")
    assert set(portrait.events.tool) <= set(tools.tool)
    assert tools.share.is_monotonic_decreasing
    assert tools.share.sum() == pytest.approx(1.0)
    first = tools.iloc[0]
    assert (first.known, first.new_to, first.bits) == (True, "", 0.0)
    unknown = portrait.values("resource").query("not known")
    assert set(unknown.new_to) <= {"agent", "role", "fleet"}
    assert (unknown.bits > 0).all()
    assert portrait.values("step").share.sum() == pytest.approx(1.0)


def test_a_value_new_to_the_fleet_is_at_least_as_rare_as_one_new_to_the_agent(
    portrait: Portrait,
) -> None:
    table = portrait.novelty().pivot_table(index="feature", columns="new_to", values="bits")
    assert "tool" in table.index
    assert (table.fleet >= table.agent).all()


def test_steps_amounts_maxima_and_rarity_are_tables(portrait: Portrait) -> None:
    assert portrait.transitions().events.sum() == len(portrait.events)
    assert portrait.transitions().known.any()
    amounts = portrait.amounts().set_index("counter")
    assert (amounts.upper >= amounts.typical).all()
    assert amounts.days["calls"] > 0.9
    days = portrait.maxima()
    assert (days.days > 0).all()
    rarity = portrait.rarity("size")
    assert rarity.rarity.is_monotonic_increasing
    assert rarity.rarity.iloc[0] == 0 < rarity.rarity.iloc[-1]
    with pytest.raises(ConfigError, match="no series 'mood', expected one of act"):
        portrait.rarity("mood")


def test_an_unknown_agent_or_feature_is_named(explored: Explored) -> None:
    with pytest.raises(ConfigError, match="no agent 'nobody'"):
        explored.agent("nobody")
    with pytest.raises(ConfigError, match="no feature 'mood', expected one of step, tool, "):
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
        {"alerts_per_day": [1e-6], "held_days": [3]},
        fmt=example.fmt,
        truth=example.truth,
        history_days=example.history_days,
        settings=example.settings,
    )
    assert table.parameter.tolist() == ["current", "alerts_per_day"]  # 3 days are as it is
    assert table.version.is_unique
    assert table.recall[1] <= table.recall[0]
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
    with pytest.raises(ConfigError, match="no parameter 'helddays'"):
        with_parameters(example.settings, helddays=1)
    with pytest.raises(ConfigError, match="held_days must be from 1 to 366, got 0"):
        candidate(example.settings, held_days=0)
    assert candidate(example.settings, held_days=5, alerts_per_day=3).held_days == 5


def test_labelled_logs_are_used_if_present(tmp_path: Path) -> None:
    (tmp_path / "yard.jsonl.gz").write_bytes(b"")
    assert labelled(tmp_path, tmp_path, "yard").fmt == "agentlog"
    assert labelled(tmp_path, tmp_path, "yard", "port").truth is not None
