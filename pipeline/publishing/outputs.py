"""Make output: messages of anomalies and trust answers, and lines of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.event import rfc3339
from models.trust.levels import advance
from models.trust.opinion import opinion
from models.trust.response import encode
from pipeline.processing.stream_types import Message
from pipeline.publishing.findings import with_findings

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Reason, Result
    from models.trust.policy import TrustPolicy
    from models.trust.response import Answer

ANOMALIES = "agent.anomalies"
TRUST = "agent.trust"
_MAX_EVENTS = 20
_MAX_REASONS = 5


def reason_object(reason: Reason) -> dict[str, Any]:
    """Give the published form of a reason."""
    return {
        "feature": reason.feature,
        "bits": round(reason.bits, 2),
        "observed": reason.observed,
        "expected": [[name, round(p, 4)] for name, p in reason.expected],
        "why": reason.why,
    }


def replay_line(a: Result, agent_state: AgentState, policy: TrustPolicy) -> dict[str, Any]:
    """Give the line of `habitus replay` for one judgement (contracts.md 3)."""
    trust = agent_state.trust
    now = opinion(agent_state.ledger(policy), a.time_us, policy)
    level = advance(trust.level_state, now.lower, a.time_us, policy).level
    event = {
        "event_id": a.event_id,
        "agent_id": a.agent_id,
        "mode": a.mode,
        "session": a.session or None,
        "time": rfc3339(a.time_us),
    }
    said = {
        "score": round(now.score),
        "lower": int(now.lower),
        "level": level,
        "state": trust.state,
    }
    return event | assessment_object(a) | {"trust": said}


def assessment_object(a: Result) -> dict[str, Any]:
    """Give the numbers, the case and the reasons of one judgement."""
    return {
        "rank": round(a.rank, 4),
        "return_period_days": _significant(a.return_period_days),
        "case_id": a.case_id,
        "s_sum": round(a.s_sum, 3),
        "s_max": round(a.s_max, 3),
        "p": _significant(a.p),
        "p_pool": a.p_pool,
        "p_n": a.p_n,
        "session_p": _significant(a.session_p),
        "alert": a.alert,
        "severity": a.severity,
        "anomaly": a.anomaly,
        "types": list(dict.fromkeys(one.anomaly for one in a.findings)),
        "learned": a.learned,
        "reasons": [reason_object(reason) for reason in a.reasons],
        "tags": a.tags or {"owasp": [], "maestro": [], "attack": [], "atlas": []},
    }


def anomaly_object(
    a: Result,
    event: Event,
    agent_state: AgentState,
    known: dict[str, Any] | None,
    anomaly_id: str,
    where: str,
    config_version: str,
) -> dict[str, Any]:
    """Add an event to an anomaly, or begin one; alerts with one cause are one anomaly."""
    worse = known is None or a.rank > known["rank"]
    base: dict[str, Any] = {} if known is None else dict(known)
    if worse:
        base |= {
            "session": a.session or None,
            "event_id": a.event_id,
            "tool": event.tool,
            "anomaly": a.anomaly,
            "facet": a.facet,
            "tags": a.tags,
            "severity": a.severity,
            "p": _significant(a.p),
            "p_pool": a.p_pool,
            "p_n": a.p_n,
            "session_p": _significant(a.session_p),
            "rank": round(a.rank, 3),
            "bits": {"sum": round(a.s_sum, 3), "max": round(a.s_max, 3)},
            "reasons": [reason_object(reason) for reason in a.reasons[:_MAX_REASONS]],
            "snapshot": a.snapshot,
            "config_version": config_version,
        }
    events = ([] if known is None else known["events"]) + [{"id": a.event_id, "position": where}]
    first_before = known["trust"]["before"] if known is not None else None
    return base | {
        "findings": with_findings(base.get("findings", []), a.findings, base["anomaly"]),
        "id": anomaly_id,
        "version": 1 if known is None else known["version"] + 1,
        "agent_id": a.agent_id,
        "mode": a.mode,
        "owner": agent_state.trust.owner,
        "time": rfc3339(a.time_us),
        "first_time": rfc3339(a.time_us) if known is None else known["first_time"],
        "key": a.key,
        "case_id": a.case_id,
        "count": 1 if known is None else known["count"] + 1,
        "events": events[-_MAX_EVENTS:],
        "position": where,
        "status": "open" if known is None else known["status"],
        "trust": {
            "before": _rounded(a.trust_before) if first_before is None else first_before,
            "after": _rounded(a.trust_after),
        },
    }


def anomaly_message(anomaly: dict[str, Any]) -> Message:
    """Give the message of an anomaly; equal versions have equal ids."""
    name = f"{anomaly['id']}:{anomaly['version']}"
    value = msgspec.json.encode(anomaly)
    return Message(ANOMALIES, anomaly["agent_id"].encode(), name, value)


def answer_message(answer: Answer, where: str) -> Message:
    """Give the message of a trust answer, computed as of its event."""
    key = answer.agent_id.encode()
    return Message(TRUST, key, f"trust:{answer.agent_id}:{where}", encode(answer))


def _significant(p: float | None) -> float | None:
    return None if p is None else float(f"{p:.4g}")


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 1)
