"""Two engines in step, one of each kernel: after every event all that they hold is compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from models.baseline.agent_state import AgentState
from models.config import ModelConfig
from models.engine import Engine
from models.event import Origin
from models.trust.state import TrustState
from pipeline.publishing.catalogue import catalogue
from tests.native.both import SECRET, native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.detectors.detector import Detector
    from models.engine import ScoredEvent
    from models.event import Event
    from models.scoring import Scores

OFFICE = Origin("direct", 64500, "SE", "list@1")
CONFIG = ModelConfig(learning_sessions=2, snapshot_minutes=30)


def exact(value: Any) -> Any:
    """Give a value so that equal means equal in every bit, and tables in the same order."""
    if isinstance(value, float):
        return value.hex() if math.isfinite(value) else repr(value)
    if isinstance(value, dict):
        return [(key, exact(one)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [exact(one) for one in value]
    return value


def told(scores: Scores) -> list[Any]:
    """Give all that other code reads of a score."""
    at, session = scores.at, scores.at.session
    fields = at.fields
    return exact(
        [
            scores.own, scores.rarity, scores.sum, scores.most, scores.credential,
            at.time_us, at.day, at.state, sorted(at.raised.items()), session.lead, session.rarities,
            session.combined, session.bits, session.amounts, session.mark,
            {key: _subject(one) for key, one in session.subjects.items()},
            [(one.feature, one.mark, one.level, one.counted, one.bits)
             for one in scores.novelty.new],
            scores.novelty.known, fields.single, fields.records, fields.numbers,
        ]
    )  # fmt: skip


def _subject(one: Any) -> list[Any]:
    return [one.bits, one.level, one.name, one.mark, one.text, one.key]


class Stored(NamedTuple):
    """What a store holds."""

    shared: dict[str, bytes]
    sessions: dict[int, bytes]
    profiles: dict[tuple[str, str], bytes]


class Side:
    """One engine with its agents."""

    def __init__(
        self, kernel: str, config: ModelConfig, detectors: Sequence[type[Detector]] = (),
        **options: Any,
    ) -> None:  # fmt: skip
        self.make = lambda: Engine(
            config, SECRET, catalogue(), kernel=kernel,
            detectors=[one() for one in detectors], **options,
        )  # fmt: skip
        self.engine = self.make()
        self.agents: dict[tuple[str, str], AgentState] = {}
        self.stored: dict[str, bytes] = {}
        self.sessions: dict[int, bytes] = {}
        self.scores: Scores | None = None
        self._watch()

    def _watch(self) -> None:
        """Keep the latest score; the engine gives only what follows from it."""
        conclude = self.engine.conclude

        def kept(event: Event, agent_state: AgentState, scored: ScoredEvent) -> Any:
            self.scores = scored.scores
            return conclude(event, agent_state, scored)

        self.engine.conclude = kept  # type: ignore[method-assign]

    def judge(self, event: Event, origin: Origin, **more: Any) -> list[Any]:
        key = event.agent.id, event.mode
        if key not in self.agents:
            trust = TrustState(agent_id=key[0], mode=key[1])
            self.agents[key] = AgentState(self.engine.profiles.new(*key), trust)
        state = self.agents[key]
        out = self.engine.judge(event, origin, state, **more)
        assert self.scores is not None
        signals = self.engine.scorer.signals(self.scores)
        parts = [
            (one.detector, one.family, one.subject and _subject(one.subject), one.bits,
             one.rarity, one.fresh)
            for one in signals
        ]  # fmt: skip
        result = msgspec.to_builtins(out)
        return [exact(result), told(self.scores), exact(parts), state.profile.dump()]

    def dump(self, *, whole: bool = False) -> list[Any]:
        shared = self.engine.dump(whole=whole)
        changed, closed = self.engine.dump_sessions()
        self.stored.update(shared)
        self.sessions.update(changed)
        for one in closed:
            self.sessions.pop(one, None)
        return [shared, changed, closed]

    def start(self, stored: Stored) -> None:
        """Go on from what a side has stored."""
        self.engine = self.make()
        self.stored, self.sessions = dict(stored.shared), dict(stored.sessions)
        self.engine.load(self.stored, sorted(self.sessions.items()))
        self._watch()
        for key, raw in stored.profiles.items():
            known = self.agents.get(key)
            trust = known.trust if known else TrustState(agent_id=key[0], mode=key[1])
            self.agents[key] = AgentState(self.engine.profiles.read(raw, *key), trust)

    def all_stored(self) -> Stored:
        """Give all that a store would hold after `dump`."""
        profiles = {key: state.profile.dump() for key, state in self.agents.items()}
        return Stored(self.stored, self.sessions, profiles)


class InStep:
    """Both sides, given the same work and compared after each step of it."""

    def __init__(self, config: ModelConfig = CONFIG, **options: Any) -> None:
        assert native is not None
        self.sides = [Side(kernel, config, **options) for kernel in ("python", "native")]

    def same(self, results: list[Any]) -> Any:
        """Give what both sides gave; their results have to be equal."""
        one, other = results
        assert other == one
        return one

    def judge(self, event: Event, origin: Origin = OFFICE, **more: Any) -> list[Any]:
        return self.same([side.judge(event, origin, **more) for side in self.sides])

    def dump(self, *, whole: bool = False) -> None:
        self.same([side.dump(whole=whole) for side in self.sides])

    def start(self, past: InStep) -> None:
        """Go on where two other sides have stored all."""
        for side, other in zip(self.sides, past.sides, strict=True):
            side.start(other.all_stored())

    def reload(self) -> None:
        """Go on from the stored bytes, each side from those of the other."""
        self.dump()
        for side, stored in zip(
            self.sides, [one.all_stored() for one in self.sides][::-1], strict=True
        ):
            side.start(stored)
