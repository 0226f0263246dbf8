"""An agent that says little by night, and then at night does what it does by day."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.models.conftest import MONDAY

DAYS = 14
BY_DAY, BY_NIGHT = 20, 1
AGENTS = [f"billing-{number}" for number in range(12)]


def work(an_event, agent, hour, sessions):
    """Give the acts of an hour's sessions."""
    return [
        an_event(
            agent, hour + timedelta(seconds=3_600 * session / sessions + 5 * act),
            tool="queue.check", session=f"{agent}-{hour:%d%H}-{session}",
        )
        for session in range(sessions)
        for act in range(2)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def judge_hour(an_event, a_stream):
    """Let agents do office work for weeks; give what judges a busy hour of one of them."""
    stream, chance = a_stream(pool_minimum=100, learning_sessions=5), random.Random(5)  # noqa: S311
    start = MONDAY.replace(hour=0)
    for number in range(24 * DAYS):
        hour = start + timedelta(hours=number)
        office = hour.weekday() < 5 and 9 <= hour.hour < 17
        for agent in AGENTS:
            sessions = chance.randint(0, BY_DAY if office else BY_NIGHT)
            stream.judge_all(work(an_event, agent, hour, sessions))

    def judge(agent, days, of_day):
        hour = start + timedelta(days=DAYS + days, hours=of_day)
        return stream.judge_all(work(an_event, agent, hour, BY_DAY))

    return judge


def test_daytime_volume_alerts_only_at_night(judge_hour):
    night, day = judge_hour(AGENTS[0], 0, 3), judge_hour(AGENTS[1], 0, 10)
    told = [one.anomaly for one in night if one.alert]
    assert told[:1] == ["rate.burst"]
    assert not any(one.alert for one in day)
