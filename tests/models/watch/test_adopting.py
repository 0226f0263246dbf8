"""What three agents of a group begin to use is news of the group; what is restricted is not."""

from __future__ import annotations

from random import Random
from string import ascii_lowercase

import pytest

from models.event import Origin, Resource
from models.watch.adopting import FORGET_US, Adopting
from tests.models.conftest import OFFICE

HOUR_US, DAY = 3_600_000_000, 1_440
TOOLS = ("mail.read", "mail.send", "crm.find")
AGENTS = [f"clerk-{number}" for number in range(6)]


def test_three_agents_within_minutes_adopt_nothing():
    adopting = Adopting()
    assert not any(adopting.note("clerk", 7, agent, agent) for agent in range(9))


def test_one_agent_adopts_nothing_however_often():
    adopting = Adopting()
    assert not any(adopting.note("clerk", 7, 1, at * HOUR_US) for at in range(99))


def test_what_was_not_seen_for_long_begins_anew():
    adopting = Adopting()
    for agent in range(2):
        adopting.note("clerk", 7, agent, agent * HOUR_US)
    assert not adopting.note("clerk", 7, 3, 2 * HOUR_US + FORGET_US)


def test_groups_adopt_apart_and_survive_their_bytes():
    adopting, back = Adopting(), Adopting()
    for agent in range(2):
        adopting.note("clerk", 7, agent, agent * HOUR_US)
    back.load(dict(adopting.dump()))
    assert not back.note("desk", 7, 3, 3 * HOUR_US)
    assert back.note("clerk", 7, 3, 3 * HOUR_US)
    assert adopting.dump() == []


def habits(an_event):
    """Six agents of a role at their habits."""
    chance = Random(2)  # noqa: S311 - made-up data
    for number in range(2_400):
        tool = chance.choices(TOOLS, (50, 30, 20))[0]
        agent = AGENTS[number % len(AGENTS)]
        home = Resource(id=f"crm/{tool}")
        session = f"s-{number // 30}"
        yield an_event(agent, at=number / 2, tool=tool, session=session, resource=home)


@pytest.fixture
def fleet(a_known_stream):
    """Six agents of a role at their habits, each judged by its own pool."""
    return a_known_stream(habits, pool_minimum=100, learning_sessions=3, alerts_per_day=0.5)


def in_turns(fleet, an_event, tool, resource, **more):
    """Let the agents use a tool one after the other, on the resource of each turn."""
    return [
        fleet.judge(
            an_event(
                AGENTS[turn % len(AGENTS)], at=1_300 + turn * 45, tool=tool,
                session=f"launch-{turn}", resource=resource(turn), **more,
            )
        )
        for turn in range(12)
    ]  # fmt: skip


@pytest.mark.parametrize(("sensitivity", "adopted"), [("internal", True), ("restricted", False)])
def test_a_new_resource_of_a_group_is_learned_unless_it_is_restricted(
    fleet, an_event, sensitivity, adopted
):
    launch = Resource(id="launch/plans", sensitivity=sensitivity)
    judged = in_turns(fleet, an_event, "mail.read", lambda _: launch)
    assert judged[0].held is not None
    assert (judged[-1].held is None) is adopted


def test_a_new_tool_of_a_group_is_learned_whichever_resources_it_is_used_on(fleet, an_event):
    judged = in_turns(
        fleet,
        an_event,
        "plans.read",
        lambda turn: Resource(id=f"launch/of-{ascii_lowercase[turn]}"),
    )
    assert judged[0].held is not None
    after = an_event(AGENTS[0], at=1_900, tool="plans.read", session="later")
    assert fleet.judge(after).held is None


@pytest.mark.parametrize("operation", ["execute", "delete", "admin"])
def test_what_cannot_be_taken_back_is_never_news_of_the_group(fleet, an_event, operation):
    """However many agents an attacker brings to do it: for each of them it is as odd."""
    plans = Resource(id="launch/plans")
    judged = in_turns(fleet, an_event, "plans.do", lambda _: plans, operation=operation)
    assert all(one.held is not None for one in judged)
    assert all(one.alert for one in judged[: len(AGENTS)])


