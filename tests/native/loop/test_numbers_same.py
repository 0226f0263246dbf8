"""The numbers of what the kernel judges by itself are those of the reference."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lab.evaluation.judging import judge_after_history
from lab.simulation.fleet.config import SimulationConfig
from lab.simulation.fleet.stream import simulate
from lab.simulation.sample import fleet_events
from models.kernel import native_kernel
from pipeline.formats import format_named
from pipeline.processing.stream_types import RawRecord
from pipeline.processing.worker import Worker
from pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.evaluation.judged import Judgement

native = native_kernel("native" if os.environ.get("CI") == "true" else "auto")
pytestmark = pytest.mark.skipif(native is None, reason="habitus-native is not installed")

YEAR_2100_US = 4_102_444_800_000_000
QUICK = {"pool_minimum": 100, "learning_sessions": 4, "session_minimum": 10}


def plain(line: bytes, number: int) -> bytes:
    """Leave out what is left out now and then: roles, sessions, requests, origins."""
    event: dict[str, Any] = msgspec.json.decode(line)
    agent = event["agent"]
    if sum(agent["id"].encode()) % 3 == 0:
        agent.pop("role", None)
        event.pop("purpose", None)
        event.pop("argument_origins", None)
    if number % 11 == 0:
        event.pop("session", None)
    return msgspec.json.encode(event)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[Judgement], int]]:
    """Give all judgements of a stream, a third of it learned first, and how many took Python."""
    whole, close = Worker._judge_in_python, 0

    def counted(self: Worker, *given: Any) -> None:
        nonlocal close
        close += not self.engine.trusted_history
        whole(self, *given)

    monkeypatch.setattr(Worker, "_judge_in_python", counted)

    def judge(lines: Iterable[bytes], kernel: str, **more: Any) -> tuple[list[Judgement], int]:
        nonlocal close
        close = 0
        records = [RawRecord(line, "made", at, YEAR_2100_US) for at, line in enumerate(lines)]
        history, rest = records[: len(records) // 3], records[len(records) // 3 :]
        settings = Settings(kernel=kernel, alerts_per_day=50, model=QUICK)
        found, _ = judge_after_history(
            history, rest, wire=format_named("native"), settings=settings, **more
        )
        assert len(found) == len(rest)
        return found, close

    return judge


def test_judgements_of_a_fleet_are_the_same(judged):
    lines = [plain(line, at) for at, line in enumerate(fleet_events(11, 12, limit=4_500))]
    reference, all_of_them = judged(lines, "python")
    found, close = judged(lines, "native")
    assert all_of_them == len(reference)
    assert close < len(found) / 4
    assert found == reference
    assert {one.role for one in found} > {None}
    assert len({one.pool for one in found}) > 2
    assert any(one.session_p is not None for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("agents", [12, pytest.param(36, marks=pytest.mark.nightly)])
def test_judgements_of_a_fleet_under_attack_are_the_same_with_reasons(judged, agents):
    config = SimulationConfig(seed=5, agents=agents, days=12, attacked=0.9, quiet_days=3)
    lines = list(simulate(config))
    told, all_of_them = judged(lines, "native", explain=True)
    found, close = judged(lines, "native")
    assert all_of_them == len(told)
    assert close < len(found) / 4
    unexplained = [msgspec.structs.replace(one, reason=None) for one in told]
    assert [msgspec.structs.replace(one, reason=None) for one in found] == unexplained
    assert all(one.reason for one in found if one.alert)
    assert sum(one.alert is not None for one in found) > 10
