"""A tool that the request calls for is not odd by itself, whichever tool came before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.config import ModelConfig
from models.groups import Groups
from models.habits import UNASKED, Habits, accounted_for

TOOLS = ("mail.read", "ledger.read", "ledger.post", "chat.post")
ODD = {"tool": "books.close", "previous_tool": "START"}


@pytest.fixture(scope="module")
def clerk():
    """Habits of an agent that closes the books now and then, as its peers do, after the rest."""
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    view = groups.view("clerk/delegated")
    clerks = [Habits(ModelConfig()) for _ in range(12)]
    for day in range(30):
        for habits in clerks:
            habits.roll(day)
            for number in range(20):
                tools = (*TOOLS, "books.close")[: 5 if number == day else 4]
                for before, tool in zip(("START", *tools), tools, strict=False):
                    x = {"tool": tool, "previous_tool": before}
                    habits.learn(view, habits.surprise(view, x, {}), x, vote=True)
            habits.published()
        groups.publish(day)
    return clerks[0], view


def test_an_odd_order_that_the_request_calls_for_is_not_remarkable(clerk):
    habits, view = clerk
    unasked = habits.surprise(view, ODD, {})
    asked = habits.surprise(view, ODD, {}, (2.0, 1.0))
    assert unasked.peak > 0.0
    assert unasked.far
    assert (asked.peak, asked.rarest, asked.far) == (0.0, 0.0, [])
    assert (asked.total, asked.found) == (unasked.total, unasked.found)


def test_one_that_nobody_asked_for_is_as_odd_as_its_order(clerk):
    habits, view = clerk
    assert habits.surprise(view, ODD, {}, (40.0, 1.0)) == habits.surprise(view, ODD, {})


@given(intent=st.floats(0.0, 60.0), known=st.floats(0.0, 1.0))
def test_a_request_never_makes_a_tool_odder(clerk, intent, known):
    habits, view = clerk
    unasked = habits.surprise(view, ODD, {}, UNASKED)
    asked = habits.surprise(view, ODD, {}, (intent, known))
    assert asked.peak <= unasked.peak
    left = [bits for _, bits in unasked.far]
    assert all(0.0 < bits <= left[0] for _, bits in asked.far)


@given(bits=st.floats(0.0, 60.0), intent=st.floats(0.0, 60.0), known=st.floats(0.0, 1.0))
def test_what_is_left_lies_between_both_predictors(bits, intent, known):
    left = bits - accounted_for(bits, (intent, known))
    assert min(bits, intent + 1.0) - 1e-9 <= left <= bits
