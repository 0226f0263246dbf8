"""Alerts of one cause and day are one, whichever resources it shows on."""

from __future__ import annotations

from random import Random

import pytest

from models.event import Resource


def habits(an_event):
    """Six agents of a role at their habits."""
    chance = Random(2)  # noqa: S311 - made-up data
    for number in range(2_400):
        tool = chance.choices(("mail.read", "mail.send", "crm.find"), (50, 30, 20))[0]
        home = Resource(id=f"crm/{tool}")
        agent, session = f"clerk-{number % 6}", f"s-{number // 30}"
        yield an_event(agent, at=number / 2, tool=tool, session=session, resource=home)


@pytest.fixture
def desk(a_known_stream):
    """Six agents of a role at their habits."""
    return a_known_stream(habits, pool_minimum=100, learning_sessions=3, alerts_per_day=5.0)


def test_new_tool_is_one_anomaly_on_many_resources(desk, an_event):
    judged = [
        desk.judge(
            an_event(
                "clerk-1", at=1_200 + number, tool="iam.grant", session="s-odd",
                resource=Resource(id=f"crm/list-{word}"),
            )
        )
        for number, word in enumerate(("north", "south", "east"))
    ]  # fmt: skip
    alerts = [one for one in judged if one.alert and one.reasons[0].feature == "tool"]
    assert len(alerts) > 1
    assert len({one.key for one in alerts}) == 1
    assert "iam.grant" in alerts[0].key
