"""First days are ranked among those of other newcomers, not among what peers do any day."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from models.baseline.frequency_model import FrequencyModel
from models.config import ModelConfig
from models.peers.group import FLEET, NEWCOMERS
from models.peers.groups import Groups
from models.ranked import SUM, VOLUME

ROLE = "clerk/unknown"
LIVELY = 3.0  # times as many bits in an agent's first days


@pytest.fixture(scope="module")
def role():
    """A role whose agents have a bit of surprise an event, and whose newcomers have three."""
    groups, draw = Groups(ModelConfig(), b"0123456789abcdef"), Random(3)  # noqa: S311 - made-up data
    view = groups.view(ROLE)
    for _ in range(3_000):
        groups.score(ROLE, [(SUM, int(8 * draw.expovariate(1.0)))])
    groups.publish(0)
    for _ in range(5_000):
        FrequencyModel.add_newcomer_scores(view, [None, draw.expovariate(1.0 / LIVELY), None, None])
    groups.publish(0)
    return view, draw


@pytest.fixture(scope="module")
def ranked(role):
    """Give the ranks of many first days among those of newcomers, and among those of peers."""
    return {new: ranks(role, new=new) for new in (True, False)}


def ranks(role, *, new):
    view, draw = role
    frequency_model = FrequencyModel(ModelConfig())
    scores = [draw.expovariate(1.0 / LIVELY) for _ in range(20_000)]
    return [
        frequency_model.calibrate(
            view, [None, score, None, None], draw.random(), own=False, new=new
        )
        for score in scores
    ]


@pytest.mark.parametrize("level", [0.1, 0.02, 0.002])
def test_c1_p_values_of_newcomers_are_calibrated(ranked, level):
    held = [one.each[SUM] <= level for one in ranked[True]]
    assert 0.7 * level < sum(held) / len(held) < 1.3 * level
    among_peers = [one.each[SUM] <= level for one in ranked[False]]
    assert sum(among_peers) / len(among_peers) > 2 * level


def test_the_pool_that_a_newcomer_is_ranked_in_is_named(ranked):
    assert {(one.pool, one.n) for one in ranked[True]} == {("newcomers", 5_000)}
    assert {one.pool for one in ranked[False]} == {"role"}


def test_newcomers_do_not_change_windows_of_role_and_fleet(role):
    view, _ = role
    windows = {name: view.groups.group(name).windows[SUM].n for name in (FLEET, ROLE, NEWCOMERS)}
    assert windows == {FLEET: 3_000, ROLE: 3_000, NEWCOMERS: 5_000}


@pytest.mark.parametrize(("group", "known"), [(FLEET, 3_000), (ROLE, 400)])
def test_newcomer_score_is_dropped_while_the_whole_fleet_is_new(group, known):
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    view = groups.view(group)
    for _ in range(known):
        groups.score(group, [(SUM, 8)])
    groups.publish(0)
    FrequencyModel.add_newcomer_scores(view, [None, 40.0, None, None])
    groups.publish(0)
    assert groups.group(NEWCOMERS).windows[SUM].n == 0


@pytest.mark.parametrize("group", [FLEET, ROLE])
@pytest.mark.parametrize(("known", "taken"), [(499, 0), (500, 1)])
def test_volume_without_peers_enters_the_window_of_the_fleet(group, known, taken):
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    for _ in range(known):
        groups.score(FLEET, [(VOLUME, 0)])
    groups.publish(0)
    FrequencyModel.add_newcomer_scores(groups.view(group), [None, None, None, 40.0])
    groups.publish(0)
    windows = {name: groups.group(name).windows[VOLUME].n for name in (FLEET, ROLE, NEWCOMERS)}
    assert windows == {FLEET: known + taken, ROLE: 0, NEWCOMERS: 0}


@pytest.fixture
def office(a_stream, an_event):
    """Clerks who are known, and what a newcomer among them does."""
    stream = a_stream(pool_minimum=50, learning_sessions=5, snapshot_minutes=1)
    for number in range(600):
        event = an_event(f"clerk-{number % 6}", number, session=f"s-{number // 30}-{number % 6}")
        stream.judge(event)

    def judge(number, tool="mail.read", agent="newcomer", *, seconds=1.0):
        at = an_event(at=700).time + timedelta(seconds=seconds * number)
        return stream.judge(an_event(agent, at, tool=tool, session=f"n-{number // 20}"))

    return stream, judge


def entered(stream):
    groups = stream.engine.fleet.groups
    stream.engine.fleet.publish()
    return groups.group(NEWCOMERS).windows[VOLUME].n


def test_newcomer_window_has_scores_of_learning_agents_only(office):
    stream, judge = office
    for number in range(480):
        judge(number, seconds=120.0)
        if stream.agent_state("newcomer").profile.state() == "active":
            break
    assert stream.agent_state("newcomer").profile.state() == "active"
    learned = entered(stream)
    assert learned == number
    judge(number + 1, seconds=120.0)
    assert entered(stream) == learned


def test_a_newcomers_alerts_enter_once_an_hour(office):
    stream, judge = office
    burst = [judge(number, "iam.grant") for number in range(40)]
    alerts = [one for one in burst if one.alert]
    assert len(alerts) > 2
    assert entered(stream) == len(burst) - len(alerts) + 1
    assert judge(4_000, "iam.grant").alert
    assert entered(stream) == len(burst) - len(alerts) + 2


def test_new_role_does_not_alert_for_each_of_its_agents(a_stream, an_event):
    stream = a_stream(pool_minimum=50, learning_sessions=5, snapshot_minutes=1, alerts_per_day=0.5)
    for number in range(9_000):
        clerk, session = f"clerk-{number % 6}", f"s-{number // 60}-{number % 6}"
        stream.judge(an_event(clerk, number / 2, session=session))
    told = set()
    for night, calls in ((4, 3), (5, 9)):
        for watch in range(60):
            for call in range(calls):
                at, session = 24 * 60 * night + 10 * watch + call / 60, f"n-{night}-{watch}"
                guard = an_event(f"guard-{watch}", at, tool="look", role="guard", session=session)
                judged = stream.judge(guard)
                told |= {judged.agent_id} if judged.alert else set()
    assert len(told) < 20  # of 60; each of them, while none showed itself
