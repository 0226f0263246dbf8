"""What calls of a tool take is known of the peers, for whoever hardly knows it itself."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from models.baseline.volume_baseline import VolumeBaseline
from models.event import Volume
from models.watch.sizes import learn, size_name, telling, usual
from models.watch.state import Watch

MB = 1_000_000


def level_of(*sizes: float) -> VolumeBaseline:
    level = VolumeBaseline()
    for size in sizes:
        level.learn_evenly(size)
    return level


def test_a_tool_that_only_peers_know_takes_what_theirs_take_at_most() -> None:
    names: list[str] = []

    def peers(name: str) -> VolumeBaseline:
        names.append(name)
        return level_of(2_000, 2_000, 2_000)

    most = usual(Watch(), 7, 0, 90 * MB, peers)
    assert log(most / 2_000) == pytest.approx(1.0, abs=0.01)  # two spreads of .5 on the log scale
    assert names == [size_name(0, 7)] == ["bytes_out_hour:7"]
    assert usual(Watch(), 7, 0, 90 * MB, lambda _: level_of(20, 2_000, 200_000)) > 10 * most


@pytest.mark.parametrize("known", [None, level_of(2_000, 2_000)])
def test_nothing_is_made_of_what_hardly_any_peer_has_told(known: VolumeBaseline | None) -> None:
    assert usual(Watch(), 7, 0, 90 * MB, lambda _: known) == 90 * MB


def test_what_an_agent_knows_itself_goes_before_what_peers_know() -> None:
    watch = Watch()
    for _ in range(5):
        learn(watch, 7, 0, 500)
    assert usual(watch, 7, 0, 90 * MB, lambda _: level_of(*[2_000] * 9)) == pytest.approx(500)


def test_an_agent_tells_its_peers_seldom() -> None:
    watch, told = Watch(), []
    assert telling(watch, 7, 1) is None
    for call in range(1, 500):
        learn(watch, 7, 1, 700)
        if telling(watch, 7, 1) is not None:
            told.append(call)
    assert told == [5, 20, 80, 320]


@pytest.mark.parametrize(
    ("agent", "sends", "odd"),
    [
        ("clerk-0", 500 * MB, True),  # has sent by another tool
        ("clerk-1", 500 * MB, True),  # of its calls none says what it sends
        ("newcomer", 500 * MB, True),
        ("clerk-0", 2_600, False),
        ("newcomer", 2_600, False),
    ],
)
def test_a_first_use_may_send_too_much(
    a_stream: Any, an_event: Any, agent: str, sends: int, odd: bool
) -> None:
    stream = a_stream(learning_sessions=2, pool_minimum=20, explain_all=True)
    for number in range(60):
        for one in range(5):
            tool = "post" if one == 0 else "mail.send"
            size = 1_500 + 211 * (number * one % 7)
            volume = None if one == 1 else Volume(bytes_out=size)
            at, session = 61 * number + one, f"s-{number // 3}"
            stream.judge(an_event(f"clerk-{one}", at, tool=tool, session=session, volume=volume))
    stream.engine.fleet.publish()
    now = an_event(agent, 4_000, tool="mail.send", session="now", volume=Volume(bytes_out=sends))
    bits = [one.bits for one in stream.judge(now).reasons if one.feature == "bytes_out_hour"]
    assert bool(bits and bits[0] > 15) is odd
