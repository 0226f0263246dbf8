"""The invariants of calibration, by their numbers in the design note."""

from __future__ import annotations

from math import exp
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baseline.identity import Declared
from models.calibration.p_values import WIDER
from models.calibration.score_window import (
    FIRST,
    INFLATED,
    PREDICTIVE,
    STEP,
    TAIL,
    TOP,
    ScoreWindow,
    Zeros,
    bin_of,
)
from models.codec.hashing import Hasher
from models.event import Volume
from models.ranked import PEAK, SUM

if TYPE_CHECKING:
    from collections.abc import Callable

NOMINAL = (0.05, 0.01, 1e-3)
MAX = 1.2  # observed over nominal
scores = st.floats(0, 60)
uniforms = st.floats(1e-6, 1 - 1e-6)
windows = st.lists(scores, min_size=1, max_size=80)
a_kind = st.sampled_from(Zeros)
tools = ("mail.read", "mail.send", "crm.find", "crm.note")


def a_window(values: list[float], size: int = 4_000) -> ScoreWindow:
    window = ScoreWindow(size=size)
    for value in values:
        window.add(value)
    return window


def exponential(chance: Random) -> float:
    return chance.expovariate(0.5)


def heavy(chance: Random) -> float:
    return min(200.0, 2 * chance.paretovariate(3))


def coarse(chance: Random) -> float:
    return float(chance.randrange(4))


def seldom(chance: Random) -> float:
    return chance.expovariate(0.5) if chance.random() < 0.008 else 0.0


@pytest.mark.parametrize("draw", [exponential, heavy, coarse], ids=lambda draw: draw.__name__)
def test_c1_small_p_values_are_as_rare_as_their_value(draw: Callable[[Random], float]):
    chance = Random(11)  # noqa: S311 - made-up data
    window = ScoreWindow(size=2_000)
    below = dict.fromkeys(NOMINAL, 0)
    events = 40_000
    for number in range(events + 1_000):
        score = draw(chance)
        if number >= 1_000:
            p = window.p_value(score, chance.random())
            for level in NOMINAL:
                below[level] += p <= level
        window.add(score)
    for level in NOMINAL:
        slack = 2 * (level / events) ** 0.5  # of the count itself, by chance
        assert below[level] / events <= MAX * level + slack, level
    assert below[0.05] / events >= 0.5 * 0.05, "and it is not blind either"


def test_c1_unchanged_fleet_exceeds_no_nominal_rate(a_stream, an_event):
    chance = Random(5)  # noqa: S311 - made-up data
    stream = a_stream(pool_minimum=200, learning_sessions=5)
    judged = []
    for number in range(6_000):
        minute, agent = number * 2, number % 3
        tool = chance.choices(tools, (50, 30, 15, 5))[0]
        event = an_event(f"clerk-{agent}", minute, tool=tool, session=f"s-{number // 30}-{agent}")
        judged.append(stream.judge(event))
    ps = [one.p for one in judged[3_000:] if one.p is not None]
    assert len(ps) > 2_500
    for level in (0.05, 0.01):
        assert sum(p <= level for p in ps) / len(ps) <= MAX * level + 2 * (level / len(ps)) ** 0.5


@given(past=windows, u=uniforms, pair=st.tuples(scores, scores), zeros=a_kind)
def test_c2_higher_score_never_has_a_higher_p(past, u, pair, zeros):
    window = a_window(past)
    low, high = sorted(pair)
    assert window.p_value(high, u, zeros=zeros) <= window.p_value(low, u, zeros=zeros)


@given(past=windows, u=uniforms, score=st.floats(0, 1e6), zeros=a_kind)
def test_c2_p_is_a_probability_above_zero(past, u, score, zeros):
    assert 0 < a_window(past).p_value(score, u, zeros=zeros) <= 1


