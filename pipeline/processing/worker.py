"""Judge batches of records against a store: everything between a source and a commit."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from models.baseline.identity import as_known, fill, may_begin, settle
from models.detectors.panel import PREFIX, Panel
from models.engine import Engine
from models.fast_path import HOUR, MOVED, PACK, Quiet, look_at_trust, tell
from models.trust.ledger import AGENT_WIDE
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.trust.response import trust_answer
from models.trust.update import stand_with
from models.units import DAY_US
from pipeline.events.unknown_members import MemberCounters
from pipeline.formats import Native
from pipeline.processing.agent_cache import Agents
from pipeline.processing.batch_state import Job, Key
from pipeline.processing.detector_failures import FailureLog
from pipeline.processing.intake import Intake
from pipeline.processing.shadow_findings import (
    GROUPED,
    SHADOW,
    ShadowFindings,
    with_agents,
    worth_publishing,
)
from pipeline.publishing.catalogue import catalogue
from pipeline.publishing.outputs import anomaly_message, anomaly_object, answer_message
from pipeline.publishing.rejected import FirstRejected
from pipeline.store.batch import Commit, PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from models.baseline.agent_state import Subject
    from models.baseline.identity import Declared
    from models.config import ModelConfig
    from models.event import Event, Origin
    from models.fast_path import Usual
    from models.features.selection import Selection
    from models.result import Assessment
    from models.trust.state import TrustState
    from pipeline.enrichment.enricher import Enricher
    from pipeline.enrichment.inventory import Inventory
    from pipeline.formats import Format
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.protocol import Store

    Observer: TypeAlias = Callable[[RawRecord, Event, Assessment, Subject], None]
    Listener: TypeAlias = Callable[[str, Usual, str | None], None]

_log = logging.getLogger(__name__)
_SEEN_DAYS = 30
_encode = msgspec.msgpack.Encoder().encode


class Worker:
    """Owns the engine and a bounded set of agents in memory; everything else is in the store.

    Parameters
    ----------
    store
        Holds what the engine knows between batches, and the secret that its hashes depend on.
    wire
        Format of the records, unless a batch says otherwise.
    cache_agents, packed_agents
        Agents kept in memory ready for use, and packed; all others are read again from the store
        when they act.
    ahead_us
        How far ahead of its arrival an event may be.
    publish
        Whether anomalies and trust answers are to be queued for a sink.
    panel
        Detectors that give a second opinion.
    kernel
        ``auto``, ``native`` or ``python``: who does the arithmetic.
    observer
        Called with each event's judgement, in order; for replays.
    listener
        Called with where a record stands, its event's numbers and the agent's role, for each event
        that is as usual: the observer then has the others only, and all of it is much faster.
    reviewer
        Called with what is an anomaly in a past that is vouched for, which nothing else tells of.
    selection
        The features to judge by; all of them when None.
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
        self._quiet = self._quiet_way(explain_all=explain_all)
        self._agents = Agents(store, config, self.engine.kernel, cache_agents, packed_agents)

    def judge(self, records: Sequence[RawRecord], wire: Format | None = None) -> Commit:
        """Judge records in order and give what is to be written; writes nothing.

        A record that cannot become an event is rejected with its reason, and the rest goes on.
        What is as usual the compiled kernel judges by itself, where there is one.
        """
        out, count, wire = Commit(), Counter[str](), wire or self.wire
        quiet = self._quiet if type(wire) is Native else None
        fresh = self._intake.take(records, wire, out, count, quiet)
        job = Job(fresh, out, count)
        strays, misled = self._agents.elsewhere(job.agents()), self._agents.misled(job)
        if strays or misled:
            self._intake.set_apart(job, strays, misled)
            job = Job(fresh, out, count)
        self._members.count(fresh.unknown_members(), count)
        out.newest_us = fresh.newest_us()
        self._agents.load(set(job.changed))
        slots = [self._put(job, slot) for slot in range(len(job.slots))]
        position = 0
        while position < len(fresh):
            if quiet is not None:
                position = self._quietly(quiet, job, slots, position)
            if position < len(fresh):
                self._closely(job, slots, position)
                position += 1
                self._put_new(job, slots, position - 1)
        changed = job.in_order(self._agents)
        for subject in changed.values():
            tell(subject)
            subject.trust.config_version = self.config_version
        self._collect(out, changed, job.anomalies, count)
        out.members = list(job.members.values())
        self._agents.trim()
        return out

    def _quiet_way(self, *, explain_all: bool) -> Quiet | None:
        """Give the kernel's way; None where every event is to be told of or features are silent."""
        told = (
            explain_all
            or (self._observer is not None and self._listener is None)
            or self.panel.detectors
            or self.engine.selection is not None
        )
        if told or self.engine.kernel is None or not isinstance(self.wire, Native):
            return None
        return Quiet(
            self.engine, self._enricher.located, self.wire.infer,
            publish=self._publish, listen=self._listener is not None,
        )  # fmt: skip

    def succeeds(self, worker: Worker) -> None:
        """Go on counting where another worker over the same store ends."""
        self.counters, self.first_rejected = worker.counters, worker.first_rejected

    def commit(
        self,
        out: Commit,
        positions: dict[str, str],
        status: PipelineStatus,
        *,
        to_publish: bool = True,
    ) -> None:
        """Write a judged batch with the position it leads to, in one transaction.

        Parameters
        ----------
        to_publish
            Whether its messages wait in the outbox for a sink; a recording has none.
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
        """Give what the engine has to write beside agents.

        With `whole` what agents share is written as one copy in place of its changes, so that the
        same events leave the same bytes however they were cut into batches.
        """
        out = Commit(whole=whole)
        self._collect(out, {}, {}, Counter())
        return out

    @property
    def watermark_us(self) -> int:
        """Event time up to which events were judged."""
        return self.engine.peers.head.watermark_us

    # ------------------------------------------------------------------ events as usual

    def _put(self, job: Job, slot: int) -> bool:
        """Hand an agent that is known to the kernel; False for one that has yet to begin."""
        key = job.slots[slot]
        if self._quiet is None:
            return False
        subject = self._agents.known(key)
        if subject is None:
            return False
        declared = self._inventory.declared(key[0])
        settle(subject.trust, declared)
        alone = key[0] not in job.several and self._agents.has_only(key)
        self._quiet.put(
            job.fresh.acts, slot, subject, team=declared.team, alone=alone,
            accused=self._agents.is_accused(key[0]),
        )  # fmt: skip
        return True

    def _put_new(self, job: Job, slots: list[bool], position: int) -> None:
        """Hand the agent of the event at a position to the kernel, if it has just begun."""
        slot = job.fresh.acts.slot(position) if slots else -1
        if slot >= 0 and not slots[slot]:
            slots[slot] = self._put(job, slot)

    def _quietly(self, quiet: Quiet, job: Job, slots: list[bool], position: int) -> int:
        """Let the kernel judge from a position on; give the position of what it leaves."""
        fresh, acts = job.fresh, job.fresh.acts
        while True:
            start = position
            position, why = quiet.run(acts, position)
            job.count["events"] += position - start
            if self._listener is not None:
                self._listen(quiet, job, self._listener)
            for at, answer in quiet.moved(lambda slot: self._agents[job.slots[slot]]):
                job.out.outbox.append(answer_message(answer, fresh.where(fresh.order[at])))
            if why == PACK:
                slots[acts.slot(position)] = self._put(job, acts.slot(position))
            elif why in (HOUR, MOVED):
                self._trust_by_the_hour(quiet, job, position, looked=why == MOVED)
                job.count["events"] += 1
                position += 1
            else:
                break
        return position

    def _listen(self, quiet: Quiet, job: Job, listener: Listener) -> None:
        """Pass on the numbers of what the kernel has judged."""
        fresh = job.fresh
        for usual in quiet.usual(fresh.acts):
            subject = self._agents[job.slots[fresh.acts.slot(usual.position)]]
            listener(fresh.where(fresh.order[usual.position]), usual, subject.trust.role)

    def _trust_by_the_hour(self, quiet: Quiet, job: Job, position: int, *, looked: bool) -> None:
        """Look at trust after an event, unless the kernel has; tell if it moved."""
        acts, fresh = job.fresh.acts, job.fresh
        subject = self._agents[job.slots[acts.slot(position)]]
        time_us, where = acts.time_us(position), fresh.where(fresh.order[position])
        answer = None
        if looked:
            modes = list(self._agents.in_all_modes(subject.trust.agent_id))
            answer = quiet.answer(modes, time_us)
        if answer is not None:
            job.out.outbox.append(answer_message(answer, where))
            return
        tell(subject)
        moved = looked or look_at_trust(subject, time_us, self.policy)
        if moved and self._publish:
            self._tell_trust(job, subject, time_us, where)

    # ------------------------------------------------------------------ events looked at closely

    def _closely(self, job: Job, slots: list[bool], position: int) -> None:
        """Judge the event at a position by the reference."""
        taken = job.fresh.event(position)
        event = taken.event
        declared = self._inventory.declared(event.agent.id)
        ones = [event]
        if event.kind != "action":  # an announced change comes to every mode the agent acts in
            known = [one.trust.mode for one in self._agents.in_all_modes(event.agent.id)]
            ones = [msgspec.structs.replace(event, mode=mode) for mode in known or [event.mode]]
        first: TrustState | None = None
        for among, told in enumerate(ones):
            key = (told.agent.id, told.mode)
            job.change(key, position, among)
            subject = self._agents.subject(key)
            tell(subject)
            if may_begin(told, subject.trust, declared):
                self._agents.fill(subject.trust)
            # What the first mode has refused is refused once.
            one = told if first is None else as_known(told, first)
            out = self._one(
                job, taken.record, one, subject, taken.time_us, declared, position, among
            )
            if out.identified and event.kind == "action":
                self._share_identity(job, slots, subject, position)
            first = first or subject.trust

    def _share_identity(self, job: Job, slots: list[bool], subject: Subject, position: int) -> None:
        """Let the role and owner that an agent has claimed first count in its other modes, too."""
        agent_id = subject.trust.agent_id
        for other in self._agents.in_all_modes(agent_id):
            if other is subject:
                continue
            fill(other.trust, [subject.trust])
            key = (agent_id, other.trust.mode)
            job.change(key, position, 1)
            slot = job.slot_of.get(key, -1)
            if slot >= 0 and slots[slot]:
                slots[slot] = self._put(job, slot)

    def _one(
        self,
        job: Job,
        record: RawRecord,
        event: Event,
        subject: Subject,
        time_us: int,
        declared: Declared,
        position: int,
        among: int,
    ) -> Assessment:
        """Judge an event; one that goes to several modes is told and counted with the first."""
        first = among == 0
        origin = self._enricher.origin(event.network)
        assessment = self.engine.judge(
            event,
            origin,
            subject,
            declared=declared,
            time_us=time_us,
            conflict=job.fresh.order[position] in job.fresh.conflicts,
        )
        event = as_known(event, subject.trust)
        for failure in self.panel.consider(event, assessment, subject):
            job.count["failed_detector_" + failure.detector] += 1
            self._detector_failures.add(failure)
        subject.trust.config_version = self.config_version
        job.count["events"] += first
        if assessment.held is not None:
            held = assessment.held
            job.out.held.append(
                (held.event_id, held.agent_id, held.mode, held.time_us, _encode(held.categories))
            )
        if assessment.anomaly is not None:
            if not self.engine.vouched:
                self._anomaly(job, record, event, origin, assessment, subject)
            elif self._reviewer is not None and first:
                self._reviewer(record, event, assessment, subject)
        moved = assessment.trust_changed
        if assessment.facet == AGENT_WIDE and not self.engine.vouched:
            moved |= self._stand_with(job, subject, position, among)
        if moved and self._publish:
            self._tell_trust(job, subject, assessment.time_us, record.where)
        if self._observer is not None and first:
            self._observer(record, event, assessment, subject)
        return assessment

    def _stand_with(self, job: Job, subject: Subject, position: int, among: int) -> bool:
        """Bring the levels of an agent's other modes to an identity item; whether one moved."""
        agent_id, at_us = subject.trust.agent_id, subject.profile.facts.last_us
        self._agents.accuse(agent_id)
        moved = False
        for place, other in enumerate(self._agents.in_all_modes(agent_id), among + 1):
            if other is not subject:
                tell(other)
                moved |= stand_with(other, at_us, self.policy)
                job.change((agent_id, other.trust.mode), position, place)
        return moved

    def _tell_trust(self, job: Job, subject: Subject, time_us: int, where: str) -> None:
        states = self._states(subject)
        agent_id = subject.trust.agent_id
        answer = trust_answer(states, agent_id, time_us, time_us, self.policy)
        job.out.outbox.append(answer_message(answer, where))

    def _states(self, subject: Subject) -> list[TrustState]:
        """Give the agent's states in all its modes, as they are now: some are not stored yet."""
        states = []
        for known in self._agents.in_all_modes(subject.trust.agent_id):
            tell(known)
            states.append(known.trust)
        return states

    def _anomaly(
        self,
        job: Job,
        record: RawRecord,
        event: Event,
        origin: Origin,
        assessment: Assessment,
        subject: Subject,
    ) -> None:
        name, place = self.engine.anomaly_id(assessment.key), None
        if subject.trust.registered is False and assessment.anomaly in GROUPED:
            place = self._shadows.place(assessment, event, origin, job.members)
            name = place.finding
        known = job.anomalies.get(name) or self.store.anomaly(name)
        anomaly = anomaly_object(
            assessment, event, subject, known, name, record.where, self.config_version
        )
        if place is not None:
            kind = self.engine.decider.kinds[SHADOW]
            anomaly = with_agents(anomaly, known, assessment.agent_id, place, kind)
        job.anomalies[name] = anomaly
        if known is None:
            job.count[f"anomalies_{anomaly['anomaly']}_{assessment.severity}"] += 1
        if self._publish and worth_publishing(anomaly, known):
            job.out.outbox.append(anomaly_message(anomaly))

    # ------------------------------------------------------------------ state to bytes

    def _collect(
        self,
        out: Commit,
        changed: dict[Key, Subject],
        anomalies: dict[str, dict[str, Any]],
        count: Counter[str],
    ) -> None:
        out.profiles = [
            (key[0], key[1], self._dump(subject), subject.trust) for key, subject in changed.items()
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

    def _dump(self, subject: Subject) -> bytes:
        # The kernel takes a fiftieth of the time, and needs the agent for its next events anyway.
        if self._quiet is not None and subject.profile.agent is None and subject.view is not None:
            self.engine.pack(subject)
        return self._agents.dump(subject)
