"""Add judged events to anomalies, and queue the anomalies to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.processing.shadow_findings import (
    GROUPED,
    SHADOW,
    ShadowFindings,
    should_publish,
    with_agents,
)
from pipeline.publishing.outputs import anomaly_message, anomaly_object

if TYPE_CHECKING:
    from models.engine import Engine
    from models.result import Result
    from pipeline.processing.batch_state import BatchState
    from pipeline.processing.judging.event_in_mode import EventInMode
    from pipeline.store.protocol import Store


class Anomalies:
    """Begins anomalies and continues those of the store.

    Parameters
    ----------
    store
        Holds the anomalies of earlier batches.
    engine
        Names anomalies, and knows their types.
    publish
        Whether anomalies are queued for a sink.
    """

    def __init__(self, store: Store, engine: Engine, *, publish: bool) -> None:
        self._store = store
        self._engine = engine
        self._config_version = engine.config.version
        self._publish = publish
        self._shadows = ShadowFindings(store, engine.anomaly_id)

    def add(self, batch: BatchState, step: EventInMode, result: Result) -> None:
        """Add an event to its anomaly; that of an unknown agent joins a finding of many agents."""
        name, place = self._engine.anomaly_id(result.key), None
        if step.agent_state.trust.registered is False and result.anomaly in GROUPED:
            place = self._shadows.place(
                result, step.event, step.origin, batch.members,
                conflict=batch.events.order[step.position] in batch.events.conflicts,
            )  # fmt: skip
            name = place.finding
        known = batch.anomalies.get(name) or self._store.anomaly(name)
        anomaly = anomaly_object(
            result, step.event, step.agent_state, known, name, step.record.where,
            self._config_version,
        )  # fmt: skip
        if place is not None:
            kind = self._engine.filing.kinds[SHADOW]
            anomaly = with_agents(anomaly, known, result.agent_id, place, kind)
        batch.anomalies[name] = anomaly
        if known is None:
            batch.count[f"anomalies_{anomaly['anomaly']}_{result.severity}"] += 1
        if self._publish and should_publish(anomaly, known):
            batch.out.outbox.append(anomaly_message(anomaly))
