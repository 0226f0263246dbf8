"""Judge one event after the other: score, decide, then learn.

The engine owns what agents share (peers, content tables, open sessions). Profiles and trust
states come in with each event, so a store can keep any number of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.assessing import Assessor, accounted, carried
from models.baseline import frequency_model as reference
from models.baseline.agent_state import AgentState, EventScores
from models.baseline.identity import UNDECLARED, apply_claims, settle
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
from models.features.feature_slots import slots_of
from models.kernel import native_kernel
from models.learning.learner import Learner, may_be_shared
from models.learning.roll_forward import roll_forward
from models.narrower import count_as_known
from models.peers import baselines as peer_baselines
from models.peers.fleet import FLEET, Fleet, GroupView
from models.provenance.backend import provenance_detector
from models.provenance.open_sessions import open_sessions
from models.ranked import MIN_BITS, VOLUME
from models.rules import RULES, note_version, refusal
from models.together import total
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.update import update_trust
from models.units import MINUTE_US
from models.watch import heard
from models.watch.excess import excess
from models.watch.leak import ALARM
from models.watch.measure import in_order, measure
from models.watch.modes import begun_late
from models.watch.order import begin, top
from models.watch.scene import Scene
from models.watch.sizes import calm
from models.watch.traces import MIN_AGENTS
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
    from models.replication.announcements import Announcements
    from models.result import Finding, Kind, Reason, Result

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
        Give reasons for every event, not only for relevant ones.
    kernel
        ``auto``, ``native`` or ``python``: `models.kernel.native_kernel`.
    selection
        The features that judgement uses; None uses all.

    Attributes
    ----------
    trusted_history
        The operator trusts the events that follow: learn them without the gate.
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
        self.trusted_history = False
        self.announcements: Announcements | None = None
        self.kernel = native = native_kernel(kernel)
        self.hasher = hasher_of(secret, native)
        self.fleet = Fleet(
            config,
            (native or reference).Groups(config, secret),
            (native or session_pools).SessionPools(
                config.session_window, of_role=config.role_session_window, linked_tails=True
            ),
            (native or session_pools).SessionPools(config.peer_window),
            (native or peer_baselines).PeerBaselines(),
        )
        self.selection = selection
        parts = selection.without_parts if selection is not None else frozenset()
        reading = None if parts else native  # of content and sessions, which belong together
        self.content = provenance_detector(secret, reading, parts)
        self.sessions = open_sessions(config.idle_minutes * MINUTE_US, secret, reading)
        self._slots = slots_of(self.hasher)
        self._by_name = {slot.name: slot for slot in self._slots}
        self.watcher = Watcher(config, (native or heard).Heard())
        self.assessor = Assessor(
            config, self.fleet, self.hasher,
            session_sum=selection is None or not selection.without_session_sum,
        )  # fmt: skip
        self.decider = Decider(kinds, self._by_name, explain_all=explain_all)
        self.ways = Ways(config, self.hasher, self.watcher.adopting)
        self.learner = Learner(
            config, self.hasher, self._slots, self.fleet, self.content, self.watcher.adopting
        )

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the shared state that changed since the last call.

        With `whole`, pending contributions, content and seen agents are written as whole copies.
        """
        watched = self.watcher.dump(self.fleet.head.watermark_us, whole=whole)
        return self.fleet.dump(whole=whole) + self.content.dump(whole=whole) + watched

    def load(self, shared: dict[str, bytes], sessions: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` and the open sessions wrote."""
        self.fleet.load(shared)
        self.watcher.load(shared)
        self.content.load(shared)
        self.sessions.load(sessions)

    def finish_recording(self) -> None:
        """Close every session and publish: what follows is another recording."""
        for session in self.sessions.pop_all():
            self._close(session)
        self.fleet.publish()
        self.fleet.head.watermark_us = self.fleet.head.published_us = 0

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
            nothing from such an event.
        """
        if time_us is None:
            time_us = microseconds(event.time)
        self.fleet.advance(time_us)
        for session in self.sessions.pop_idle(self.fleet.head.watermark_us):
            self._close(session)
        settle(agent_state.trust, declared)
        identified, refused = apply_claims(event, agent_state.trust, declared, trusted=not conflict)
        self._meet(agent_state)
        roll_forward(event, agent_state, self.fleet, time_us)
        if agent_state.profile.facts.events == 1:
            begin_as(event, agent_state.profile.facts, self.watcher)
        if event.kind != "action":
            slot = self._slots[TOOL]
            change = take_change(
                event, agent_state, self.watcher, self.config, time_us, slot, self.hasher
            )
            change.identified = identified
            if refused:
                self._refuse(change, event, agent_state, refused)
            return change
        session = self._session(event, agent_state.profile, time_us)
        profile, view = agent_state.profile, agent_state.view
        assert view is not None  # noqa: S101 - _meet has set it
        watch, state = profile.facts.watch, profile.state()
        strayed = self.watcher.meet(
            event, profile, time_us, whole=self.trusted_history or state != "active"
        )
        previous = session.previous_tool or "START"
        before = watch.before if watch.session == session.ordinal else ""
        x = extract(event, origin, previous, time_us, before)
        count_as_known(x, self._by_name, profile.baseline, view.view)
        new_tool = brought(event.tool, agent_state, self._slots[TOOL])
        bits = self._score(event, agent_state, session, x, time_us, new_tool=new_tool)
        top(watch, bits.categories.excesses)
        watch.session, watch.before = session.ordinal, previous
        statistics = self._statistics(bits, view.view)
        u = self.hasher.uniform(event.id)
        tested, changes = statistics, new_tool or changing(profile.facts, state)
        if changes:  # behaviour may change; arguments may not
            tested = self._staying(event.tool, agent_state, bits)
        elif state == "learning" and not self._comparable(profile, view):
            tested = [None, None, None, statistics[VOLUME]]
        first = tested if state == "learning" and not changes else None
        new = first is statistics
        result = profile.frequency_model.calibrate(
            view.view, tested, u, own=state == "active", new=new
        )
        findings = self._findings(
            event, origin, agent_state, x, time_us, refused, conflict=conflict
        )
        led = tested[result.lead] if result.lead >= 0 else None
        out = self.assessor.assess(event, profile, session, bits, result, led, findings, time_us)
        out.identified = identified
        trusted_history = self.trusted_history
        self.decider.decide(
            out, event, agent_state, bits, result, findings, x, trusted_history=trusted_history
        )
        if not trusted_history:
            self._look_back(out, event, agent_state, strayed, x)
        session.alerted |= out.alert
        if not conflict:
            self.learner.learn(
                out, event, agent_state, session, bits, tested, result, x,
                trusted_history=trusted_history,
                shared=not findings and may_be_shared(event), newcomer_statistics=first,
            )  # fmt: skip
        name = self.anomaly_id(out.key) if out.key else ""
        update_trust(out, agent_state, name, self.policy, trusted_history=trusted_history)
        return out

    def _refuse(
        self, out: Result, event: Event, agent_state: AgentState, refused: list[Mismatch]
    ) -> None:
        """Report that an announced change contradicts the inventory."""
        found, trusted_history = [refusal(refused)], self.trusted_history
        if self.selection is not None:
            found = self.selection.findings(found)
        if found:
            self.decider.speak(out, event, agent_state, found, {}, trusted_history=trusted_history)
            update_trust(
                out,
                agent_state,
                self.anomaly_id(out.key),
                self.policy,
                trusted_history=trusted_history,
            )

    def _meet(self, agent_state: AgentState) -> None:
        """Connect the agent to the peers of its role in effect."""
        facts, role = agent_state.profile.facts, agent_state.trust.role or ""
        if agent_state.view is None or facts.role != role:
            facts.role = role
            agent_state.profile.use(self.kernel, self.config)
            self._join(agent_state)

    def _join(self, agent_state: AgentState) -> None:
        profile = agent_state.profile
        group = f"{profile.role}/{profile.mode}" if profile.role else FLEET
        agent_state.view = GroupView(self.fleet, group)
        profile.attach(self.hasher, self._slots, agent_state.view)

    def pack(self, agent_state: AgentState) -> Any:
        """Move an agent to the compiled kernel: `Profile.pack`."""
        if agent_state.view is None:
            if agent_state.profile.agent is None:
                agent_state.profile.use(self.kernel, self.config)
            self._join(agent_state)
        return agent_state.profile.pack(self.kernel)

    def _session(self, event: Event, profile: Profile, time_us: int) -> Session:
        name = event.session or event.trace_id or event.task or ""
        facts = profile.facts
        watermark_us = self.fleet.head.watermark_us
        session = self.sessions.resume(facts.agent_id, facts.mode, name, time_us, watermark_us)
        if session is None:
            for cut in self.sessions.pop_overlong():
                self._close(cut)
            facts.opened += 1
            session = self.content.open(
                facts.agent_id, facts.mode, facts.role, event.purpose or "", time_us, watermark_us,
                facts.opened, facts.opened <= facts.learn_until, self.trusted_history,
            )  # fmt: skip
            self.sessions.add(name, session)
        return session

    def _close(self, session: Session) -> None:
        self.pool(session)
        if self.announcements is not None:
            self.announcements.session_finished(self.content.dump_session(session))
        self.content.close(session)

    def pool(self, session: Session) -> None:
        """Add a finished session, of this or another shard, to the session pools."""
        free = session.learning or session.trusted_history
        self.fleet.add_session(
            session.role,
            session.score,
            session.p,
            total(session.peak_p_bits),
            ungated=free,
            alerted=session.alerted,
        )

    def _score(
        self,
        event: Event,
        agent_state: AgentState,
        session: Session,
        x: dict[str, str],
        time_us: int,
        *,
        new_tool: bool,
    ) -> EventScores:
        profile, view, selection = agent_state.profile, agent_state.view, self.selection
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
            categories = selection.surprise(seen, profile.frequency_model.typical_bits, view.view)
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
            if left >= MIN_BITS and one.risen and one.metric != LEAK:
                rarest = max(rarest, weighted(_METRICS_FROM + one.metric, left))
        sums = [
            (QUANTITIES[one.metric], one.value, one.bits)
            for one in found
            if one.metric < len(QUANTITIES)
        ]
        return EventScores(
            categories, seen, sums, content, new_tool, counted, decisive, found, metrics, rarest
        )  # fmt: skip

    def _statistics(self, bits: EventScores, view: View) -> list[float | None]:
        peak = bits.categories.peak if view.has_scores(0) else None  # 0 without a pool
        return [bits.decisive, bits.categories.total, peak, bits.volume]

    @staticmethod
    def _staying(tool: str, agent_state: AgentState, bits: EventScores) -> list[float | None]:
        """Give the statistics that stay stable while behaviour changes.

        A tool that no deployment announced is not an expected change. Its resources are not either.
        """
        content = bits.decisive if bits.new_tool else carried(bits.content)
        strange = unannounced(tool, agent_state, bits.categories)
        whole = bits.categories.total if strange >= MIN_BITS else None
        steady = steady_bits(tool, agent_state, bits.categories, strange)
        return [content, whole, steady, bits.volume]

    def _comparable(self, profile: Profile, view: GroupView) -> bool:
        """Whether the agent has comparable peers.

        Peers act in its mode. An agent long known before this mode may use peers of other modes. An
        agent that begins in two modes at once may not: it would be compared with the other mode.
        """
        facts = profile.facts
        if begun_late(facts.first_us, self.watcher.heard.known(facts.agent_id)):
            return view.knows(TOOL)
        return bool(view.names(TOOL))

    def _findings(
        self,
        event: Event,
        origin: Origin,
        agent_state: AgentState,
        x: dict[str, str],
        time_us: int,
        refused: list[Mismatch],
        *,
        conflict: bool,
    ) -> list[Finding]:
        trust = agent_state.trust
        scene = Scene(
            event, origin, agent_state.profile, time_us, trust.registered, trust.claims, refused,
            x, self._by_name, self.config, self.hasher,
            self.watcher.heard, self._common(agent_state), self.watcher.traces.announces,
            conflict,
        )  # fmt: skip
        said = [finding for rule in RULES.values() if (finding := rule(scene)) is not None]
        found = self.ways.news(
            said, agent_state.profile, time_us, trusted_history=self.trusted_history
        )
        if self.selection is not None:
            found = self.selection.findings(found)
        note_credential(scene)
        profile = agent_state.profile
        if profile.facts.watch.leak >= ALARM or profile.state() == "learning":
            calm(profile.facts.watch, self.hasher.of(event.tool) & MARK)
        new = not found or self.trusted_history or found[0].anomaly == "config.change"
        if new and not conflict:
            note_version(scene)
        return found

    @staticmethod
    def _common(agent_state: AgentState) -> bool:
        """Whether peers act in the agent's mode. Only for an agent that is new to the mode."""
        if not agent_state.profile.facts.watch.shifted or agent_state.view is None:
            return True
        return bool(agent_state.view.names(0))

    def _look_back(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        strayed: Reason | None,
        x: dict[str, str],
    ) -> None:
        """Report what only several events show: slow change, and cascades of agents."""
        if agent_state.profile.state() == "active":
            reason = self.watcher.drifting(out, agent_state.profile) or strayed
            if reason is not None and out.anomaly is None:
                self.decider.tell(out, event, DRIFT, reason, x)
        agents = self.watcher.linked(out, event)
        if len(agents) >= MIN_AGENTS:
            self.decider.cascade(out, event, agents, x)

    def anomaly_id(self, key: str) -> str:
        """Give the id of the anomaly under a correlation key; the same key, the same id."""
        return f"an-{self.hasher.once('anomaly' + key):016x}"
