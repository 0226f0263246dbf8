"""Judge single events in Python: the reference (`models.engine.Engine.judge`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from models.baseline.identity import as_known
from models.trust.ledger import AGENT_WIDE

if TYPE_CHECKING:
    from models.engine import Engine, ScoredEvent
    from models.result import Held, Result
    from pipeline.identity.evidence import Evidence
    from pipeline.processing.batch_state import BatchState
    from pipeline.processing.detector_failures import DetectorFailures
    from pipeline.processing.judging.agent_modes import AgentModes
    from pipeline.processing.judging.anomalies import Anomalies
    from pipeline.processing.judging.cases import CaseFiles
    from pipeline.processing.judging.event_in_mode import EventInMode
    from pipeline.processing.judging.observers import Observers
    from pipeline.processing.judging.trust_answers import TrustAnswers
    from pipeline.store.batch import HeldRow

_encode = msgspec.msgpack.Encoder().encode


class ReferenceJudge:
    """Judges an event in Python, and records in the batch all that follows from the judgement.

    Parameters
    ----------
    modes
        The modes of agents.
    failures
        Notes which registered detectors fail.
    anomalies, cases, trust_answers
        Take the results.
    evidence
        Proposes aliases.
    """

    def __init__(
        self,
        engine: Engine,
        modes: AgentModes,
        failures: DetectorFailures,
        anomalies: Anomalies,
        cases: CaseFiles,
        trust_answers: TrustAnswers,
        observers: Observers,
        evidence: Evidence,
    ) -> None:
        self._evidence = evidence
        self._engine = engine
        self._config_version = engine.config.version
        self._modes = modes
        self._failures = failures
        self._anomalies = anomalies
        self._cases = cases
        self._trust_answers = trust_answers
        self._observers = observers

    def judge(self, batch: BatchState, position: int, scored: ScoredEvent | None = None) -> str:
        """Judge the event at a position; give its agent.

        Parameters
        ----------
        scored
            The event where it is already scored.
        """
        agent_id = ""
        for step in self._modes.events(batch, position):
            agent_id = step.event.agent.id
            result = self._judge_in_mode(batch, step, scored)
            if result.identified and step.event.kind == "action":
                self._modes.share_identity(batch, step)
        return agent_id

    def _judge_in_mode(
        self, batch: BatchState, step: EventInMode, scored: ScoredEvent | None
    ) -> Result:
        agent_state = step.agent_state
        begins = agent_state.trust.events == 0
        if scored is not None:
            result = self._engine.conclude(step.event, agent_state, scored)
        else:
            result = self._engine.judge(
                step.event,
                step.origin,
                agent_state,
                declared=step.declared,
                time_us=step.time_us,
                conflict=batch.events.order[step.position] in batch.events.conflicts,
            )
        if begins or result.anomaly is not None:
            batch.out.proposed += self._evidence.proposals(step.event)
        self._failures.note(batch.count)
        step = step._replace(event=as_known(step.event, agent_state.trust))
        agent_state.trust.config_version = self._config_version
        batch.count["events"] += step.in_first_mode
        if result.held is not None:
            batch.out.held.append(_held_row(result.held))
        if result.anomaly is not None:
            self._report_anomaly(batch, step, result)
        if result.case_id is not None:
            self._cases.add(batch, step, result)
        self._update_trust(batch, step, result)
        if step.position >= batch.kept_from and step.in_first_mode:
            batch.results[step.position] = result
        if self._observers.observer is not None and step.in_first_mode:
            self._observers.observer(step.record, step.event, result, agent_state)
        return result

    def _report_anomaly(self, batch: BatchState, step: EventInMode, result: Result) -> None:
        """Add an anomaly to the batch; the reviewer gets those of a trusted history."""
        if not self._engine.trusted_history:
            self._anomalies.add(batch, step, result)
        elif self._observers.reviewer is not None and step.in_first_mode:
            self._observers.reviewer(step.record, step.event, result, step.agent_state)

    def _update_trust(self, batch: BatchState, step: EventInMode, result: Result) -> None:
        """Apply identity evidence to all modes; publish trust that changed."""
        moved = result.trust_changed
        if result.facet == AGENT_WIDE and not self._engine.trusted_history:
            moved |= self._modes.apply_identity_evidence(batch, step)
        if moved:
            self._trust_answers.make(batch, step.agent_state, result.time_us, step.record.where)


def _held_row(held: Held) -> HeldRow:
    return (
        held.event_id,
        held.agent_id,
        held.mode,
        held.time_us,
        _encode((held.case_id, held.marks)),
    )
