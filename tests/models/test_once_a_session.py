"""What is odd for a whole session is odd once; hours beside the usual ones are less odd."""

from __future__ import annotations

import pytest

from models.baseline.frequency_model import FrequencyModel
from models.config import ModelConfig
from models.peers.groups import Groups, View

DAYTIME = [f"{hour:02d}" for hour in range(9, 15)]


@pytest.fixture
def office():
    """Habits of an agent that works by day, as its peers do."""
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    view = groups.view("clerk/delegated")
    clerks = [FrequencyModel(ModelConfig()) for _ in range(12)]
    for day in range(20):
        for frequency_model in clerks:
            frequency_model.roll(day)
            for hour in DAYTIME * 3:
                x = {"tool": "mail.read", "hour": hour}
                frequency_model.learn(view, frequency_model.surprise(view, x, {}), x, vote=True)
            frequency_model.published()
        groups.publish(day)
    return clerks[0], view


def bits_of(office, hour):
    frequency_model, view = office
    found = frequency_model.surprise(view, {"tool": "mail.read", "hour": hour}, {}).found
    return found[1][1]


def test_an_hour_is_odder_the_farther_it_is_from_the_usual_ones(office):
    usual, beside, near, far, night = (
        bits_of(office, h) for h in ("09", "08", "07", "06", "00-06")
    )
    assert usual < beside < near < far == night
    assert near == pytest.approx(beside + 3.0)


def test_what_its_session_had_before_is_not_looked_at_again(office):
    frequency_model, view = office
    x = {"tool": "mail.read", "hour": "00-06"}
    first = frequency_model.surprise(view, x, {})
    again = frequency_model.surprise(view, x, dict(first.excesses))
    (feature, excess) = first.excesses[0]
    assert (first.repeated, again.repeated) == (0, 1 << feature)
    assert again.excesses == first.excesses
    assert again.total == first.total
    assert frequency_model.surprise(view, x, {feature: excess - 2.0}).repeated == 0


def test_a_session_is_held_whole_and_the_next_one_begins_anew(a_stream, an_event):
    stream = a_stream(pool_minimum=100, learning_sessions=3, alerts_per_day=0.001)
    for day in range(12):
        for number in range(150):
            at = day * 1_440 + 540 + number * 2
            stream.judge(an_event(at=at, session=f"d-{day}-{number // 10}", tool="mail.read"))
    night = [
        stream.judge(an_event(at=12 * 1_440 + 120 + n, session="night", tool="mail.send"))
        for n in range(4)
    ]
    assert [one.held is not None for one in night] == [True] * 4
    watch = stream.agent_state(night[0].agent_id).profile.facts.watch
    assert watch.kept > 0
    assert watch.tops
    stream.judge(an_event(at=13 * 1_440 + 600, session="day", tool="mail.read"))
    assert (watch.kept, watch.tops) == (0.0, {})


@pytest.mark.parametrize(
    ("tools", "calls", "first"), [("aa", 15, "rate"), ("ab", 12, "sequence")],
    ids=["repeated", "in turn"],
)  # fmt: skip
def test_of_a_call_repeated_over_and_over_how_often_comes_first(
    a_stream, an_event, monkeypatch, tools, calls, first
):
    stream = a_stream(pool_minimum=100, learning_sessions=3, explain_all=True)
    for number in range(400):
        tool = ("mail.read", "a", "crm.find", "mail.send", "b")[number % 5]
        stream.judge(an_event(at=number * 7, tool=tool, session=f"s-{number // 5}"))
    wave = [
        an_event(at=2_900 + number, tool=tools[number % 2], session="odd")
        for number in range(calls)
    ]
    stream.judge_all(wave[:-1])
    monkeypatch.setattr(View, "weighted", lambda _view, _channel, bits: bits)
    assert stream.judge(wave[-1]).reasons[0].feature == first
