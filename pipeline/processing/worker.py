"""Judge batches of records against a store: all steps between source and commit."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from models.engine import Engine
from models.quiet_loop import QuietLoop
from models.trust.policy import DEFAULT_POLICY, TrustPolicy
from models.units import DAY_US
from pipeline.assembling.assembler import Assembler
from pipeline.assembling.known_subjects import NAME as SUBJECTS
from pipeline.assembling.known_subjects import status_of_name
from pipeline.assembling.native_records import native_records
from pipeline.assembling.state.rows import NAME as ASSEMBLY
from pipeline.assembling.state.weights import MAX_BYTES
from pipeline.casework.in_force import InForce
from pipeline.clock import clock_us
from pipeline.events.unknown_members import MemberCounters
from pipeline.formats import Native, native_reader
from pipeline.identity.evidence import NAME as IDENTITY
from pipeline.identity.evidence import Evidence
from pipeline.identity.proposing import in_inventory
from pipeline.identity.resolving import Resolver
from pipeline.logs import STATE_CHANGE
from pipeline.processing.agent_cache import MODES, Agents
from pipeline.processing.batch_state import BatchState
from pipeline.processing.detector_failures import DetectorFailures
from pipeline.processing.intake import Intake, reject
from pipeline.processing.judging.agent_modes import AgentModes
from pipeline.processing.judging.anomalies import Anomalies
from pipeline.processing.judging.before import (
    RELEARNED,
    cases_of_before,
    is_of_before,
    kept_of_before,
)
from pipeline.processing.judging.cases import CaseFiles
from pipeline.processing.judging.observers import NO_OBSERVERS, Observers
from pipeline.processing.judging.quiet_run import QuietRun
from pipeline.processing.judging.reference_judge import ReferenceJudge
from pipeline.processing.judging.trust_answers import TrustAnswers
from pipeline.processing.judging.writes import Writes
from pipeline.processing.stream_types import values_of
from pipeline.publishing.catalogue import catalogue
from pipeline.publishing.rejected import FirstRejected
from pipeline.store.batch import Commit, PipelineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models.baseline.agent_state import AgentState
    from models.config import ModelConfig
    from models.detectors.detector import Detector
    from pipeline.enrichment.enricher import Enricher
    from pipeline.enrichment.inventory import Inventory
    from pipeline.formats import AnyFormat
    from pipeline.processing.batch_state import Key
    from pipeline.processing.judging.recent import Recent
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.protocol import Store

_log = logging.getLogger(__name__)
_SEEN_DAYS = 30
_PROPOSED = 500
"""Most aliases of the inventory that one commit proposes."""
_OTHERS = (ASSEMBLY, SUBJECTS, IDENTITY)
"""Beginnings of the names of state that is not the engine's."""


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
    assembly_memory
        Most bytes of the sessions whose parts are joined.
    ahead_us
        Largest accepted lead of an event over its arrival.
    publish
        Whether anomalies and trust answers are queued for a sink.
    kernel
        ``auto``, ``native`` or ``python``.
    detectors
        Registered detectors.
    observers
        Callbacks for the judgements.
    without
        Families, and parts of the content detector, that judgement leaves out.
    recent
        Keeps the latest events; None for a worker whose events nobody lists.
    assembles
        Whether the worker assembles parts itself; one of several workers gets whole events.
    clock
        Gives the wall time, until which suppressions are in force.

    Attributes
    ----------
    afresh
        Whether the next commit drops what the judge before knew
        (`pipeline.processing.judging.before`).
    """

    def __init__(
        self,
        store: Store,
        config: ModelConfig,
        wire: AnyFormat,
        enricher: Enricher,
        inventory: Inventory,
        *,
        policy: TrustPolicy = DEFAULT_POLICY,
        cache_agents: int = 1_536,
        packed_agents: int = 32_768,
        assembly_memory: int = MAX_BYTES,
        ahead_us: int = 300_000_000,
        publish: bool = True,
        explain_all: bool = False,
        kernel: str = "auto",
        detectors: Sequence[Detector] = (),
        observers: Observers = NO_OBSERVERS,
        without: frozenset[str] = frozenset(),
        recent: Recent | None = None,
        assembles: bool = True,
        clock: Callable[[], int] = clock_us,
    ) -> None:
        self.store = store
        self._recent = recent
        self._assembles = assembles
        self._clock = clock
        self._inventory = inventory
        self.config = config
        self.config_version = config.version
        self.wire = wire
        self._native = native_reader(wire) or Native()
        salt = int.from_bytes(store.secret[:4], "little")
        self._assembler = Assembler(salt, kernel, max_bytes=assembly_memory)
        self.policy = policy
        self.counters: Counter[str] = Counter()
        self.first_rejected: FirstRejected | None = None
        self.engine = Engine(
            config, store.secret, catalogue(), policy,
            explain_all=explain_all, kernel=kernel, without=without, detectors=detectors,
        )  # fmt: skip
        self._resolver = Resolver(store.aliases, self.engine.hasher)
        self._load()
        self._registered = in_inventory(inventory)
        self._intake = Intake(
            self._seen, self.engine.hasher, ahead_us, store.secret, self._resolver
        )
        self._members = MemberCounters(store.counters)
        self._agents = Agents(store, config, self.engine.profiles, cache_agents, packed_agents)
        self._agents.aliases_of = self._resolver.aliases_of
        self._evidence.has_acted = self._agents.has_acted
        self._assembler.subjects.status_of = partial(status_of_name, inventory, self._agents.modes)
        self._failures = DetectorFailures(self.engine.panel)
        trust_answers = TrustAnswers(self._agents, policy, publish=publish)
        in_force = InForce(store.audit)
        self._cases = CaseFiles(store, self.engine, in_force, policy, publish=publish)
        self._writes = Writes(store, self.engine, self._agents, in_force, policy, publish=publish)
        self._quiet: QuietRun | None = None
        observed = explain_all or observers.observer is not None
        if self.engine.kernel is not None and not (observed or without):
            infer = self._native.infer
            self._quiet = QuietRun(
                QuietLoop(self.engine, enricher.located, infer),
                self._agents, inventory, self._failures, trust_answers,
            )  # fmt: skip
        self._reference = ReferenceJudge(
            self.engine,
            AgentModes(self._agents, enricher, inventory, policy),
            self._failures,
            Anomalies(store, self.engine, publish=publish),
            self._cases,
            trust_answers,
            observers,
            self._evidence,
        )

    def _load(self) -> None:
        """Load the stored state of the engine; what the judge before knew is dropped."""
        shared = self.store.shared()
        self.afresh = is_of_before(shared)
        if self.afresh:
            _log.warning("baselines_learned_again", extra={"detail": RELEARNED, **STATE_CHANGE})
            shared = kept_of_before(shared)
        if self._assembles:
            self._assembler.load(shared)
        else:
            self._assembler.subjects.load(shared)
        self._evidence = Evidence(self.store.aliases, self._resolver, self.engine.hasher, shared)
        shared = {name: blob for name, blob in shared.items() if not name.startswith(_OTHERS)}
        self.engine.load(shared, () if self.afresh else self.store.all_sessions())

    def _seen(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the known event keys; what the judge before has seen may be learned again."""
        return {} if self.afresh else self.store.seen(keys)

    def judge(
        self,
        records: Sequence[RawRecord],
        wire: AnyFormat | None = None,
        *,
        whole: bool = False,
        spans: bool = False,
    ) -> Commit:
        """Judge records in order and give the data to write; writes nothing.

        A malformed record is rejected with its reason. With the compiled kernel installed, quiet
        events run in compiled code.

        Parameters
        ----------
        whole
            Whether nothing follows: calls without a result are judged too.
        spans
            Whether calls that wait for spans above them are judged too.
        """
        quiet = self._quiet
        self._resolver.refresh()
        batch = self._take(records, wire or self.wire, quiet, whole=whole, spans=spans)
        cases, agents = self._writes.apply(batch.out, self._clock())
        batch.cases.update(cases)
        for key in agents:
            batch.change(key, -1)
        self._agents.load(set(batch.changed))
        if self._recent is not None:
            self._recent.begin(batch)
        self.engine.agents_of = partial(self._own_agents, batch)
        self._judge_all(batch, quiet)
        self._collect(batch)
        if self._recent is not None:
            numbers = {} if quiet is None else quiet.loop.numbers()
            batch.out.recent = self._recent.of(batch, numbers, self._clock())
        self._agents.trim()
        return batch.out

    def settle(self) -> Commit | None:
        """Judge the calls that wait for spans above them, as nothing more is read."""
        return self.judge([], spans=True) if self._assembler.waits() else None

    def follow_inventory(self) -> None:
        """Read the inventory again if its file has changed; the next batch is judged by it."""
        if self._inventory.refresh(self._clock()):
            self._registered = in_inventory(self._inventory)

    def has_due(self, now_us: int) -> bool:
        """Return whether calls have waited for their results until a wall time."""
        return self._assembler.has_due(now_us)

    def _judge_all(self, batch: BatchState, quiet: QuietRun | None) -> None:
        """Judge the events of a batch in order, quiet ones in compiled code."""
        if quiet is None:
            for position in range(len(batch.events)):
                self._reference.judge(batch, position)
            return
        quiet.begin(batch)
        position = 0
        while position < len(batch.events):
            position, scored = quiet.run(batch, position)
            if position < len(batch.events):
                agent_id = self._reference.judge(batch, position, scored)
                quiet.put_again(batch, agent_id)
                position += 1

    def _own_agents(self, batch: BatchState, names: Sequence[str]) -> Iterator[AgentState]:
        """Give the agents of this worker among some; their days are closed in this batch."""
        if not names:
            return
        foreign = self._agents.shards_of_others(names)
        own = [name for name in names if name not in foreign]
        self._agents.load({(name, mode) for name in own for mode in MODES})
        for name in own:
            for agent_state in self._agents.in_all_modes(name):
                batch.change((name, agent_state.trust.mode), -1)
                yield agent_state

    def _take(
        self,
        records: Sequence[RawRecord],
        wire: AnyFormat,
        quiet: QuietRun | None,
        *,
        whole: bool,
        spans: bool,
    ) -> BatchState:
        """Decode records to new events; reject those whose agent another worker judges."""
        out, count = Commit(), Counter[str]()
        native = native_records(
            records, wire, self._assembler, partial(reject, out, count), whole=whole, spans=spans
        )
        loop = None if quiet is None else quiet.loop
        events = self._intake.take(native, self._native, out, count, loop)
        batch = BatchState(events, out, count)
        foreign, misrouted = (
            self._agents.shards_of_others(batch.agents()),
            self._agents.misrouted(batch),
        )
        if foreign or misrouted:
            self._intake.reject_misrouted(batch, foreign, misrouted)
            batch = BatchState(events, out, count)
        values = values_of(events.records)[0]
        self._assembler.subjects.learn_persons(values[at] for at in events.order)
        self._members.count(events.unknown_members(), count)
        out.newest_us = events.newest_us()
        return batch

    def _collect(self, batch: BatchState) -> None:
        """Add the changed state to the data to write."""
        out, changed = batch.out, batch.in_order(self._agents)
        self._collect_profiles(out, changed)
        out.anomalies = list(batch.anomalies.values())
        out.members = list(batch.members.values())
        out.counters = dict(batch.count) | self._assembler.counted()
        self._cases.collect(batch)
        self._collect_shared(out)

    def _collect_profiles(self, out: Commit, changed: Mapping[Key, AgentState]) -> None:
        for agent_state in changed.values():
            agent_state.trust.config_version = self.config_version
        out.profiles = [
            (key[0], key[1], self._agents.dump(agent_state), agent_state.trust)
            for key, agent_state in changed.items()
        ]

    def _collect_shared(self, out: Commit) -> None:
        """Add the state that all agents share, and the cases that closed."""
        if self.afresh:
            found = {one["case_id"]: one for one in cases_of_before(self.store)}
            out.cases = list((found | {one["case_id"]: one for one in out.cases}).values())
            out.case_agents += [(one["case_id"], one["agent_id"]) for one in found.values()]
        self._cases.close_quiet(out)
        out.sessions, out.closed_sessions = self.engine.dump_sessions()
        out.afresh, self.afresh = self.afresh, False
        rows, out.dropped = self._assembler.dump()
        out.shared = self.engine.dump(whole=out.whole or out.afresh) + rows
        out.shared += self._evidence.dump()
        out.proposed += islice(self._registered, _PROPOSED)
        self._failures.note()
        if self.watermark_us:
            out.prune_seen_before_day = self.watermark_us // DAY_US - _SEEN_DAYS

    def flush(self, *, whole: bool = False) -> Commit:
        """Give the engine's state to write, with the agents that people's writes change.

        With `whole`, shared state is written as one copy instead of its changes. The bytes then do
        not depend on the batch boundaries.
        """
        out = Commit(whole=whole)
        cases, agents = self._writes.apply(out, self._clock())
        out.cases = list(cases.values())
        self._collect_profiles(out, {key: self._agents.agent_state(key) for key in agents})
        self._collect_shared(out)
        if self._recent is not None:
            out.recent = self._recent.none(self._clock())
        return out

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

    @property
    def watermark_us(self) -> int:
        """Largest event time judged so far."""
        return self.engine.watermark_us
