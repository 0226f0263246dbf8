"""Judge one event after the other: score, decide, then learn.

The engine owns what agents share (peers, content tables, open sessions). Profiles and trust
states come in with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.assessing import Assessor, accounted, carried
from models.baseline import frequency_model as reference
from models.baseline.agent_state import Bits, Subject
from models.baseline.identity import UNDECLARED, hear, settle
from models.baseline.volume_baseline import QUANTITIES, quantities
from models.calibration import session_calibration as session_pools
from models.changing import (
    begin_as,
    brought,
    changing,
    excused,
    shifting,
    steady_bits,
    take_change,
    unannounced,
)
from models.codec.hashing import hasher_of
from models.deciding import Decider
from models.event import microseconds
from models.features.credential_location import note_credential
from models.features.extraction import FEATURES, LEAK, TOOL, extract
from models.features.feature_slots import places_of
from models.kernel import native_kernel
from models.learning.learner import Learner, may_be_shared
from models.learning.roll_forward import meet
from models.narrower import count_as_known
from models.peers import baselines as peer_levels
from models.peers.fleet import FLEET, GroupView, Peers
from models.provenance.backend import provenance_detector
from models.provenance.open_sessions import open_sessions
from models.ranked import LEAST_BITS, VOLUME
from models.rules import RULES, note_version, refusal
from models.together import total
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.update import move_trust
from models.units import MINUTE_US
from models.watch import heard
from models.watch.excess import excess
from models.watch.leak import ALARM
from models.watch.measure import in_order, measure
from models.watch.modes import begun_late
from models.watch.order import begin, top
from models.watch.scene import Scene
from models.watch.sizes import calm
from models.watch.traces import LEAST_AGENTS
from models.watch.watcher import DRIFT, Watcher
from models.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.baseline.identity import Declared, Mismatch
    from models.baseline.profile import Profile
    from models.config import ModelConfig
    from models.event import Event, Origin
    from models.features.selection import Selection
    from models.peers.groups import View
    from models.provenance.argument_detector import CallScore
    from models.provenance.session import Session
    from models.replication.telling import Telling
    from models.result import Assessment, Finding, Kind, Reason

_METRICS_FROM = len(FEATURES)
MARK = 0xFFFF


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
    selection
        The features to judge by; all of them when None.
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
        selection: Selection | None = None,
    ) -> None:
        self.config = config.validate()
        self.policy = policy
        self.vouched = False
        self.telling: Telling | None = None
        self.kernel = native = native_kernel(kernel)
        self.hasher = hasher_of(secret, native)
        self.peers = Peers(
            config,
            (native or reference).Groups(config, secret),
            (native or session_pools).SessionPools(
                config.session_window, of_role=config.role_session_window, leaning=True
            ),
            (native or session_pools).SessionPools(config.peer_window),
            (native or peer_levels).PeerLevels(),
        )
        self.selection = selection
        parts = selection.without_parts if selection is not None else frozenset()
        reading = None if parts else native  # of content and sessions, which belong together
        self.content = provenance_detector(secret, reading, parts)
        self.sessions = open_sessions(config.idle_minutes * MINUTE_US, secret, reading)
        self._places = places_of(self.hasher)
        self._by_name = {place.name: place for place in self._places}
        self.watcher = Watcher(config, (native or heard).Heard())
        self.assessor = Assessor(
            config, self.peers, self.hasher,
            session_sum=selection is None or not selection.without_session_sum,
        )  # fmt: skip
        self.decider = Decider(kinds, self._by_name, explain_all=explain_all)
        self.ways = Ways(config, self.hasher, self.watcher.adopting)
        self.learner = Learner(
            config, self.hasher, self._places, self.peers, self.content, self.watcher.adopting
        )

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what agents share and has changed since the last call.

        With `whole`, what waits for the peers, content and agents heard are written as copies that
        stand for all changes.
        """
        watched = self.watcher.dump(self.peers.head.watermark_us, whole=whole)
        return self.peers.dump(whole=whole) + self.content.dump(whole=whole) + watched

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and the open sessions wrote."""
        self.peers.load(shared)
        self.watcher.load(shared)
        self.content.load(shared)
        self.sessions.load(sessions)

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        for session in self.sessions.take_all():
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
        declared: Declared = UNDECLARED,
        time_us: int | None = None,
        conflict: bool = False,
    ) -> Assessment:
        """Judge one event and learn from it, in that order.

        Parameters
        ----------
        declared
            What is known of the agent beside its events.
        time_us
            The event's time in microseconds, where the caller has it.
        conflict
            Whether the event's id is known of this agent, with other content. Nothing is learned
            of such an event.
        """
        if time_us is None:
            time_us = microseconds(event.time)
        self.peers.advance(time_us)
        for session in self.sessions.take_idle(self.peers.head.watermark_us):
            self._close(session)
        settle(subject.trust, declared)
        identified, refused = hear(event, subject.trust, declared, trusted=not conflict)
        self._meet(subject)
        meet(event, subject, self.peers, time_us)
        if subject.profile.facts.events == 1:
            begin_as(event, subject.profile.facts, self.watcher)
        if event.kind != "action":
            place = self._places[TOOL]
            change = take_change(
                event, subject, self.watcher, self.config, time_us, place, self.hasher
            )
            change.identified = identified
            if refused:
                self._refuse(change, event, subject, refused)
            return change
        session = self._session(event, subject.profile, time_us)
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - _meet has set it
        watch, state = profile.facts.watch, profile.state()
        strayed = self.watcher.meet(
            event, profile, time_us, whole=self.vouched or state != "active"
        )
        previous = session.previous_tool or "START"
        before = watch.before if watch.session == session.ordinal else ""
        x = extract(event, origin, previous, time_us, before)
        count_as_known(x, self._by_name, profile.baseline, view.view)
        new_tool = brought(event.tool, subject, self._places[TOOL])
        bits = self._score(event, subject, session, x, time_us, new_tool=new_tool)
        top(watch, bits.categories.far)
        watch.session, watch.before = session.ordinal, previous
        statistics = self._statistics(bits, view.view)
        u = self.hasher.uniform(event.id)
        tested, changes = statistics, new_tool or changing(profile.facts, state)
        if changes:  # habits are to change; what it carries is not
            tested = self._staying(event.tool, subject, bits)
        elif state == "learning" and not self._comparable(profile, view):
            tested = [None, None, None, statistics[VOLUME]]
        first = tested if state == "learning" and not changes else None
        new = first is statistics
        result = profile.habits.calibrate(view.view, tested, u, own=state == "active", new=new)
        findings = self._findings(event, origin, subject, x, time_us, refused, conflict=conflict)
        led = tested[result.lead] if result.lead >= 0 else None
        out = self.assessor.assess(event, profile, session, bits, result, led, findings, time_us)
        out.identified = identified
        vouched = self.vouched
        self.decider.decide(out, event, subject, bits, result, findings, x, vouched=vouched)
        if not vouched:
            self._look_back(out, event, subject, strayed, x)
        session.alerted |= out.alert
        if not conflict:
            self.learner.learn(
                out, event, subject, session, bits, tested, result, x, vouched=vouched,
                shared=not findings and may_be_shared(event), first=first,
            )  # fmt: skip
        name = self.anomaly_id(out.key) if out.key else ""
        move_trust(out, subject, name, self.policy, vouched=vouched)
        return out

    def _refuse(
        self, out: Assessment, event: Event, subject: Subject, refused: list[Mismatch]
    ) -> None:
        """Say that an announced change claims what the inventory does not."""
        found, vouched = [refusal(refused)], self.vouched
        if self.selection is not None:
            found = self.selection.findings(found)
        if found:
            self.decider.speak(out, event, subject, found, {}, vouched=vouched)
            move_trust(out, subject, self.anomaly_id(out.key), self.policy, vouched=vouched)

    def _meet(self, subject: Subject) -> None:
        """Let the agent see the peers of its role, as it is in effect."""
        facts, role = subject.profile.facts, subject.trust.role or ""
        if subject.view is None or facts.role != role:
            facts.role = role
            subject.profile.use(self.kernel, self.config)
            self._join(subject)

    def _join(self, subject: Subject) -> None:
        profile = subject.profile
        group = f"{profile.role}/{profile.mode}" if profile.role else FLEET
        subject.view = GroupView(self.peers, group)
        profile.attach(self.hasher, self._places, subject.view)

    def pack(self, subject: Subject) -> Any:
        """Give an agent to the compiled kernel whole: `Profile.pack`."""
        if subject.view is None:
            if subject.profile.agent is None:
                subject.profile.use(self.kernel, self.config)
            self._join(subject)
        return subject.profile.pack(self.kernel)

    def _session(self, event: Event, profile: Profile, time_us: int) -> Session:
        name = event.session or event.trace_id or event.task or ""
        facts = profile.facts
        watermark_us = self.peers.head.watermark_us
        session = self.sessions.resume(facts.agent_id, facts.mode, name, time_us, watermark_us)
        if session is None:
            for cut in self.sessions.take_overlong():
                self._close(cut)
            facts.opened += 1
            session = self.content.open(
                facts.agent_id, facts.mode, facts.role, event.purpose or "", time_us, watermark_us,
                facts.opened, facts.opened <= facts.learn_until, self.vouched,
            )  # fmt: skip
            self.sessions.add(name, session)
        return session

    def _close(self, session: Session) -> None:
        self.pool(session)
        if self.telling is not None:
            self.telling.finished(self.content.dump_session(session))
        self.content.close(session)

    def pool(self, session: Session) -> None:
        """Let later sessions be ranked among one that finished, here or at another shard."""
        free = session.learning or session.vouched
        self.peers.closed(
            session.role,
            session.score,
            session.p,
            total(session.peak_p_bits),
            free=free,
            told=session.alerted,
        )

    def _score(
        self,
        event: Event,
        subject: Subject,
        session: Session,
        x: dict[str, str],
        time_us: int,
        *,
        new_tool: bool,
    ) -> Bits:
        profile, view, selection = subject.profile, subject.view, self.selection
        assert view is not None  # noqa: S101 - _meet has set it
        baseline, facts = profile.baseline, profile.facts
        content: CallScore | None = None
        counted = decisive = None
        if session.purpose or event.argument_origins:
            content = self.content.score(session, event.tool, event.argument_origins)
            counted = excused(content) if new_tool else content.score
            decisive = counted if new_tool else accounted(content)
        begin(facts.watch, session.ordinal)
        seen = categories = baseline.surprise(x, facts.watch.tops)
        if selection is not None:
            categories = selection.surprise(seen, profile.habits.usual, view.view)
        resource = x.get("resource")
        mark = self.hasher.of(resource) & MARK if resource is not None else -1
        known = new_tool or x["tool"] == x["previous_tool"]
        found = measure(
            event, facts, baseline, quantities(event), session.ordinal, categories.order,
            None if content is None or known else content.off_task_bits, mark,
            excess(event, session.purpose), self.hasher.of(event.tool) & MARK, time_us,
        )  # fmt: skip
        metrics, rarest = in_order(found), 0.0
        if selection is not None:
            found = selection.measures(found)
        weighted = view.view.weighted
        shift = shifting(facts) if profile.state() == "relearning" else {}
        for one in found:
            left = one.bits - shift.get(one.metric, 0.0)
            if left >= LEAST_BITS and one.risen and one.metric != LEAK:
                rarest = max(rarest, weighted(_METRICS_FROM + one.metric, left))
        sums = [
            (QUANTITIES[one.metric], one.value, one.bits)
            for one in found
            if one.metric < len(QUANTITIES)
        ]
        return Bits(
            categories, seen, sums, content, new_tool, counted, decisive, found, metrics, rarest
        )  # fmt: skip

    def _statistics(self, bits: Bits, view: View) -> list[float | None]:
        peak = bits.categories.peak if view.tells(0) else None  # else it were 0 whatever happens
        return [bits.decisive, bits.categories.total, peak, bits.volume]

    @staticmethod
    def _staying(tool: str, subject: Subject, bits: Bits) -> list[float | None]:
        """Give the statistics of what stays as it is while habits change.

        A tool that no deployment has announced is no change of habits, nor is what it touches.
        """
        content = bits.decisive if bits.new_tool else carried(bits.content)
        strange = unannounced(tool, subject, bits.categories)
        whole = bits.categories.total if strange >= LEAST_BITS else None
        steady = steady_bits(tool, subject, bits.categories, strange)
        return [content, whole, steady, bits.volume]

    def _comparable(self, profile: Profile, view: GroupView) -> bool:
        """Whether peers act in an agent's mode, or in others where it was long known before.

        Agents that begin in two modes at once would be held against those of the other one.
        """
        facts = profile.facts
        if begun_late(facts.first_us, self.watcher.heard.known(facts.agent_id)):
            return view.knows(TOOL)
        return bool(view.names(TOOL))

    def _findings(
        self,
        event: Event,
        origin: Origin,
        subject: Subject,
        x: dict[str, str],
        time_us: int,
        refused: list[Mismatch],
        *,
        conflict: bool,
    ) -> list[Finding]:
        trust = subject.trust
        scene = Scene(
            event, origin, subject.profile, time_us, trust.registered, trust.claims, refused,
            x, self._by_name, self.config, self.hasher,
            self.watcher.heard, self._common(subject), self.watcher.traces.announces,
            conflict,
        )  # fmt: skip
        said = [finding for rule in RULES.values() if (finding := rule(scene)) is not None]
        found = self.ways.news(said, subject.profile, time_us, vouched=self.vouched)
        if self.selection is not None:
            found = self.selection.findings(found)
        note_credential(scene)
        profile = subject.profile
        if profile.facts.watch.leak >= ALARM or profile.state() == "learning":
            calm(profile.facts.watch, self.hasher.of(event.tool) & MARK)
        new = not found or self.vouched or found[0].anomaly == "config.change"
        if new and not conflict:
            note_version(scene)
        return found

    @staticmethod
    def _common(subject: Subject) -> bool:
        """Whether peers act in the agent's mode; asked only of one that is new to the mode."""
        if not subject.profile.facts.watch.shifted or subject.view is None:
            return True
        return bool(subject.view.names(0))

    def _look_back(
        self,
        out: Assessment,
        event: Event,
        subject: Subject,
        strayed: Reason | None,
        x: dict[str, str],
    ) -> None:
        """Say what shows only over several events: slow change, and cascades of agents."""
        if subject.profile.state() == "active":
            reason = self.watcher.drifting(out, subject.profile) or strayed
            if reason is not None and out.anomaly is None:
                self.decider.tell(out, event, DRIFT, reason, x)
        agents = self.watcher.linked(out, event)
        if len(agents) >= LEAST_AGENTS:
            self.decider.cascade(out, event, agents, x)

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"
