"""Judge one event after the other: roll its agent forward, score, file, learn, and move trust.

The engine owns what agents share, open sessions and open cases. Profiles and trust states come in
with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from models.alerting.cases import Cases
from models.alerting.filing import Filing
from models.baseline.arrivals import Arrivals
from models.baseline.identity import UNDECLARED
from models.codec.hashing import hasher_of
from models.detectors.panel import Panel
from models.event import microseconds
from models.kernel import native_kernel
from models.learning.learner import Learner
from models.learning.sessions import Sessions
from models.native_scoring import scorer_of
from models.result import Result
from models.telemetry.last_seen import LastSeen
from models.telemetry.quiet_agents import SLOT_US
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.update import blocks_learning, refresh_trust, update_trust
from models.units import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from models.alerting.case import Case
    from models.baseline.agent_state import AgentState
    from models.baseline.arrivals import Arrival
    from models.baseline.identity import Declared
    from models.config import ModelConfig
    from models.detectors.detector import Detector
    from models.event import Event, Origin
    from models.provenance.session import Session
    from models.replication.announcements import Announcements
    from models.result import Kind
    from models.scoring import Scores
    from models.trust.state import TrustState


class ScoredEvent(NamedTuple):
    """An event that is scored, and not filed yet.

    Attributes
    ----------
    identified
        Whether the claimed role or owner counts from this event on.
    teaches
        Whether the event may be learned, as far as its sender is concerned.
    """

    scores: Scores
    session: Session
    identified: bool = False
    teaches: bool = True


class Engine:
    """The judge of one stream.

    Parameters
    ----------
    config, policy
        Parameters of the model and of trust.
    secret
        Key of the installation; hashes depend on it.
    kinds
        The anomaly types, from the catalogue.
    explain_all
        Give reasons for every event, not only for those of a case.
    kernel
        ``auto``, ``native`` or ``python``: `models.kernel.native_kernel`.
    without
        Families, and parts of the content detector, that judgement leaves out.
    detectors
        Registered detectors, which judge like the built-in ones.

    Attributes
    ----------
    profiles
        Makes and reads the profiles that it judges with.
    announcements
        Other shards learn from it what changes here; None for a single shard.
    agents_of
        Gives the own agents among some, in all their modes, so that the days of agents that are
        quiet are closed. Without it, an agent's days wait for its next event.
    trusted_history
        The operator trusts the events that follow: all of them are learned, and none alerts.
    """

    def __init__(
        self,
        config: ModelConfig,
        secret: bytes,
        kinds: Mapping[str, Kind],
        policy: TrustPolicy = DEFAULT_POLICY,
        *,
        explain_all: bool = False,
        kernel: str = "auto",
        without: frozenset[str] = frozenset(),
        detectors: Sequence[Detector] = (),
    ) -> None:
        self.config = config.validate()
        self.policy = policy
        self.trusted_history = False
        self.agents_of: Callable[[Sequence[str]], Iterable[AgentState]] | None = None
        self.announcements: Announcements | None = None
        self.kernel = native = native_kernel(kernel)
        self.hasher = hasher_of(secret, native)
        self.sessions = Sessions(config, self.hasher, secret, native, without)
        self.panel = Panel(detectors)
        self.panel.check_anomalies(kinds)
        self.scorer = scorer_of(self.hasher, native, without, config.alerts_per_day, self.panel)
        self.shared = self.scorer.shared
        self.last_seen = LastSeen()
        self.cases = Cases(self.hasher, self.shared.active_days)
        self._quiet: list[Case] = []
        self.arrivals = Arrivals(self.scorer, self.cases, self.last_seen, config)
        self.profiles = self.arrivals.profiles
        self.filing = Filing(self.scorer, self.cases, kinds, config, explain_all=explain_all)
        self.learner = Learner(self.scorer, self.cases, config)

    # ------------------------------------------------------------------ judging

    def judge(
        self,
        event: Event,
        origin: Origin,
        agent_state: AgentState,
        *,
        declared: Declared = UNDECLARED,
        time_us: int | None = None,
        conflict: bool = False,
    ) -> Result:
        """Judge one event and learn from it, in that order.

        Parameters
        ----------
        declared
            What the inventory says of the agent.
        time_us
            The event's time in microseconds, where the caller has it.
        conflict
            Whether this agent sent the event's id before with other content. The engine learns
            nothing from such an event, nor from one whose claims are refused.
        """
        if time_us is None:
            time_us = microseconds(event.time)
        self.advance(time_us)
        arrival = self.arrivals.roll_forward(
            event, origin, agent_state, declared, time_us, conflict=conflict
        )
        scored = self._score(arrival, agent_state.trust)
        return self.conclude(event, agent_state, scored)

    def conclude(self, event: Event, agent_state: AgentState, scored: ScoredEvent) -> Result:
        """File an event that is scored, learn from it, and move trust."""
        out = self._file(event, agent_state, scored)
        self._learn(out, event, agent_state, scored)
        scored.session.alerted |= out.alert
        name = self.anomaly_id(out.key) if out.key else ""
        update_trust(out, agent_state, name, self.policy, trusted_history=self.trusted_history)
        return out

    def _score(self, arrival: Arrival, trust: TrustState) -> ScoredEvent:
        """Score an event in its session: features, detectors and calibration."""
        event, origin, profile, time_us, sender, identified = arrival
        trusted, watermark_us = self.trusted_history, self.watermark_us
        if not trusted and (blocks_learning(trust, "") or self.learner.is_degraded(event, time_us)):
            sender = replace(sender, blocked=True)
        session = self.sessions.resume(
            event, profile, time_us, watermark_us, trusted_history=trusted
        )
        known = self.sessions.scores_of(session)
        content = self.sessions.score_content(session, event, recorded=not sender.conflict)
        scores = self.scorer.score(event, origin, profile, known, time_us, sender, content)
        own = event.kind != "security_event"  # others say it: no behaviour of the agent
        teaches = own and not sender.conflict
        teaches = teaches and (trusted or not (sender.mismatch or sender.blocked))
        return ScoredEvent(scores, session, identified, teaches)

    def _file(self, event: Event, agent_state: AgentState, scored: ScoredEvent) -> Result:
        """Give the result of an event: its numbers, its case, its name and its reasons."""
        shared, scores, profile = self.shared, scored.scores, agent_state.profile
        out = Result(
            event.id, profile.agent_id, profile.mode, event.session or "", scores.at.time_us,
            s_sum=scores.sum, s_max=scores.most, session_p=scored.session.p,
            lead=scores.at.session.lead, identified=scored.identified,
            snapshot=shared.head.version,
        )  # fmt: skip
        if shared.calibrated:
            out.p, out.p_pool, out.p_n = 2.0**-scores.own, "fleet", shared.known_days
        self.filing.file(out, event, agent_state, scores, trusted_history=self.trusted_history)
        return out

    def _learn(
        self, out: Result, event: Event, agent_state: AgentState, scored: ScoredEvent
    ) -> None:
        """Learn an event, unless its sender or the trust in its agent forbids it."""
        trusted = self.trusted_history
        teaches = scored.teaches and (trusted or not blocks_learning(agent_state.trust, out.key))
        self.learner.learn(out, event, scored.scores, teaches=teaches, trusted_history=trusted)

    def refresh_trust(self, agent_state: AgentState, time_us: int) -> bool:
        """Update an agent's level at an event of a new hour. True if its answer changed."""
        return refresh_trust(agent_state, time_us, self.policy)

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"

    # ------------------------------------------------------------------ time

    @property
    def watermark_us(self) -> int:
        """Largest event time judged so far."""
        return self.shared.head.watermark_us

    def advance(self, time_us: int) -> None:
        """Move the watermark; close what is over, and publish a snapshot where due."""
        head = self.shared.head
        before_us, head.watermark_us = head.watermark_us, max(head.watermark_us, time_us)
        if self.agents_of is not None and before_us // SLOT_US != head.watermark_us // SLOT_US:
            self.arrivals.close_days_of_quiet(self.agents_of, before_us, head.watermark_us)
        for session in self.sessions.open.pop_idle(head.watermark_us):
            self.sessions.close(session)
        if head.watermark_us - head.published_us >= self.config.snapshot_minutes * MINUTE_US:
            self.publish()

    def publish(self) -> None:
        """Publish a snapshot of what all shards have contributed."""
        others = self.announcements
        self.shared.publish_waiting(None if others is None else others.snapshot)
        self._quiet += self.cases.forget(self.watermark_us)

    def announce_to(self, announcements: Announcements) -> None:
        """Tell other shards from now on what changes here."""
        self.announcements = announcements
        self.arrivals.announcements = self.sessions.announcements = announcements

    def quiet_cases(self) -> list[Case]:
        """Give the cases that closed by themselves since the last call."""
        quiet, self._quiet = self._quiet, []
        return quiet

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        self.sessions.close_all()
        self.publish()
        self.shared.head.watermark_us = self.shared.head.published_us = 0

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the shared state that changed since the last call; all of it with `whole`."""
        return (
            self.shared.dump(whole=whole)
            + self.cases.dump(whole=whole)
            + self.sessions.dump(whole=whole)
            + self.last_seen.dump(whole=whole)
            + self.panel.dump(whole=whole)
        )

    def dump_sessions(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""
        return self.sessions.dump_open()

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and `dump_sessions` wrote."""
        self.shared.load(shared)
        self.cases.load(shared)
        self.last_seen.load(shared)
        self.panel.load(shared)
        self.sessions.load(shared, sessions)
