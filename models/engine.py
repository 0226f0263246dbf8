"""Judge one event after the other: score, calibrate, file, learn, and move trust.

The engine owns what agents share, open sessions and open cases. Profiles and trust states come in
with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.alerting.cases import Cases
from models.alerting.filing import Filing
from models.baseline.identity import UNDECLARED, apply_claims, settle
from models.baseline.profile import agent_mark
from models.baseline.session import is_scores
from models.codec.hashing import hasher_of
from models.constants import NOTED_BITS
from models.detectors.panel import Panel
from models.detectors.promises import Sender
from models.event import microseconds
from models.explain.content import subject_of, values_at
from models.kernel import native_kernel
from models.learning.session_gate import SessionGate
from models.native_scoring import Profiles, open_scores, scorer_of
from models.provenance.backend import provenance_detector
from models.provenance.open_sessions import open_sessions
from models.result import Held, Result
from models.telemetry.last_seen import LastSeen
from models.telemetry.quiet_agents import SLOT_US, buckets_due
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.update import refresh_trust, update_trust
from models.units import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from models.alerting.case import Case
    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared, Mismatch
    from models.baseline.profile import Profile
    from models.baseline.session import Subject
    from models.config import ModelConfig
    from models.detectors.detector import Detector
    from models.event import Event, Origin
    from models.provenance.session import Session
    from models.replication.announcements import Announcements
    from models.result import Kind
    from models.scoring import Scores


class Begun(NamedTuple):
    """An event that is scored, and not filed yet.

    Attributes
    ----------
    identified
        Whether the claimed role or owner counts from this event on.
    teaches
        Whether the event may be learned.
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
        reading = None if without else native
        self.content = provenance_detector(secret, reading, without)
        self.sessions = open_sessions(config.idle_minutes * MINUTE_US, secret, reading)
        self.gate = SessionGate(self.hasher, native)
        self.scores = open_scores(self.hasher, native)
        self.panel = Panel(detectors)
        self.panel.check_anomalies(kinds)
        self.scorer = scorer_of(self.hasher, native, without, config.alerts_per_day, self.panel)
        self.profiles = Profiles(self.scorer)
        self.shared = self.scorer.shared
        self.last_seen = LastSeen()
        self.cases = Cases(self.hasher, self.shared.active_days)
        self._quiet: list[Case] = []
        self.filing = Filing(self.scorer, self.cases, kinds, config, explain_all=explain_all)

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the shared state that changed since the last call; all of it with `whole`."""
        return (
            self.shared.dump(whole=whole)
            + self.cases.dump(whole=whole)
            + self.content.dump(whole=whole)
            + self.gate.dump(whole=whole)
            + self.last_seen.dump(whole=whole)
            + self.panel.dump(whole=whole)
        )

    def dump_sessions(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""
        changed, closed = self.sessions.dump()
        scores, over = self.scores.dump()
        return changed + scores, closed + over

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and `dump_sessions` wrote."""
        self.shared.load(shared)
        self.cases.load(shared)
        self.content.load(shared)
        self.gate.load(shared)
        self.last_seen.load(shared)
        self.panel.load(shared)
        stored = list(sessions)
        self.sessions.load((key, blob) for key, blob in stored if not is_scores(blob))
        self.scores.load((key, blob) for key, blob in stored if is_scores(blob))

    @property
    def watermark_us(self) -> int:
        """Largest event time judged so far."""
        return self.shared.head.watermark_us

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        for session in self.sessions.pop_all():
            self._close(session)
        self.publish()
        self.shared.head.watermark_us = self.shared.head.published_us = 0

    # ------------------------------------------------------------------ time

    def advance(self, time_us: int) -> None:
        """Move the watermark; close idle sessions and publish a snapshot where due."""
        head = self.shared.head
        before_us, head.watermark_us = head.watermark_us, max(head.watermark_us, time_us)
        self._close_quiet(before_us)
        for session in self.sessions.pop_idle(head.watermark_us):
            self._close(session)
        if head.watermark_us - head.published_us >= self.config.snapshot_minutes * MINUTE_US:
            self.publish()

    def publish(self) -> None:
        """Publish a snapshot of what all shards have contributed."""
        others = self.announcements
        self.shared.publish_waiting(None if others is None else others.snapshot)
        self._quiet += self.cases.forget(self.watermark_us)

    def quiet_cases(self) -> list[Case]:
        """Give the cases that closed by themselves since the last call."""
        quiet, self._quiet = self._quiet, []
        return quiet

    def _close(self, session: Session) -> None:
        self.gate.add(session)
        if self.announcements is not None:
            self.announcements.session_finished(self.content.dump_session(session))
        self.content.close(session)
        self.scores.close(session.agent_id, session.mode, session.ordinal)

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
        begun = self._begin(event, origin, agent_state, declared, time_us, conflict=conflict)
        return self.conclude(event, agent_state, begun)

    def _begin(
        self,
        event: Event,
        origin: Origin,
        agent_state: AgentState,
        declared: Declared,
        time_us: int,
        *,
        conflict: bool,
    ) -> Begun:
        """Bring the agent to an event, and score it."""
        self.advance(time_us)
        settle(agent_state.trust, declared)
        identified, refused = apply_claims(event, agent_state.trust, declared, trusted=not conflict)
        self._meet(event, agent_state, time_us)
        if event.kind == "deployment":
            self._deploy(event, agent_state.profile, time_us)
        sender = Sender(
            agent_state.trust.registered, claims_of(refused), conflict,
            self._other_mode(agent_state.profile),
        )  # fmt: skip
        session = self._session(event, agent_state.profile, time_us)
        scores = self._score(event, origin, agent_state.profile, session, time_us, sender)
        refusal = bool(refused) and not self.trusted_history
        return Begun(scores, session, identified, not (conflict or refusal))

    def conclude(self, event: Event, agent_state: AgentState, begun: Begun) -> Result:
        """File an event that is scored, learn from it, and move trust."""
        scores = begun.scores
        out = self._result(event, agent_state.profile, begun)
        out.identified = begun.identified
        self.filing.file(out, event, agent_state, scores, trusted_history=self.trusted_history)
        self._learn(out, event, agent_state, scores, teaches=begun.teaches)
        begun.session.alerted |= out.alert
        name = self.anomaly_id(out.key) if out.key else ""
        update_trust(out, agent_state, name, self.policy, trusted_history=self.trusted_history)
        return out

    def refresh_trust(self, agent_state: AgentState, time_us: int) -> bool:
        """Update an agent's level at an event of a new hour. True if its answer changed."""
        return refresh_trust(agent_state, time_us, self.policy)

    def _meet(self, event: Event, agent_state: AgentState, time_us: int) -> None:
        """Bring the profile to the event: its role, its days that are over, its counts."""
        agent_state.profile = self.profiles.own(agent_state.profile)
        profile, trust = agent_state.profile, agent_state.trust
        if not profile.events:
            profile.first_us = time_us
            trust.first_seen_us = trust.first_seen_us or time_us
            profile.mark = agent_mark(self.hasher, profile.agent_id)
            profile.learn_until = self.config.learning_sessions
        profile.role = trust.role or ""
        self.close_days(profile)
        hour = time_us // HOUR_US
        if not profile.events or hour > profile.last_us // HOUR_US:
            self.last_seen.note(profile.agent_id, profile.mode, hour)
            if self.announcements is not None:
                self.announcements.agent_seen(profile.agent_id, profile.mode, hour)
        profile.events += 1
        profile.last_us = max(profile.last_us, time_us)
        trust.events += 1
        trust.last_seen_us = max(trust.last_seen_us, time_us)
        if event.agent.version is not None:
            trust.version = event.agent.version

    def _other_mode(self, profile: Profile) -> str:
        """Give the mode that an agent had long acted in when it began to act in this one."""
        if profile.opened > self.config.learning_sessions:
            return ""
        return self.last_seen.settled_mode(
            profile.agent_id, profile.mode, profile.first_us // HOUR_US
        )

    def close_days(self, profile: Profile) -> None:
        """Learn the days of an agent that are over."""
        days = self.scorer.days_over(profile)
        if days:
            who = profile.agent_id, profile.mode
            self.scorer.close_days(
                profile, {day: self.cases.steadfast_leads(*who, day) for day in days}
            )

    def _close_quiet(self, before_us: int) -> None:
        """Learn the days of agents that have been quiet for a day."""
        if self.agents_of is None or before_us // SLOT_US == self.watermark_us // SLOT_US:
            return
        for bucket, days in buckets_due(before_us, self.watermark_us):
            for agent_state in self.agents_of(self.last_seen.last_active(bucket, days)):
                agent_state.profile = self.profiles.own(agent_state.profile)
                self.close_days(agent_state.profile)

    def _deploy(self, event: Event, profile: Profile, time_us: int) -> None:
        """Take in a deployment: for a week, days of agents after deployments judge the agent."""
        profile.deployed_us = time_us
        profile.announced = event.agent.version or profile.announced or ""
        if event.agent.version is not None and event.agent.version not in profile.versions:
            profile.versions = [*profile.versions, event.agent.version]
        until = profile.opened + self.config.relearning_sessions
        profile.learn_until = max(profile.learn_until, until)

    def _session(self, event: Event, profile: Profile, time_us: int) -> Session:
        name = event.session or event.trace_id or event.task or ""
        watermark_us = self.watermark_us
        session = self.sessions.resume(profile.agent_id, profile.mode, name, time_us, watermark_us)
        if session is None:
            for cut in self.sessions.pop_overlong():
                self._close(cut)
            profile.opened += 1
            session = self.content.open(
                profile.agent_id, profile.mode, profile.role, event.purpose or "", time_us,
                watermark_us, profile.opened, profile.opened <= profile.learn_until,
                self.trusted_history,
            )  # fmt: skip
            self.sessions.add(name, session)
        return session

    def _score(
        self,
        event: Event,
        origin: Origin,
        profile: Profile,
        session: Session,
        time_us: int,
        sender: Sender,
    ) -> Scores:
        scores = self.scores.of(profile.agent_id, profile.mode, session.ordinal)
        content: tuple[float, Subject | None] = (0.0, None)
        if event.kind == "action" and (session.purpose or event.argument_origins):
            call = self.content.score(session, event.tool, event.argument_origins)
            self.gate.rank(session, call.score)
            if not sender.conflict:
                session.events += 1
                session.previous_tool = event.tool
                self.content.record_call(session, call)
            values = values_at(call, event)
            subject = subject_of(call, event.tool, values) if call.score > 0.0 else None
            content = (call.score if subject is not None else 0.0, subject)
        return self.scorer.score(event, origin, profile, scores, time_us, sender, content)

    def _result(self, event: Event, profile: Profile, begun: Begun) -> Result:
        """Give the numbers of an event; what they lead to is decided by `models.alerting`."""
        shared, scores = self.shared, begun.scores
        out = Result(
            event.id, profile.agent_id, profile.mode, event.session or "", scores.at.time_us,
            s_sum=scores.sum, s_max=scores.most, session_p=begun.session.p,
            snapshot=shared.head.version,
        )  # fmt: skip
        out.lead = scores.at.session.lead
        if shared.calibrated:
            out.p, out.p_pool, out.p_n = 2.0**-scores.own, "fleet", shared.known_days
        return out

    def _learn(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        scores: Scores,
        *,
        teaches: bool,
    ) -> None:
        """Learn an event, or hold its values back."""
        profile = agent_state.profile
        trusted = self.trusted_history
        day = scores.at.day
        rare = self.shared.knows_rarity and scores.rarity >= NOTED_BITS
        repeated = self.cases.is_repeated(
            profile.agent_id, profile.mode, scores.at.session.mark, day, rare=rare
        )
        self.scorer.count_day(scores, repeated=repeated)
        if not teaches or (not trusted and self._is_excluded(event, agent_state, out)):
            return
        held_days = self.config.held_days if rare and not trusted else 0
        self.scorer.learn(scores, event, held_days=held_days)
        out.learned = not (held_days and scores.novelty.new)
        if not out.learned:
            marks = [one.mark for one in scores.novelty.new]
            out.held = Held(
                event.id, profile.agent_id, profile.mode, out.time_us, marks, out.case_id or ""
            )

    def _is_excluded(self, event: Event, agent_state: AgentState, out: Result) -> bool:
        """Whether learning stops for a reason outside the event's numbers (science 7.4)."""
        trust = agent_state.trust
        if trust.level_state.gate == "quarantined":
            return True
        item = trust.ledger.items.get(out.key) if out.key else None
        if item is not None and item.status == "confirmed":
            return True
        attributes = event.attributes
        if attributes is not None and attributes.get("telemetry") == "degraded":
            return True
        return any(start <= out.time_us < end for start, end in self.config.degraded)

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"


def claims_of(refused: Sequence[Mismatch]) -> str:
    """Write refused claims, and what is known instead, in one line; empty for none."""
    return ", ".join(
        f"{one.field} {one.claimed!r} instead of {one.known or 'none'!r}" for one in refused
    )