@given(past=windows, calm=st.sampled_from([0, 2_000, 5_000]), u=uniforms, zeros=a_kind)
def test_c2_p_falls_with_the_score_over_the_whole_grid(past, calm, u, zeros):
    window = a_window(past)
    window.add_cell(0, calm)
    ps = [window.p_value(cell / STEP, u, zeros=zeros) for cell in range(61 * STEP)]
    assert ps == sorted(ps, reverse=True)


def test_p_values_of_a_mostly_zero_score_hold_their_level():
    """Ranked among zeros that count as being as high, one in a hundred would be one in two."""
    chance = Random(7)  # noqa: S311 - made-up data
    below = {zeros: dict.fromkeys(NOMINAL, 0) for zeros in (Zeros.AS_HIGH, Zeros.UNRANKED)}
    streams, events = 40, 3_000
    for _ in range(streams):
        window = ScoreWindow(size=1_000_000)
        for number in range(events + 500):
            score, u = seldom(chance), chance.random()
            for zeros, counts in below.items():
                p = window.p_value(score, u, zeros=zeros) if number >= 500 else 1.0
                for level in NOMINAL:
                    counts[level] += p <= level
            window.add(score)
    for level in (0.01, 1e-3):
        promised = level * streams * events
        assert 0.4 * promised < below[Zeros.UNRANKED][level] < MAX * promised, level
        assert below[Zeros.AS_HIGH][level] < below[Zeros.UNRANKED][level] / 2, level


def test_c1_predictive_tail_of_few_scores_is_calibrated():
    chance, level, held = Random(3), 1e-3, {INFLATED: 0.0, PREDICTIVE: 0.0}  # noqa: S311
    draws, rate = 200, 0.25  # so that the mean excess is far above its floor
    for _ in range(draws):
        window = a_window([chance.expovariate(rate) for _ in range(700)])
        u = chance.random()
        for tail in held:
            ps = (window.p_value(cell / STEP, u, tail=tail) for cell in range(TOP))
            alarms = next(cell for cell, p in enumerate(ps) if p <= level)
            held[tail] += exp(-rate * alarms / STEP) / draws / level
    assert 0.85 < held[PREDICTIVE] < 1.15
    assert held[INFLATED] < 0.75


def test_p_falls_further_beyond_the_highest_score():
    window = a_window([number % 40 / 10 for number in range(1_000)])
    ps = [window.p_value(score, 0.5) for score in (5, 10, 20, 40)]
    assert ps == sorted(ps, reverse=True)
    assert ps[-1] < 1 / (window.n + 1) / 1_000


@given(past=windows, score=scores, u=uniforms)
def test_p_within_the_window_is_the_smoothed_rank(past, score, u):
    window = a_window(past)
    cells = [bin_of(value) for value in past]
    above = sum(cell > bin_of(score) for cell in cells)
    ties = cells.count(bin_of(score))
    expected = (above + u * (ties + 1)) / (len(past) + 1)
    if above > TAIL * len(past):  # beyond it the tail goes on
        assert window.p_value(score, u) == expected


def test_c3_the_same_id_key_and_state_give_the_same_p_to_the_last_bit(a_stream, an_event):
    seen = []
    for _ in range(2):
        stream = a_stream(pool_minimum=30, learning_sessions=1)
        events = (
            an_event(at=number, id=f"e{number}", session=f"s{number}") for number in range(90)
        )
        seen.append([one.p for one in stream.judge_all(events)])
    assert seen[0] == seen[1]
    assert seen[0][-1] is not None


def test_c3_another_key_gives_another_u(a_stream, an_event):
    assert Hasher(b"0123456789abcdef").uniform("e-1") != Hasher(b"another key 0000").uniform("e-1")
    seen = []
    for secret in (b"0123456789abcdef", b"another key 0000"):
        stream = a_stream(pool_minimum=30, learning_sessions=1, secret=secret)
        events = (
            an_event(at=number, id=f"e{number}", session=f"s{number}") for number in range(90)
        )
        seen.append([one.p for one in stream.judge_all(events)])
    assert seen[0] != seen[1]


