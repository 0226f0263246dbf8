"""Microsoft Agent Governance Toolkit: audit lines, audit entries, CloudEvents, plugin chains.

Most loggers give a hash of the arguments alone. Changes of trust scores and handshakes give no
part. Source: the toolkit's audit loggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_us, whole
from pipeline.formats.json_records import parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_PREFIXES = ("ai.agentmesh.", "ai.agentos.")
_NO_ACTIONS = {
    "trust_handshake", "trust_score_updated", "agent_registered", "agent_verified",
    "audit_integrity", "audit_integrity_verified", "policy_evaluation",
}  # fmt: skip
_OUTCOMES = {
    "success": "ok", "ok": "ok", "allow": "ok", "allowed": "ok", "permit": "ok",
    "failure": "error", "error": "error", "failed": "error",
    "denied": "denied", "deny": "denied", "blocked": "denied", "block": "denied",
    "violation": "denied",
}  # fmt: skip
_DENIED_KINDS = ("blocked", "violation", "denied")


class AgentGovernance:
    """Reader of the toolkit's audit records.

    Examples
    --------
    >>> line = (
    ...     b'{"timestamp":"2026-01-05T08:00:00Z","event_type":"tool_call","agent_id":"mail-bot",'
    ...     b'"action":"send_mail","decision":"deny","reason":"no approval","latency_ms":2}'
    ... )
    >>> (part,) = AgentGovernance().decode(line)
    >>> part.event["tool"], part.event["outcome"]
    ('send_mail', 'denied')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each entry."""
        return parts_in(value, _parts, ("entries", "events"))


def _parts(record: dict[str, Any]) -> Iterator[Part]:
    entry = _entry(record)
    kind = text(entry.get("event_type")) or ""
    agent = next((name for key in _AGENTS if (name := text(entry.get(key)))), None)
    tool = next((name for key in _TOOLS if (name := text(entry.get(key)))), None)
    outcome = _outcome(entry, kind)
    if agent is None or tool is None or (kind in _NO_ACTIONS and outcome != "denied"):
        return
    started, ended = instant_us(entry.get("issued_at")), instant_us(entry.get("completed_at"))
    at_us = instant_us(entry.get("timestamp")) or started
    latency = number(entry.get("latency_ms"))
    if latency is None and ended >= started > 0:
        latency = (ended - started) / 1000
    event: dict[str, Any] = {
        "agent": {"id": agent, "instance": text(entry.get("sandbox_id"))},
        "session": text(entry.get("session_id")),
        "trace_id": text(entry.get("trace_id")),
        "tool": tool,
        "arguments": inner(entry.get("arguments")),
        "resource": {"id": text(entry.get("resource")) or text(entry.get("target_did"))},
        "outcome": outcome,
        "duration_ms": latency,
        "attributes": {
            "event_type": kind or None,
            "decision": text(entry.get("decision")) or text(entry.get("policy_decision")),
            "reason": text(entry.get("reason")),
            "rule": text(entry.get("matched_rule")),
            "policy_version": text(entry.get("policy_version")),
            "approver": text(entry.get("approver_did")),
            "target": text(entry.get("target_did")),
            "arguments_sha256": text(entry.get("arguments_hash")),
        },
    }
    named = (text(entry.get(key)) for key in ("entry_id", "id", "entry_hash", "hash"))
    call = next(filter(None, named), None) or digest(repr(sorted(map(repr, entry.items()))))
    yield whole(call, at_us, event)


_AGENTS = ("agent_did", "agent_id", "agentId", "agent", "subject", "source")
_TOOLS = ("tool", "tool_name", "action")


def _entry(record: dict[str, Any]) -> dict[str, Any]:
    """Give an audit entry; a CloudEvent has it in its data."""
    if "specversion" not in record:
        return inner(record.get("metadata")) | record
    kind = text(record.get("type")) or ""
    for prefix in _PREFIXES:
        kind = kind.removeprefix(prefix)
    around = {
        "id": record.get("id"),
        "timestamp": record.get("time"),
        "event_type": kind.replace(".", "_"),
        "subject": record.get("subject"),
        "source": record.get("source"),
        "trace_id": next(iter((text(record.get("traceparent")) or "").split("-")[1:2]), None),
    }
    return around | inner(record.get("data")) | {"event_type": around["event_type"]}


def _outcome(entry: dict[str, Any], kind: str) -> str | None:
    if any(word in kind for word in _DENIED_KINDS):
        return "denied"
    said = [entry.get(key) for key in ("decision", "policy_decision", "outcome")]
    found = [_OUTCOMES.get(one.lower()) for one in said if isinstance(one, str)]
    for word in ("denied", "error", "ok"):
        if word in found:
            return word
    return None
