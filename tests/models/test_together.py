"""All that is odd about a session counts together, ranked among past sessions of its role."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.left_out import LeftOut
from models.calibration.session_calibration import SessionPools
from models.config import ModelConfig
from models.peers.fleet import Fleet
from models.together import MAX_BITS, PARTS, bits, oddest, total

NOTHING = (0.0, 0.0, 0.0)
chances = st.lists(st.one_of(st.none(), st.floats(1e-12, 1.0)), min_size=4, max_size=4)


def bits_of(events) -> float:
    minimum = NOTHING
    for each in events:
        minimum = oddest(minimum, each)
    return total(minimum)


@given(st.lists(chances, min_size=1, max_size=8), st.randoms())
def test_it_is_the_same_whatever_the_order_and_only_grows(events, shuffle):
    minimum = NOTHING
    for each in events:
        before, minimum = minimum, oddest(minimum, each)
        assert total(before) <= total(minimum)
    shuffle.shuffle(events)
    assert bits_of(events) == total(minimum) == max(bits_of([each]) for each in events)


@given(chances)
def test_each_part_is_its_p_and_the_sum_of_categories_is_none(each):
    expected = [0.0 if (p := each[part]) is None else min(MAX_BITS, bits(p)) for part in PARTS]
    assert list(oddest(NOTHING, each)) == expected
    assert 1 not in PARTS


def test_several_weak_signs_are_rarer_together_than_the_strongest_of_them():
    draw = Random(7)  # noqa: S311 - made-up data
    pools = SessionPools(100_000)
    for _ in range(20_000):
        pools.add("clerk", bits_of([[draw.random() for _ in range(4)] for _ in range(8)]))
    weak = bits_of([[0.4, 0.2, 0.9, 0.003], [0.03, 0.5, 0.02, 0.03]])
    alone = bits_of([[0.003, 0.5, 0.3, 0.6]])
    assert pools.p_value("clerk", weak, 0.5) < 0.01 < 0.1 < pools.p_value("clerk", alone, 0.5)


def test_c1_its_p_keeps_its_promise_though_the_parts_depend_on_one_another():
    draw = Random(11)  # noqa: S311 - made-up data
    pools = SessionPools(100_000)

    def one() -> float:  # two parts are nearly the same, and all events of a session
        calm = draw.random()
        return bits_of([[calm, None, p := draw.random(), p] for _ in range(draw.randint(1, 12))])

    for _ in range(8_000):
        pools.add("clerk", one())
    ps = [pools.p_value("clerk", one(), draw.random()) for _ in range(8_000)]
    for level in (0.05, 0.01):
        assert sum(p <= level for p in ps) / len(ps) == pytest.approx(level, rel=0.3)


def test_sessions_that_finished_are_ranked_among_and_kept():
    peers = Fleet(ModelConfig())
    for odd, p, free, told in (
        (6.0, None, True, False), (0.0, 0.5, True, False), (2.0, None, False, False),
        (3.0, 0.5, False, False), (3.0, 0.5, False, True), (3.0, None, False, True),
    ):  # fmt: skip
        peers.add_session("clerk", 1.0, p, odd, ungated=free, alerted=told)
    assert (peers.sessions.n, peers.together.n) == (4, 3)
    again = Fleet(ModelConfig())
    again.load(dict(peers.dump()))
    assert (again.sessions.n, again.together.n) == (4, 3)


def test_sessions_of_one_agent_alone_are_ranked_once_there_are_enough(a_stream, an_event):
    """Its learning is over long before; what it did since counts as long as nothing is ranked."""
    stream = a_stream(learning_sessions=5, session_minimum=20)
    judged = [
        stream.judge(an_event(at=70 * number, session=f"s-{number}", purpose="Write"))
        for number in range(30)
    ]
    ranked = [number for number, one in enumerate(judged) if one.session_p is not None]
    assert ranked == list(range(20, 30))


@pytest.mark.parametrize("calm", [True, False])
def test_it_alerts_where_past_sessions_were_never_as_odd_altogether(a_stream, an_event, calm):
    stream = a_stream(learning_sessions=5, session_minimum=20, pool_minimum=20)
    for number in range(40):
        for minute, tool in enumerate(("crm.find", "mail.send")):
            stream.judge(
                an_event(at=20 * number + minute, tool=tool, session=f"s-{number}", purpose="Write")
            )
    assert stream.engine.fleet.together.n
    together = stream.engine.fleet.together = SessionPools(100_000)
    for number in range(20_000):
        together.add("clerk", bits((number + 1) / 20_001) / 2.0 if calm else MAX_BITS)
    judged = [
        stream.judge(an_event(at=900 + n, tool=tool, session="now", purpose="Write"))
        for n, tool in enumerate(("mail.send", "mail.send", "crm.find", "crm.find", "mail.send"))
    ]
    assert {one.exceeded() for one in judged} <= {(False, False, False), (False, False, calm)}
    assert any(one.alert for one in judged) is calm
    assert sum(one.alert for one in judged) <= 1, "a session is told once"
    assert all(bool(one.reasons) is one.alert for one in judged)
    for one in judged:
        assert [reason.feature for reason in one.reasons[1:2]] == ["together"] * one.alert
        assert one.ground == ("together" if one.alert else None)
    assert any(one.together_p for one in judged)
    ranked = [one.together_p for one in judged if one.together_p is not None]
    assert ranked == sorted(ranked, reverse=True)
    before = together.n
    stream.engine.finish_recording()
    assert together.n == before + (not calm), "one that alerted is not ranked among"


def test_it_can_be_left_out(a_stream, an_event):
    stream = a_stream(
        learning_sessions=2, session_minimum=2, pool_minimum=20, selection=LeftOut(["together"])
    )
    for n in range(60):
        judged = stream.judge(an_event(at=20 * n, session=f"s-{n}", purpose="Write"))
    assert judged.p is not None
    assert judged.together_p is None
    assert not stream.engine.fleet.together.n