@given(st.lists(st.text(max_size=20), unique=True, max_size=50))
def test_c3_u_lies_between_zero_and_one(ids):
    hasher = Hasher(b"0123456789abcdef")
    drawn = [hasher.uniform(name) for name in ids]
    assert all(0 < u < 1 for u in drawn)
    assert len(set(drawn)) == len(ids)


def test_c4_p_is_unknown_until_a_pool_is_large_enough(a_stream, an_event):
    stream = a_stream(pool_minimum=100, learning_sessions=2, snapshot_minutes=10_000)
    judged = [
        stream.judge(an_event(at=number, id=f"e{number}", session=f"s{number}"))
        for number in range(110)
    ]
    known = [one.p is not None for one in judged]
    first = known.index(True)
    assert known == [False] * first + [True] * (len(known) - first)
    assert judged[first].p_n == 100
    assert judged[first].p_pool == "agent"
    assert all(one.p_pool is None and one.p_n == 0 for one in judged[:first])


def test_c4_rarity_is_scored_only_once_the_fleet_is_calibrated(a_stream, an_event):
    stream = a_stream(pool_minimum=100, learning_sessions=2, snapshot_minutes=1)
    windows = stream.agent_state("billing-7").profile.frequency_model.windows
    for number in range(60):
        stream.judge(an_event(at=number, session=f"s{number}"))
    assert windows[SUM].n > 50
    assert windows[PEAK].n == 0
    for number in range(60, 160):
        stream.judge(an_event(at=number, session=f"s{number}"))
    assert windows[SUM].n > 150
    assert 0 < windows[PEAK].n < 70


def test_c4_only_rules_alert_before_calibration(a_stream, an_event):
    stream = a_stream()
    for number in range(120):
        stream.judge(an_event(at=number, session=f"s{number}"))
    odd = an_event(at=121, tool="iam.grant", session="odd", operation="admin")
    judged = stream.judge(odd)
    assert judged.p is None
    assert judged.session_p is None
    assert not judged.alert
    assert judged.learned
    assert judged.s_max > 8
    by_rule = stream.judge(an_event(at=122, session="odd"), declared=Declared(registered=False))
    assert by_rule.p is None
    assert by_rule.alert
    assert by_rule.anomaly == "identity.shadow"


