"""What tool follows which one is known of the role: what nobody does is odder than what is rare."""

from __future__ import annotations

import pytest

from models.baseline.frequency_model import FrequencyModel
from models.config import ModelConfig
from models.peers.group import AFTER
from models.peers.groups import Groups

WAYS = (("find", "read", "reply"), ("find", "reply", "close"), ("read", "reply", "note"))


def work(frequency_model, view, way):
    previous = "START"
    for tool in way:
        x = {"tool": tool, "previous_tool": previous}
        frequency_model.learn(view, frequency_model.surprise(view, x, {}), x, vote=True)
        previous = tool


@pytest.fixture
def desk():
    """Habits of an agent that knows two of the three ways in which its peers work."""
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    view = groups.view("desk/delegated")
    one, *others = (FrequencyModel(ModelConfig()) for _ in range(9))
    for day in range(20):
        for frequency_model in (one, *others):
            frequency_model.roll(day)
            for way in WAYS[:2] if frequency_model is one else WAYS:
                work(frequency_model, view, way)
            frequency_model.published()
        groups.publish(day)
    return one, view, groups


def bits_of(desk, previous, tool):
    frequency_model, view, _ = desk
    return frequency_model.surprise(view, {"tool": tool, "previous_tool": previous}, {}).total


def test_order_known_to_peers_is_less_surprising_than_an_unknown_one(desk):
    own, of_peers, of_nobody = (
        bits_of(desk, *step) for step in (("find", "read"), ("START", "read"), ("reply", "find"))
    )
    assert own < of_peers < of_nobody - 4


def test_one_agent_votes_once_a_day_for_an_order(desk):
    frequency_model, view, groups = desk
    before = groups.size
    for _ in range(5):
        work(frequency_model, view, ("close", "find"))
    first = groups.size - before
    groups.publish(19)
    frequency_model.published()
    work(frequency_model, view, ("close", "find"))
    voted = groups.size
    assert first - 5 * 2 == 2 * 2  # twice a score an act; two orders, nothing else is new that day
    assert voted == 2


def test_votes_of_a_week_are_stored_under_one_day(desk):
    _, _, groups = desk
    ballots = [
        node.ballot.votes for name, node in groups.group("desk/delegated").nodes.items()
        if name >= AFTER
    ]  # fmt: skip
    days = {day for votes in ballots for cast in votes.values() for day in cast}
    assert days == {0, 7, 14}
