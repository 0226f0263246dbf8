"""Judge one event after the other: score, decide, then learn.

The engine owns what agents share (peers, content tables, open sessions). Profiles and trust
states come in with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from models import habits as reference
from models import session_pools
from models.assessment import Assessment
from models.content.kernel import content_kernel
from models.deciding import Decider
from models.event import microseconds
from models.features import HOUR_US, extract
from models.hashing import hasher_of
from models.kernel import native_kernel
from models.learner import Learner
from models.meeting import meet
from models.peers import FLEET, GroupView, Peers
from models.places import places_of
from models.quantity import QUANTITIES, quantities
from models.rules import RULES, Scene, note_credential, note_version
from models.sessions import open_sessions
from models.subject import CONTENT, SUM, VOLUME, Bits, Subject
from models.trust_policy import DEFAULT_POLICY, TrustPolicy
from models.trusting import move_trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.assessment import Finding, Kind
    from models.calibrate import Calibrated
    from models.config import ModelConfig
    from models.content.detector import Content
    from models.content.session import Session
    from models.event import Event, Origin
    from models.profile import Profile

_EVENTS_A_DAY = 50.0  # assumed of an agent whose days are not known yet
_MOST_ALPHA = 0.01


class Engine:
    """The judge of one stream.

    Parameters
    ----------
    config, policy
        Parameters of the model and of trust.
    secret
        Key of the installation; hashes and tie-breaking depend on it.
    kinds
        The anomaly types, from the catalogue.
    explain_all
        Give reasons for every event, not only for those worth a look.
    vouched
        The operator vouches for what comes: learn it without the gate.
    kernel
        ``auto``, ``native`` or ``python``: `models.kernel.native_kernel`.
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
    ) -> None:
        self.config = config.validate()
        self.policy = policy
        self.vouched = False
        self.kernel = native = native_kernel(kernel)
        self.hasher = hasher_of(secret, native)
        self.peers = Peers(
            config,
            (native or reference).Groups(config, secret),
            (native or session_pools).SessionPools(config.session_window),
        )
        self.content = content_kernel(secret, native)
        self.sessions = open_sessions(config.idle_minutes * 60_000_000, secret, native)
        self._places = places_of(self.hasher)
        self._by_name = {place.name: place for place in self._places}
        self.decider = Decider(kinds, self._by_name, explain_all=explain_all)
        self.learner = Learner(config, self.hasher, self._places, self.peers, self.content)

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what agents share and has changed since the last call.

        With `whole`, content is written as one copy that stands for all its changes.
        """
        return self.peers.dump() + self.content.dump(whole=whole)

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and the open sessions wrote."""
        self.peers.load(shared)
        self.content.load(shared)
        self.sessions.load(sessions)

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        for session in self.sessions.all_finished():
            self._close(session)
        self.peers.publish()
        self.peers.head.watermark_us = self.peers.head.published_us = 0

    # ------------------------------------------------------------------ judging

    def judge(
        self,
        event: Event,
        origin: Origin,
        subject: Subject,
        *,
        registered: bool = True,
        time_us: int | None = None,
    ) -> Assessment:
        """Judge one event and learn from it, in that order.

        Parameters
        ----------
        time_us
            The event's time in microseconds, where the caller has it.
        """
        if time_us is None:
            time_us = microseconds(event.time)
        self.peers.advance(time_us)
        for session in self.sessions.finished(self.peers.head.watermark_us):
            self._close(session)
        self._meet(event, subject)
        meet(event, subject, self.peers, time_us, registered=registered)
        if event.kind != "action":
            return self._change(event, subject, time_us)
        session = self._session(event, subject.profile, time_us)
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - _meet has set it
        x = extract(event, origin, session.previous_tool or "START", time_us)
        bits = self._score(event, profile, session, x, time_us)
        statistics = self._statistics(bits)
        u = self.hasher.uniform(event.id)
        state = profile.state()
        tested = statistics
        if state == "relearning":  # its habits are expected to change; content and rules stay on
            tested = [statistics[CONTENT], None, None, statistics[VOLUME]]
        result = profile.habits.calibrate(view.view, tested, u, own=state == "active")
        findings = self._findings(event, origin, subject, x, time_us, registered=registered)
        out = self._assessment(event, profile, session, bits, result, findings, time_us)
        vouched = self.vouched
        self.decider.decide(out, event, subject, bits, result, findings, x, vouched=vouched)
        self.learner.learn(
            out, event, subject, session, bits, statistics, result, x, vouched=vouched
        )
        name = self.anomaly_id(out.key) if out.key else ""
        move_trust(out, subject, name, self.policy, vouched=vouched)
        return out

    def _meet(self, event: Event, subject: Subject) -> None:
        """Let the agent see the peers of its role."""
        facts, role = subject.profile.facts, event.agent.role or ""
        if subject.view is None or (role and facts.role != role):
            facts.role = role or facts.role
            group = f"{facts.role}/{facts.mode}" if facts.role else FLEET
            subject.view = GroupView(self.peers, group)
            subject.profile.use(self.kernel, self.config)
            subject.profile.baseline.attach(self.hasher, self._places, subject.view)

    def _session(self, event: Event, profile: Profile, time_us: int) -> Session:
        name = event.session or event.trace_id or event.task or ""
        facts = profile.facts
        watermark_us = self.peers.head.watermark_us
        session = self.sessions.meet(facts.agent_id, facts.mode, name, time_us, watermark_us)
        if session is None:
            for cut in self.sessions.cut():
                self._close(cut)
            facts.opened += 1
            session = self.content.open(
                facts.agent_id, facts.mode, facts.role, event.purpose or "", time_us, watermark_us,
                facts.opened, facts.opened <= facts.learn_until, self.vouched,
            )  # fmt: skip
            self.sessions.add(name, session)
        return session

    def _close(self, session: Session) -> None:
        if session.score >= 0 and (session.learning or session.vouched):
            self.peers.closed(session.role, session.score)
        self.content.close(session)

    def _score(
        self, event: Event, profile: Profile, session: Session, x: dict[str, str], time_us: int
    ) -> Bits:
        baseline, facts = profile.baseline, profile.facts
        content: Content | None = None
        if session.purpose or event.argument_origins:
            content = self.content.score(session, event.tool, event.argument_origins)
        hour = time_us // HOUR_US
        sums: list[tuple[str, float, float]] = []
        for index, amount in enumerate(quantities(event)):
            if amount is None:
                continue
            before = facts.sums[index] if facts.hour == hour else 0
            total = float(max(before, 0) + amount)
            name = QUANTITIES[index]
            sums.append((name, total, baseline.number_bits(name, total)))
        return Bits(baseline.surprise(x), sums, content)

    def _statistics(self, bits: Bits) -> list[float | None]:
        volume = max((b for _, _, b in bits.quantities), default=None)
        content = bits.content.score if bits.content is not None else None
        return [content, bits.categories.total, bits.categories.peak, volume]

    def _findings(
        self,
        event: Event,
        origin: Origin,
        subject: Subject,
        x: dict[str, str],
        time_us: int,
        *,
        registered: bool,
    ) -> list[Finding]:
        scene = Scene(
            event, origin, subject.profile, time_us, registered, x, self._by_name, self.config
        )
        found = [finding for rule in RULES.values() if (finding := rule(scene)) is not None]
        note_credential(scene)
        if not found or self.vouched or found[0].anomaly == "config.change":
            note_version(scene)
        return found

    def _assessment(
        self,
        event: Event,
        profile: Profile,
        session: Session,
        bits: Bits,
        result: Calibrated,
        findings: list[Finding],
        time_us: int,
    ) -> Assessment:
        facts, content = profile.facts, bits.content
        total, most = bits.categories.total, bits.categories.most
        for _, _, surplus in bits.quantities:
            total, most = total + surplus, max(most, surplus)
        if content is not None:
            total, most = total + content.score, max(most, content.score)
        per_day = max(facts.per_day, _EVENTS_A_DAY if not facts.per_day else 1.0)
        alpha = self.config.alerts_per_day / (self.peers.active_agents() * per_day)
        out = Assessment(
            event.id, facts.agent_id, facts.mode, event.session or "", time_us,
            s_sum=total, s_max=most, p=result.p, p_pool=result.pool,
            p_n=result.n, alpha=min(alpha, _MOST_ALPHA), snapshot=self.peers.head.version,
        )  # fmt: skip
        if content is not None:
            self._session_p(session, content.score)
            out.session_p = session.p
        out.rank = (content.score if content is not None else 0.0) + self._excess(
            result, content=content is not None
        )
        out.rank += max((finding.bits for finding in findings), default=0.0)
        return out

    def _session_p(self, session: Session, score: float) -> None:
        if score > session.score or session.p is None:
            session.score = max(session.score, score)
            pool = self.peers.sessions
            if pool.n >= self.config.session_minimum:
                name = f"{session.agent_id}\x1f{session.mode}\x1f{session.ordinal}"
                u = self.hasher.uniform(name)
                session.p = pool.p_value(session.role, session.score, u)

    def _excess(self, result: Calibrated, *, content: bool) -> float:
        """Bits by which the features beside content go beyond what happens by chance.

        Where content is scored as well, only what lies far beyond: the rest would pull its order
        down.
        """
        smallest = min((p for p in result.each[SUM:] if p is not None), default=1.0)
        return max(0.0, -log2(3 * smallest) - (self.config.excess_bits if content else 0.0))

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"

    def _change(self, event: Event, subject: Subject, time_us: int) -> Assessment:
        """Take in a deployment or a change of owner: announced, so not judged."""
        facts = subject.profile.facts
        if event.kind == "deployment":
            facts.announced = event.agent.version
            if event.agent.version is not None and event.agent.version not in facts.versions:
                facts.versions.append(event.agent.version)
            facts.learn_until = max(
                facts.learn_until, facts.opened + self.config.relearning_sessions
            )
            subject.profile.habits.scale(self.config.relearning_factor)
        subject.trust.state = subject.profile.state()  # type: ignore[assignment]
        return Assessment(event.id, facts.agent_id, facts.mode, event.session or "", time_us)