def test_ordinary_event_never_alerts_through_broken_ties(a_stream, an_event):
    stream = a_stream(
        pool_minimum=100, learning_sessions=2, snapshot_minutes=1, alerts_per_day=1_000.0
    )
    judged = [
        stream.judge(an_event(at=number // 80, session=f"s{number}", id=f"e{number}"))
        for number in range(4_000)
    ]
    unusual = [one for one in judged[1_000:] if one.p is not None and one.p < 0.005]
    assert len(unusual) > 3  # drawn by lot among thousands that are alike
    assert not [(one.event_id, one.p, one.anomaly, one.reasons[:2]) for one in judged if one.alert]


def test_new_agent_is_ranked_in_its_role_or_else_in_the_fleet(a_stream, an_event):
    stream = a_stream(pool_minimum=100, learning_sessions=2, snapshot_minutes=1)
    for number in range(230):
        stream.judge(an_event(at=number, session=f"s{number}"))
    assert stream.judge(an_event("clerk-new", 240)).p_pool == "role"
    assert stream.judge(an_event("no-role", 241, role=None)).p_pool == "fleet"
    assert stream.judge(an_event("other-role", 242, role="auditor")).p_pool == "fleet"
    known = stream.agent_state("billing-7")
    rank = known.profile.frequency_model.calibrate
    assert rank(known.view.view, [None, 9.0, None, None], 0.5, own=True).pool == "agent"
    assert rank(known.view.view, [None, None, 9.0, None], 0.5, own=True).pool == "role"


@pytest.mark.parametrize(
    ("statistics", "tests", "lead"),
    [
        ([None, 20.0, 3.0, None], 1.5, 1),
        ([9.0, 20.0, 3.0, 1.0], 3.5, 1),
        ([10.3, 10.5, 3.0, 1.0], 3.5, 0),
        ([None, None, None, 8.0], 1.0, 3),
        ([None, 8.0, None, None], 0.5, 1),
    ],
)
def test_p_of_an_event_is_the_smallest_weighted_p(a_stream, an_event, statistics, tests, lead):
    stream = a_stream(pool_minimum=50, learning_sessions=1)
    stream.judge(an_event())
    agent_state = stream.agent_state("billing-7")
    for window in agent_state.profile.frequency_model.windows:
        for number in range(200):
            window.add(number % 50 / 5)
    found = agent_state.profile.frequency_model.calibrate(
        agent_state.view.view, statistics, 0.5, own=True
    )
    assert [p is None for p in found.each] == [value is None for value in statistics]
    each = [2 * p if at == SUM else p for at, p in enumerate(found.each) if p is not None]
    assert found.p == pytest.approx(min(1.0, WIDER * tests * min(each)))
    assert found.lead == lead
    assert (found.pool, found.n) == ("agent", 200)


@given(past=windows, more=st.lists(scores, max_size=300))
def test_a_window_forgets_and_stays_within_its_size(past, more):
    window = a_window(past + more, size=64)
    assert window.n <= 64
    assert window.n >= min(len(past + more), 32)


@given(past=windows)
def test_a_window_survives_its_bytes(past):
    window = a_window(past)
    raw = msgspec.msgpack.encode(window)
    back = msgspec.msgpack.decode(raw, type=ScoreWindow)
    assert back.p_value(7.3, 0.4) == window.p_value(7.3, 0.4)
    assert msgspec.msgpack.encode(back) == raw


@given(past=windows, share=st.floats(0, 0.99))
def test_share_above_the_quantile_is_bounded(past, share):
    edge = a_window(past).quantile(share)
    assert sum(bin_of(value) > bin_of(edge) for value in past) <= share * len(past)


@given(st.floats(0, 1e9))
def test_scores_are_rounded_to_a_bounded_grid(score):
    assert 0 <= bin_of(score) <= TOP


@pytest.mark.parametrize("sent", [None, 100_000_000], ids=["calls", "bytes"])
def test_c6_burst_of_a_constant_agent_alerts(a_stream, an_event, sent):
    """Nothing was ever unusual in how much they do, so that all of the windows is zeros."""

    def act(number, at, agent, sent=400):
        tool, session = tools[number % 4], f"s-{agent}-{number // 32}"
        return an_event(agent, at, tool=tool, session=session, volume=Volume(bytes_out=sent))

    stream = a_stream()
    stream.engine.trusted_history = True
    for number in range(2_000):
        day, call = divmod(number, 200)
        for agent in ("bot-0", "bot-1", "bot-2"):
            stream.judge(act(number, day * 1_440 + call / 4, agent))
    stream.engine.trusted_history = False
    burst = (act(number, 14_400 + number / 200, "bot-0", sent or 400) for number in range(24))
    judged = stream.judge_all(burst)
    assert all(found.p < 0.002 for found in judged[12:]), "whatever breaks the ties"
    assert ("volume.exfil" if sent else "rate.burst") in {found.anomaly for found in judged}


def test_nonzero_score_of_a_mostly_zero_window_is_ranked_among_nonzero_scores():
    window = ScoreWindow(size=1_000_000)
    window.add_cell(0, FIRST)
    for score in (3.0, 5.0, 9.0):
        window.add(score)
    ps = [window.p_value(score, 0.5, zeros=Zeros.CONSTANT) for score in (2.0, 4.0, 60.0)]
    assert ps == [number / (FIRST + 4) for number in (3.5, 2.5, 0.5)]
    assert window.p_value(4.0, 0.5) > 0.3, "as high as each zero"