def test_peers_see_at_most_one_event_below_the_gate_of_an_agent_and_hour(fleet, an_event):
    fleet.engine.fleet.publish()
    window = fleet.engine.fleet.groups.group("clerk/unknown").windows[1]
    gate = fleet.engine.config.gate
    bar, most = window.quantile(gate), window.quantile(0.0)
    before = window.above(bar)
    held = 0
    for number in range(30):
        odd = Resource(id="launch/plans", sensitivity="restricted")
        event = an_event(
            AGENTS[0], at=1_300 + number / 10, tool="iam.grant", session="odd", resource=odd
        )
        held += fleet.judge(event).held is not None
    fleet.engine.fleet.publish()
    assert held == 30
    assert window.above(bar) <= before + 1
    assert window.quantile(gate) <= bar
    assert most >= bar


def office_days(an_event):
    """Six agents of a role who work by day, for eight weeks."""
    chance = Random(3)  # noqa: S311 - made-up data
    for day in range(40):
        for number in range(60):
            at = (day // 5 * 7 + day % 5) * DAY + 60 + number * 8
            tool = chance.choices(TOOLS, (50, 30, 20))[0]
            agent = AGENTS[number % len(AGENTS)]
            yield an_event(agent, at=at, tool=tool, session=f"s-{day}-{agent}")


@pytest.fixture
def by_day(a_known_stream):
    """Six agents of a role who work by day, after eight weeks."""
    return a_known_stream(office_days, learning_sessions=3)


def test_hours_that_several_agents_keep_are_no_longer_odd(by_day, an_event):
    nights = [
        by_day.judge(
            an_event(
                AGENTS[turn % len(AGENTS)], at=(56 + turn) * DAY + 900, tool="mail.read",
                session=f"night-{turn}",
            )
        )
        for turn in range(12)
    ]  # fmt: skip
    assert [judged.held is not None for judged in nights[:3]] == [True] * 3
    assert nights[-1].held is None


def test_what_else_is_new_of_one_agent_is_not_learned_along(by_day, an_event):
    """The last of four that take up a tool acts from another country."""
    agent, abroad = AGENTS[3], Origin("direct", 64511, "BR", "list@1")
    for turn, one in enumerate(AGENTS[:4]):
        by_day.judge(
            an_event(one, at=56 * DAY + 100 + 60 * turn, tool="plans.read", session=f"n-{turn}"),
            abroad if one == agent else OFFICE,
        )
    again = by_day.judge(an_event(agent, at=57 * DAY + 100, session="later"), abroad)
    told = {reason.feature: reason.why for reason in again.reasons}
    assert "never used by this agent" in told["country"]
    again = by_day.judge(an_event(agent, at=57 * DAY + 160, tool="plans.read", session="last"))
    told = {reason.feature: reason.why for reason in again.reasons}
    assert "used about 1 times" in told["tool"]


def test_what_is_done_once_a_week_is_learned_each_time(by_day, an_event):
    """Four agents use a new tool once a week each, on days of their own."""
    weekly = [
        by_day.judge(
            an_event(
                AGENTS[turn % 4],
                at=(56 + turn // 4 * 7 + turn % 4) * DAY + 120,
                tool="plans.read",
                session=f"week-{turn}",
            )
        )
        for turn in range(28)
    ]
    assert all(judged.alert for judged in weekly[:3])
    assert not any(judged.alert for judged in weekly[-8:])


def test_what_is_done_in_degraded_telemetry_is_no_news_of_the_group(by_day, an_event):
    for turn in range(12):
        judged = by_day.judge(
            an_event(
                AGENTS[turn % 4],
                at=(56 + turn) * DAY + 120,
                tool="plans.read",
                session=f"gap-{turn}",
                attributes={"telemetry": "degraded"},
            )
        )
        assert judged.held is not None
    agents = [by_day.agent_state(agent).profile.baseline for agent in AGENTS[:4]]
    tool = by_day.engine._slots[0]
    assert not any(baseline.count_of(tool, "plans.read") for baseline in agents)
