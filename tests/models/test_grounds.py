"""What an anomaly stands on: a rule, several events, or how rare something is."""

from __future__ import annotations

import pytest

from models.baseline.identity import Declared
from models.deciding import Decider
from models.result import GROUNDS, Kind, Result

SHADOW = Declared(registered=False)
KINDS = {"cascade": Kind("high", "tools", {})}


@pytest.fixture
def known(a_stream, an_event):
    """Give a stream that knows well what an agent does."""
    stream = a_stream(learning_sessions=2, pool_minimum=20, alerts_per_day=5.0)
    for number in range(600):
        stream.judge(an_event(at=number, session=f"s-{number // 20}"))
    return stream


def test_ground_of_a_rare_event_is_its_p_value(known, an_event):
    usual = known.judge(an_event(at=601, session="s-99"))
    odd = known.judge(an_event(at=602, tool="keys.export", session="s-99"))
    assert (usual.alert, usual.ground) == (False, None)
    assert odd.alert
    assert odd.p is not None
    assert odd.p <= odd.alpha
    assert odd.ground == "event"


def test_rule_is_the_ground_of_an_event_of_any_p_value(known, an_event):
    usual = known.judge(an_event(at=601, session="s-99"), declared=SHADOW)
    odd = known.judge(an_event(at=602, tool="keys.export", session="s-99"), declared=SHADOW)
    assert usual.p is not None
    assert usual.p > usual.alpha
    assert odd.exceeded()[0]
    assert [one.ground for one in (usual, odd)] == ["rule", "rule"]


def test_ground_of_a_cascade_is_several_events(an_event):
    out = Result("e", "a", "unknown", "s", 0, ground="event", alert=True)
    decider = Decider(KINDS, {}, explain_all=False)
    decider.cascade(out, an_event(trace_id="t"), ["a", "b", "c"], {})
    assert (out.anomaly, out.ground, out.alert) == ("cascade", "several", True)


def test_every_chance_has_a_ground():
    assert len(GROUNDS) == len(Result("e", "a", "unknown", "s", 0).chances())
