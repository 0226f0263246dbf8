"""Add judged events to cases, close quiet ones, and queue their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.publishing.cases import case_message, case_object, closed_case, with_agents_of

if TYPE_CHECKING:
    from models.engine import Engine
    from models.result import Result
    from models.trust.policy import TrustPolicy
    from pipeline.casework.in_force import InForce
    from pipeline.processing.batch_state import BatchState
    from pipeline.processing.judging.event_in_mode import EventInMode
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store


class CaseFiles:
    """Writes down the cases of the judge.

    Parameters
    ----------
    store
        Holds the cases of earlier batches.
    engine
        Files events into cases.
    in_force
        The suppressions.
    publish
        Whether messages are queued for a sink.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        in_force: InForce,
        policy: TrustPolicy,
        *,
        publish: bool,
    ) -> None:
        self._store = store
        self._engine = engine
        self._in_force = in_force
        self._policy = policy
        self._config_version = engine.config.version
        self._publish = publish

    def add(self, batch: BatchState, step: EventInMode, result: Result) -> None:
        """Add an event to its case; queue the message that the event is worth.

        A case that leaves the scope of its suppression, or returns to the queue, is a message too.
        """
        name = result.case_id or ""
        case = self._engine.cases.get(name)
        if case is None:
            return
        known = batch.cases.get(name) or self._store.case(name)
        made = case_object(
            result, step.event, step.agent_state, case, known, self._policy, self._config_version
        )
        batch.case_agents[name, result.agent_id] = None
        hidden = known is not None and known["status"] == "suppressed"
        if result.change is not None:
            batch.count[f"cases_{result.change}"] += 1
            made |= {"change": result.change, "status": "open"}
        if result.change is not None or hidden:
            made = self._in_force.settled(with_agents_of(made, case), known)
            if made["status"] == "suppressed":
                self._hide(batch, made, new=known is None)
            else:
                self._queue(batch.out, made)
        batch.cases[name] = made

    def _hide(self, batch: BatchState, case: dict[str, Any], *, new: bool) -> None:
        batch.count["cases_suppressed"] += new
        batch.out.suppressed.append((case["suppressed_by"], case["case_id"]))

    def collect(self, batch: BatchState) -> None:
        """Add the cases of a batch to the data to write."""
        for name, known in batch.cases.items():
            case = self._engine.cases.get(name)
            batch.out.cases.append(known if case is None else with_agents_of(known, case))
        batch.out.case_agents = list(batch.case_agents)

    def close_quiet(self, out: Commit) -> None:
        """Close the cases that have been quiet for long enough."""
        written: dict[str, dict[str, Any]] = {one["case_id"]: one for one in out.cases}
        for case in self._engine.quiet_cases():
            known = written.get(case.case_id) or self._store.case(case.case_id)
            if known is None or known["status"] == "closed":
                continue
            closed = closed_case(with_agents_of(known, case))
            written[case.case_id] = closed
            out.counters["cases_closed"] = out.counters.get("cases_closed", 0) + 1
            if closed["suppressed_by"] is None:
                self._queue(out, closed)
        out.cases = list(written.values())

    def _queue(self, out: Commit, case: dict[str, Any]) -> None:
        if self._publish:
            out.outbox.append(case_message(case))
