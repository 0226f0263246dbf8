"""A whole stream under both kernels: every judgement and every stored byte is the same."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.left_out import LeftOut
from lab.simulation.sample import fleet_events
from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.config import ModelConfig
from models.engine import Engine
from models.event import Origin
from models.kernel import native_kernel
from models.trust.state import TrustState
from pipeline.formats import FORMATS
from pipeline.publishing.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from models.event import Event
    from models.features.selection import Selection

native = native_kernel("native" if os.environ.get("CI") == "true" else "auto")
pytestmark = pytest.mark.skipif(native is None, reason="habitus-native is not installed")

SECRET = b"0123456789abcdef"
CONFIG = ModelConfig(
    pool_minimum=60, session_minimum=10, learning_sessions=4, snapshot_minutes=30, alerts_per_day=50
)
BATCH = 400


class Both:
    """Two engines with their agents: the reference first, the compiled one after it."""

    def __init__(self, config: ModelConfig = CONFIG, selection: Selection | None = None) -> None:
        self.selection = selection
        self.config = config
        self.engines = [self.engine(kernel) for kernel in ("python", "native")]
        self.subjects: list[dict[tuple[str, str], AgentState]] = [{}, {}]
        self.shared: dict[str, bytes] = {}
        self.sessions: dict[int, bytes] = {}

    def engine(self, kernel: str) -> Engine:
        return Engine(
            self.config, SECRET, catalogue(), explain_all=True, kernel=kernel,
            selection=self.selection,
        )  # fmt: skip

    def judge(self, event: Event) -> None:
        key = event.agent.id, event.mode
        seen = []
        for engine, subjects in zip(self.engines, self.subjects, strict=True):
            if key not in subjects:
                profile = Profile.new(*key, CONFIG, engine.kernel)
                subjects[key] = AgentState(profile, TrustState(agent_id=key[0], mode=key[1]))
            origin = Origin("vpn" if event.id.endswith("7") else "direct", 64500, "SE", "list@1")
            seen.append(engine.judge(event, origin, subjects[key]))
        assert seen[0] == seen[1]

    def stored(self) -> None:
        """Compare what a batch leaves to be stored, and keep it."""
        one, other = [
            (
                dict(engine.dump()),
                engine.sessions.dump(),
                {key: agent_state.profile.dump() for key, agent_state in subjects.items()},
            )
            for engine, subjects in zip(self.engines, self.subjects, strict=True)
        ]
        assert one[0].keys() == other[0].keys()
        for name, raw in one[0].items():
            assert other[0][name] == raw, name
        assert one[1:] == other[1:]
        self.shared.update(one[0])
        self.sessions.update(one[1][0])
        for gone in one[1][1]:
            self.sessions.pop(gone, None)

    def restart(self) -> None:
        """Go on with new engines from what was stored, each with what the other wrote."""
        self.stored()
        taken = [
            {
                key: (agent_state.profile.dump(), msgspec.msgpack.encode(agent_state.trust))
                for key, agent_state in subjects.items()
            }
            for subjects in self.subjects
        ]
        self.engines = [self.engine(kernel) for kernel in ("python", "native")]
        for number, engine in enumerate(self.engines):
            engine.load(self.shared, self.sessions.items())
            self.subjects[number] = {
                key: AgentState(
                    Profile.load(profile, key, CONFIG, engine.kernel),
                    msgspec.msgpack.decode(trust, type=TrustState),
                )
                for key, (profile, trust) in taken[1 - number].items()
            }

    def run(self, events: Iterable[Event]) -> None:
        for number, event in enumerate(events, 1):
            self.judge(event)
            if number % BATCH == 0:
                self.stored()
            if number % (4 * BATCH) == 0:
                self.restart()
        self.stored()
        for engine in self.engines:
            engine.finish_recording()
        self.stored()


def test_both_kernels_judge_and_store_a_simulated_fleet_alike():
    both = Both()
    lines = fleet_events(7, 12, limit=3_000)
    both.run(FORMATS["native"].normalise(line) for line in lines)
    assert both.engines[0].fleet.head.version > 5
    assert any(agent_state.profile.state() == "active" for agent_state in both.subjects[0].values())


def test_both_kernels_omit_the_same_features():
    left_out = LeftOut(["tool", "hour", "country", "rate_day", "flow", "identity.shadow"])
    both = Both(selection=left_out)
    both.run(FORMATS["native"].normalise(line) for line in fleet_events(7, 8, limit=2_000))
    assert any(agent_state.profile.state() == "active" for agent_state in both.subjects[0].values())


def test_burst_after_a_constant_history_has_the_same_p_in_both_kernels():
    both = Both()
    both.run(
        a_call(agent, day * 86_400 + call * 15, f"s-{agent}-{day}-{call // 40}")
        for day in range(6)
        for call in range(120)
        for agent in range(3)
    )
    both.run(a_call(0, 6 * 86_400 + second / 4, "s-x") for second in range(30))


def a_call(agent: int, second: float, session: str) -> Event:
    line = {
        "id": f"{session}-{second}",
        "time": (datetime(2026, 11, 2, 8, tzinfo=UTC) + timedelta(seconds=second)).isoformat(),
        "agent": {"id": f"bot-{agent}", "role": "etl"},
        "session": session,
        "tool": "mail.read",
    }
    return FORMATS["native"].normalise(msgspec.json.encode(line))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["agentdyn", "agentdojo", "taubench", "cloudtrail"])
def test_both_kernels_judge_and_store_a_recording_alike(shared_dir: Path, name: str):
    with gzip.open(shared_dir / "datasets" / f"{name}.jsonl.gz") as lines:
        Both().run(FORMATS["agentlog"].normalise(line) for line in islice(lines, 1_500))
