"""What shows only over time: drift of p-values and tools, leaks by the day, silence, cascades."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.event import Volume
from models.kernel import native_kernel
from models.watch import mixture
from models.watch.evidence import e_value, gather
from models.telemetry.last_seen import LastSeen
from models.watch.leak import ALARM
from models.watch.modes import note_mode
from models.watch.order import add_up
from models.watch.sizes import lean, learn, send_nothing, unsettle, usual
from models.watch.state import Watch
from models.watch.traces import MIN_AGENTS, WITHIN_US, Traces

A_DRIFT = 1000.0
MONDAY = 96  # hours since 1970


def test_c5_false_alarms_lie_at_least_a_drift_tests_apart():
    draw = np.random.default_rng(5)
    watch, alarms, tests = Watch(), 0, 200_000
    for _ in range(tests):
        alarms += gather(watch, draw.random(), A_DRIFT)
    assert alarms <= tests / A_DRIFT


def test_a_shift_of_p_values_is_noticed_within_a_few_hundred_events():
    draw, watch = np.random.default_rng(5), Watch()
    needed = next(n for n in range(2_000) if gather(watch, draw.random() ** 2.5, A_DRIFT))
    assert needed < 400


@given(st.floats(1e-12, 1), st.floats(1e-12, 1))
def test_a_smaller_p_is_no_less_evidence(first, second):
    low, high = sorted((first, second))
    assert e_value(low) >= e_value(high) - 1e-9


def test_the_week_is_compared_with_the_anchor():
    watch = Watch()
    for day in range(30):
        for _ in range(10):
            mixture.use(watch, 1)
        steady = mixture.close_day(watch, day, anchor=day == 20)
    assert steady < 50
    for day in range(30, 60):
        for _ in range(10):
            mixture.use(watch, 2)
        strayed = mixture.close_day(watch, day, anchor=False)
    assert strayed > 800


def test_a_leak_a_little_above_the_usual_adds_up_over_days():
    draw = np.random.default_rng(3)
    usual, leaking = Watch(), Watch()
    for watch, extra in ((usual, 1.0), (leaking, 2.5)):
        for call in range(600):
            factor = extra if call >= 500 and call % 2 else 1.0
            sent = int(1e6 * factor * draw.lognormal(0, 0.4))
            lean(watch, 7, sent)
            learn(watch, 7, 0, sent)
    assert lean(leaking, 7, 1_000_000) > 3 * max(1.0, lean(usual, 7, 1_000_000))


def test_a_tool_that_never_sent_anything_is_expected_to_send_next_to_nothing():
    watch = Watch()
    for _ in range(60):
        learn(watch, 7, 0, 8_000)
        send_nothing(watch, 8)
    assert usual(watch, 8, 0, 50_000) == pytest.approx(8_000 / 57, rel=0.01)
    assert usual(watch, 9, 0, 50_000) == 50_000
    for _ in range(5):
        learn(watch, 8, 0, 3_000)
    assert usual(watch, 8, 0, 50_000) == pytest.approx(3_000, rel=0.01)


def test_calls_without_bytes_say_nothing_where_no_call_tells_them():
    watch = Watch()
    for _ in range(60):
        send_nothing(watch, 8)
    assert not watch.sizes
    assert usual(watch, 8, 0, 50_000) == 50_000


def test_a_tool_that_sends_now_and_then_is_no_tool_that_never_does():
    watch = Watch()
    for _ in range(30):
        learn(watch, 7, 0, 8_000)
        learn(watch, 8, 0, 2_000)
        for _ in range(9):
            send_nothing(watch, 8)
    assert usual(watch, 8, 0, 9_000) == pytest.approx(2_000, rel=0.01)


def silent_for(calls, *, then=0, every=1):
    """Let a tool send nothing so often, then something with each or every so many of its calls."""
    watch, sums = Watch(), []
    for _ in range(5):
        learn(watch, 7, 0, 8_000)
    for call in range(calls + then):
        if call >= calls and call % every == 0:
            sums.append(lean(watch, 8, 5_000))
            learn(watch, 8, 0, 5_000)
        else:
            send_nothing(watch, 8)
    return watch, sums


def test_what_a_tool_sends_that_never_did_adds_up():
    _, sums = silent_for(200, then=20)
    assert sums == sorted(sums)
    assert sums[0] > 2
    assert sums[13] < ALARM < sums[15]


@pytest.mark.parametrize(("calls", "every"), [(40, 1), (200, 20), (0, 10)])
def test_a_tool_that_is_hardly_known_or_seldom_sends_does_not_leak(calls, every):
    _, sums = silent_for(calls, then=20 * every, every=every)
    assert max(sums) < ALARM / 2


def test_a_tool_that_keeps_sending_becomes_one_that_sends():
    watch, sums = silent_for(100, then=60)
    assert usual(watch, 8, 0, 9_000) == pytest.approx(5_000, rel=0.01)
    assert sums[-1] == 0.0


def test_a_new_version_is_learned_faster_and_its_sums_begin_anew():
    watch = Watch()
    for _ in range(100):
        learn(watch, 7, 0, 500)
    lean(watch, 7, 100_000)
    watch.sizes[8] = [3.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    unsettle(watch, 0.2)
    assert lean(watch, 7, 500) == 0.0
    assert [watch.sizes[tool][0] for tool in (7, 8)] == [20.0, 3.0]


def test_an_agent_is_silent_after_twice_its_longest_usual_silence_of_workdays():
    heard = LastSeen()
    for day in range(12):
        if day % 7 < 5:
            for hour in range(8, 17):
                heard.note("a-1", "delegated", MONDAY + day * 24 + hour)
    friday = MONDAY + 11 * 24 + 16
    assert heard.silence("a-1", friday + 2 * 24 + 16) is None  # a weekend
    assert heard.silence("a-1", friday + 6 * 24) is not None
    assert heard.silence("nobody", friday) is None


def kernels() -> list[type]:
    native = native_kernel("auto")
    return [LastSeen] if native is None else [LastSeen, native.LastSeen]


@pytest.mark.parametrize("kernel", kernels())
def test_a_batch_writes_the_agents_it_heard_and_not_all(kernel):
    heard, stored, written = kernel(), {}, 0
    for number in range(6_400):
        heard.note(f"agent-{number}", "delegated", 100)
    stored |= heard.dump()
    everything = sum(map(len, stored.values()))
    for batch in range(40):
        for number in range(batch, 6_400, 64):
            heard.note(f"agent-{number}", "delegated", 200 + batch)
        changed = dict(heard.dump())
        written += sum(map(len, changed.values()))
        stored |= changed
    assert written < 3 * everything  # 25 times as much where buckets are written whole
    back = kernel()
    back.load(stored)
    assert back.dump(whole=True) == heard.dump(whole=True)
    assert heard.dump() == []


def test_what_was_heard_survives_its_bytes():
    heard, back = LastSeen(), LastSeen()
    for hour in range(0, 200, 7):
        heard.note("a-1", "delegated", hour)
    back.load(dict(heard.dump()))
    assert back.known("a-1") == heard.known("a-1")
    assert heard.dump() == []


def test_a_first_act_in_another_mode_is_noted_once_an_agent_is_settled():
    heard = LastSeen()
    settled, young = Watch(), Watch()
    for hour in range(0, 200, 5):
        heard.note("a-1", "delegated", hour)
    note_mode(settled, heard.known("a-1"), "autonomous", 200)
    note_mode(young, heard.known("a-1"), "autonomous", 40)
    assert (settled.shifted, young.shifted) == ("delegated", "")


def test_several_slightly_odd_steps_of_one_session_count_together():
    watch = Watch(session=1)
    sums = [add_up(watch, 1, 4.0)[0] for _ in range(5)]
    assert sums == sorted(sums)
    assert sums[-1] > 12
    assert add_up(watch, 2, 0.0) == (0, False)


def test_a_sum_over_a_session_says_nothing_new_once_it_is_full():
    watch = Watch(session=1)
    rose = [add_up(watch, 1, 12.0)[1] for _ in range(20)]
    assert rose == sorted(rose, reverse=True)
    assert rose[0]
    assert not rose[-1]


def test_agents_anomalous_under_one_trace_within_an_hour_are_a_cascade():
    traces = Traces()
    agents = [traces.add("t-1", f"a-{n}", n) for n in range(MIN_AGENTS)][-1]
    assert len(agents) == MIN_AGENTS
    assert traces.add("t-1", "late", WITHIN_US + MIN_AGENTS) == ["late"]


def test_open_traces_survive_their_bytes():
    traces, back = Traces(), Traces()
    traces.add("t-1", "a", 0)
    back.load(dict(traces.dump(1)))
    assert back.add("t-1", "b", 1) == ["a", "b"]


def test_a_leak_is_told_once_and_ordinary_calls_are_not(a_stream, an_event):
    stream = a_stream(pool_minimum=100_000, learning_sessions=2)
    told = []
    for number in range(160):
        sent = 400 + number % 3 * 100 + (1_500 if number >= 120 else 0)
        event = an_event(at=number * 5, session=f"s-{number // 5}", volume=Volume(bytes_out=sent))
        if stream.judge(event).anomaly == "volume.exfil":
            told.append(number)
    assert told
    assert told[0] >= 125
    assert all(later - earlier > 5 for earlier, later in pairwise(told))
