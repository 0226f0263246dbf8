"""An anomaly of several events is told by its rarest one, whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.event import Agent, Event
from models.result import Reason, Result
from models.trust.state import TrustState
from pipeline.publishing.outputs import anomaly_object

RARE = ("resource.new", "data", 7.0)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
COMMON = ("auth.failure_burst", "tools", 2.0)


def told(*events: tuple[str, str, float]) -> dict[str, Any]:
    known: dict[str, Any] | None = None
    state = AgentState(Profile("a", "unknown"), TrustState(agent_id="a", mode="unknown"))
    for number, (anomaly, facet, rank) in enumerate(events):
        name = f"e-{number}"
        result = Result(name, "a", "unknown", "s", number, s_sum=0.0, s_max=0.0)
        result.rank, result.anomaly, result.facet, result.severity = rank, anomaly, facet, "low"
        result.tags = {"owasp": [anomaly], "maestro": [], "attack": [], "atlas": []}
        result.reasons = [Reason(anomaly, rank, anomaly, [], f"{anomaly}.")]
        event = Event(id=name, time=NINE, agent=Agent(id="a"), tool="crm.read", kind="action")
        known = anomaly_object(result, event, state, known, "an-1", f"f:{number}", "c")
    assert known is not None
    return known


@pytest.mark.parametrize("order", [(RARE, COMMON), (COMMON, RARE)])
def test_type_facet_tags_and_reasons_are_those_of_the_rarest_event(order) -> None:
    found = told(*order)
    assert (found["anomaly"], found["facet"]) == RARE[:2]
    assert found["tags"]["owasp"] == [RARE[0]]
    assert [one["feature"] for one in found["reasons"]] == [RARE[0]]
    assert (found["count"], len(found["events"])) == (2, 2)
