"""Judge batches of records against a store: all steps between source and commit."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from models.baseline.identity import as_known, fill, may_begin, settle
from models.detectors.panel import PREFIX, Panel
from models.engine import Engine
from models.fast_path import HOUR, PACK, TRUST_CHANGED, FastPath, refresh_trust, sync_trust
from models.trust.ledger import AGENT_WIDE
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.response import trust_answer
from models.trust.update import refresh_mode
from models.units import DAY_US
from pipeline.events.unknown_members import MemberCounters
from pipeline.formats import Native
from pipeline.processing.agent_cache import Agents
from pipeline.processing.batch_state import BatchState, Key
from pipeline.processing.detector_failures import FailureLog
from pipeline.processing.intake import Intake
from pipeline.processing.shadow_findings import (
    GROUPED,
    SHADOW,
    ShadowFindings,
    should_publish,
    with_agents,
)
from pipeline.publishing.catalogue import catalogue
from pipeline.publishing.outputs import anomaly_message, anomaly_object, answer_message
from pipeline.publishing.rejected import FirstRejected
from pipeline.store.batch import Commit, PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared
    from models.config import ModelConfig
    from models.event import Event, Origin
    from models.fast_path import OrdinaryEvent
    from models.features.selection import Selection
    from models.result import Result
    from models.trust.state import TrustState
    from pipeline.enrichment.enricher import Enricher
    from pipeline.enrichment.inventory import Inventory
    from pipeline.formats import Format
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.protocol import Store

    Observer: TypeAlias = Callable[[RawRecord, Event, Result, AgentState], None]
    Listener: TypeAlias = Callable[[str, OrdinaryEvent, str | None], None]

_log = logging.getLogger(__name__)
_SEEN_DAYS = 30
_encode = msgspec.msgpack.Encoder().encode


class Worker:
    """Owns the engine and a bounded cache of agents; all other state is in the store.

    Parameters
    ----------
    store
        Holds the engine's state between batches, and the secret of its hashes.
    wire
        Default format of the records.
    cache_agents, packed_agents
        Number of agents kept in memory unpacked, and packed. All others are read from the store
        when they act.
    ahead_us
        Largest accepted lead of an event over its arrival.
    publish
        Whether anomalies and trust answers are queued for a sink.
    panel
        Additional detectors.
    kernel
        ``auto``, ``native`` or ``python``.
    observer
        Called with the judgement of each event, in order; for replays.
    listener
        Called with location, result and agent role of each event judged on the fast path. The
        observer is then called only for other events, which is much faster.
    reviewer
        Called with each anomaly of a trusted history, which no other output reports.
    selection
        The features to judge by; None: all.
    """

    def __init__(
        self,
        store: Store,
        config: ModelConfig,
        wire: Format,
        enricher: Enricher,
        inventory: Inventory,
        *,
        policy: TrustPolicy = DEFAULT_POLICY,
        cache_agents: int = 1_536,
        packed_agents: int = 32_768,
        ahead_us: int = 300_000_000,
        publish: bool = True,
        explain_all: bool = False,
        kernel: str = "auto",
        panel: Panel | None = None,
        observer: Observer | None = None,
        listener: Listener | None = None,
        reviewer: Observer | None = None,
        selection: Selection | None = None,
    ) -> None:
        self.store = store
        self.config = config
        self.config_version = config.version
        self.wire = wire
        self.policy = policy
        self.counters: Counter[str] = Counter()
        self.first_rejected: FirstRejected | None = None
        self.engine = Engine(
            config, store.secret, catalogue(), policy,
            explain_all=explain_all, kernel=kernel, selection=selection,
        )  # fmt: skip
        self.panel = panel or Panel()
        self._detector_failures = FailureLog()
        shared = store.shared()
        self.panel.load(shared)
        own = {name: blob for name, blob in shared.items() if not name.startswith(PREFIX)}
        self.engine.load(own, store.all_sessions())
        self._shadows = ShadowFindings(store, self.engine.anomaly_id)
        self._enricher = enricher
        self._inventory = inventory
        self._intake = Intake(store, self.engine.hasher, ahead_us)
        self._members = MemberCounters(store.counters)
        self._publish = publish
        self._observer, self._listener, self._reviewer = observer, listener, reviewer
        self._fast_path = self._make_fast_path(explain_all=explain_all)
        self._agents = Agents(store, config, self.engine.kernel, cache_agents, packed_agents)

    def judge(self, records: Sequence[RawRecord], wire: Format | None = None) -> Commit:
        """Judge records in order and give the data to write; writes nothing.

        A malformed record is rejected with its reason. With the compiled kernel installed, ordinary
        events run in compiled code.
        """
        out, count, wire = Commit(), Counter[str](), wire or self.wire
        fast_path = self._fast_path if type(wire) is Native else None
        events = self._intake.take(records, wire, out, count, fast_path)
        batch = BatchState(events, out, count)
        foreign, misrouted = self._agents.elsewhere(batch.agents()), self._agents.misrouted(batch)
        if foreign or misrouted:
            self._intake.reject_misrouted(batch, foreign, misrouted)
            batch = BatchState(events, out, count)
        self._members.count(events.unknown_members(), count)
        out.newest_us = events.newest_us()
        self._agents.load(set(batch.changed))
        slots = [self._put(batch, slot) for slot in range(len(batch.slots))]
        position = 0
        while position < len(events):
            if fast_path is not None:
                position = self._run_fast_path(fast_path, batch, slots, position)
            if position < len(events):
                self._judge_in_python(batch, slots, position)
                position += 1
                self._put_new(batch, slots, position - 1)
        changed = batch.in_order(self._agents)
        for agent_state in changed.values():
            sync_trust(agent_state)
            agent_state.trust.config_version = self.config_version
        self._collect(out, changed, batch.anomalies, count)
        out.members = list(batch.members.values())
        self._agents.trim()
        return out

    def _make_fast_path(self, *, explain_all: bool) -> FastPath | None:
        """Give the compiled fast path; None if every event is observed or features are ablated."""
        needs_python = (
            explain_all
            or (self._observer is not None and self._listener is None)
            or self.panel.detectors
            or self.engine.selection is not None
        )
        if needs_python or self.engine.kernel is None or not isinstance(self.wire, Native):
            return None
        return FastPath(
            self.engine, self._enricher.located, self.wire.infer,
            publish=self._publish, listen=self._listener is not None,
        )  # fmt: skip

    def take_over_counters(self, worker: Worker) -> None:
        """Continue the counters of another worker over the same store."""
        self.counters, self.first_rejected = worker.counters, worker.first_rejected

    def commit(
        self,
        out: Commit,
        positions: dict[str, str],
        status: PipelineStatus,
        *,
        to_publish: bool = True,
    ) -> None:
        """Write a judged batch with its resume position, in one transaction.

        Parameters
        ----------
        to_publish
            Whether messages are put into the outbox; a recording has no sink.
        """
        if self.first_rejected is None:
            self.first_rejected = FirstRejected.among(out.outbox)
        if not to_publish:
            out.outbox = []
        out.positions = positions
        out.status = status
        self.store.commit(out)
        self.counters.update(out.counters)

    def flush(self, *, whole: bool = False) -> Commit:
        """Give the engine's state to write, without agents.

        With `whole`, shared state is written as one copy instead of its changes. The bytes then do
        not depend on the batch boundaries.
        """
        out = Commit(whole=whole)
        self._collect(out, {}, {}, Counter())
        return out

    @property
    def watermark_us(self) -> int:
        """Largest event time judged so far."""
        return self.engine.fleet.head.watermark_us

    # ------------------------------------------------------------------ the fast path

    def _put(self, batch: BatchState, slot: int) -> bool:
        """Pass a known agent to the kernel; return False for an agent without state."""
        key = batch.slots[slot]
        if self._fast_path is None:
            return False
        agent_state = self._agents.known(key)
        if agent_state is None:
            return False
        declared = self._inventory.declared(key[0])
        settle(agent_state.trust, declared)
        alone = key[0] not in batch.several and self._agents.has_only(key)
        self._fast_path.put(
            batch.events.actions, slot, agent_state, team=declared.team, alone=alone,
            accused=self._agents.is_accused(key[0]),
        )  # fmt: skip
        return True

    def _put_new(self, batch: BatchState, slots: list[bool], position: int) -> None:
        """Pass the agent of the event at a position to the kernel, if it is new."""
        slot = batch.events.actions.slot(position) if slots else -1
        if slot >= 0 and not slots[slot]:
            slots[slot] = self._put(batch, slot)

    def _run_fast_path(
        self, fast_path: FastPath, batch: BatchState, slots: list[bool], position: int
    ) -> int:
        """Let the kernel judge from a position on; return the position where it stops."""
        events, actions = batch.events, batch.events.actions
        while True:
            start = position
            position, why = fast_path.run(actions, position)
            batch.count["events"] += position - start
            if self._listener is not None:
                self._notify_listener(fast_path, batch, self._listener)
            for at, answer in fast_path.trust_changes(lambda slot: self._agents[batch.slots[slot]]):
                batch.out.outbox.append(answer_message(answer, events.where(events.order[at])))
            if why == PACK:
                slots[actions.slot(position)] = self._put(batch, actions.slot(position))
            elif why in (HOUR, TRUST_CHANGED):
                self._update_trust(fast_path, batch, position, updated=why == TRUST_CHANGED)
                batch.count["events"] += 1
                position += 1
            else:
                break
        return position

    def _notify_listener(self, fast_path: FastPath, batch: BatchState, listener: Listener) -> None:
        """Pass the results of the kernel to the listener."""
        events = batch.events
        for result in fast_path.ordinary_events(events.actions):
            agent_state = self._agents[batch.slots[events.actions.slot(result.position)]]
            listener(events.where(events.order[result.position]), result, agent_state.trust.role)

    def _update_trust(
        self, fast_path: FastPath, batch: BatchState, position: int, *, updated: bool
    ) -> None:
        """Update trust after an event, unless the kernel did; publish it if it changed."""
        actions, events = batch.events.actions, batch.events
        agent_state = self._agents[batch.slots[actions.slot(position)]]
        time_us, where = actions.time_us(position), events.where(events.order[position])
        answer = None
        if updated:
            modes = list(self._agents.in_all_modes(agent_state.trust.agent_id))
            answer = fast_path.answer(modes, time_us)
        if answer is not None:
            batch.out.outbox.append(answer_message(answer, where))
            return
        sync_trust(agent_state)
        moved = updated or refresh_trust(agent_state, time_us, self.policy)
        if moved and self._publish:
            self._queue_trust(batch, agent_state, time_us, where)

    # ------------------------------------------------------------------ all other events

    def _judge_in_python(self, batch: BatchState, slots: list[bool], position: int) -> None:
        """Judge the event at a position in Python."""
        decoded = batch.events.event(position)
        event = decoded.event
        declared = self._inventory.declared(event.agent.id)
        in_modes = [event]
        if event.kind != "action":  # an announced change applies to all modes of the agent
            known = [one.trust.mode for one in self._agents.in_all_modes(event.agent.id)]
            in_modes = [msgspec.structs.replace(event, mode=mode) for mode in known or [event.mode]]
        first: TrustState | None = None
        for among, in_mode in enumerate(in_modes):
            key = (in_mode.agent.id, in_mode.mode)
            batch.change(key, position, among)
            agent_state = self._agents.agent_state(key)
            sync_trust(agent_state)
            if may_begin(in_mode, agent_state.trust, declared):
                self._agents.fill(agent_state.trust)
            # A claim refused in the first mode is not refused again in the others.
            one = in_mode if first is None else as_known(in_mode, first)
            out = self._judge_one(
                batch, decoded.record, one, agent_state, decoded.time_us, declared, position, among
            )
            if out.identified and event.kind == "action":
                self._share_identity(batch, slots, agent_state, position)
            first = first or agent_state.trust

    def _share_identity(
        self, batch: BatchState, slots: list[bool], agent_state: AgentState, position: int
    ) -> None:
        """Apply the first claimed role and owner of an agent to its other modes."""
        agent_id = agent_state.trust.agent_id
        for other in self._agents.in_all_modes(agent_id):
            if other is agent_state:
                continue
            fill(other.trust, [agent_state.trust])
            key = (agent_id, other.trust.mode)
            batch.change(key, position, 1)
            slot = batch.slot_of.get(key, -1)
            if slot >= 0 and slots[slot]:
                slots[slot] = self._put(batch, slot)

    def _judge_one(
        self,
        batch: BatchState,
        record: RawRecord,
        event: Event,
        agent_state: AgentState,
        time_us: int,
        declared: Declared,
        position: int,
        among: int,
    ) -> Result:
        """Judge an event; an event of several modes is observed and counted in the first mode."""
        first = among == 0
        origin = self._enricher.origin(event.network)
        assessment = self.engine.judge(
            event,
            origin,
            agent_state,
            declared=declared,
            time_us=time_us,
            conflict=batch.events.order[position] in batch.events.conflicts,
        )
        event = as_known(event, agent_state.trust)
        for failure in self.panel.consider(event, assessment, agent_state):
            batch.count["failed_detector_" + failure.detector] += 1
            self._detector_failures.add(failure)
        agent_state.trust.config_version = self.config_version
        batch.count["events"] += first
        if assessment.held is not None:
            held = assessment.held
            batch.out.held.append(
                (held.event_id, held.agent_id, held.mode, held.time_us, _encode(held.categories))
            )
        if assessment.anomaly is not None:
            if not self.engine.vouched:
                self._anomaly(batch, record, event, origin, assessment, agent_state)
            elif self._reviewer is not None and first:
                self._reviewer(record, event, assessment, agent_state)
        moved = assessment.trust_changed
        if assessment.facet == AGENT_WIDE and not self.engine.vouched:
            moved |= self._apply_identity_evidence(batch, agent_state, position, among)
        if moved and self._publish:
            self._queue_trust(batch, agent_state, assessment.time_us, record.where)
        if self._observer is not None and first:
            self._observer(record, event, assessment, agent_state)
        return assessment

    def _apply_identity_evidence(
        self, batch: BatchState, agent_state: AgentState, position: int, among: int
    ) -> bool:
        """Apply identity evidence to the agent's other modes; return whether a level moved."""
        agent_id, at_us = agent_state.trust.agent_id, agent_state.profile.facts.last_us
        self._agents.accuse(agent_id)
        moved = False
        for place, other in enumerate(self._agents.in_all_modes(agent_id), among + 1):
            if other is not agent_state:
                sync_trust(other)
                moved |= refresh_mode(other, at_us, self.policy)
                batch.change((agent_id, other.trust.mode), position, place)
        return moved

    def _queue_trust(
        self, batch: BatchState, agent_state: AgentState, time_us: int, where: str
    ) -> None:
        states = self._states(agent_state)
        agent_id = agent_state.trust.agent_id
        answer = trust_answer(states, agent_id, time_us, time_us, self.policy)
        batch.out.outbox.append(answer_message(answer, where))

    def _states(self, agent_state: AgentState) -> list[TrustState]:
        """Give the current states of the agent in all its modes, including unsaved ones."""
        states = []
        for known in self._agents.in_all_modes(agent_state.trust.agent_id):
            sync_trust(known)
            states.append(known.trust)
        return states

    def _anomaly(
        self,
        batch: BatchState,
        record: RawRecord,
        event: Event,
        origin: Origin,
        assessment: Result,
        agent_state: AgentState,
    ) -> None:
        name, place = self.engine.anomaly_id(assessment.key), None
        if agent_state.trust.registered is False and assessment.anomaly in GROUPED:
            place = self._shadows.place(assessment, event, origin, batch.members)
            name = place.finding
        known = batch.anomalies.get(name) or self.store.anomaly(name)
        anomaly = anomaly_object(
            assessment, event, agent_state, known, name, record.where, self.config_version
        )
        if place is not None:
            kind = self.engine.decider.kinds[SHADOW]
            anomaly = with_agents(anomaly, known, assessment.agent_id, place, kind)
        batch.anomalies[name] = anomaly
        if known is None:
            batch.count[f"anomalies_{anomaly['anomaly']}_{assessment.severity}"] += 1
        if self._publish and should_publish(anomaly, known):
            batch.out.outbox.append(anomaly_message(anomaly))

    # ------------------------------------------------------------------ state to bytes

    def _collect(
        self,
        out: Commit,
        changed: dict[Key, AgentState],
        anomalies: dict[str, dict[str, Any]],
        count: Counter[str],
    ) -> None:
        out.profiles = [
            (key[0], key[1], self._dump(agent_state), agent_state.trust)
            for key, agent_state in changed.items()
        ]
        out.sessions, out.closed_sessions = self.engine.sessions.dump()
        of_detectors, failures = self.panel.dump()
        for failure in failures:
            self._detector_failures.add(failure)
        out.shared = self.engine.dump(whole=out.whole) + of_detectors
        out.anomalies = list(anomalies.values())
        out.counters = dict(count)
        if self.watermark_us:
            out.prune_seen_before_day = self.watermark_us // DAY_US - _SEEN_DAYS

    def _dump(self, agent_state: AgentState) -> bytes:
        # The kernel takes a fiftieth of the time, and needs the agent for its next events.
        if (
            self._fast_path is not None
            and agent_state.profile.agent is None
            and agent_state.view is not None
        ):
            self.engine.pack(agent_state)
        return self._agents.dump(agent_state)
