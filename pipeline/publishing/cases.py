"""Make cases: one story each, bounded, with the signals that it is made of (`agent.cases`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.alerting.cases import CERTAIN
from models.event import rfc3339
from models.features.families import FAMILIES
from models.trust.disposition import case_of
from models.trust.ledger import Ledger
from models.trust.opinion import opinion
from models.trust.policy import SEVERITIES
from pipeline.processing.stream_types import Message
from pipeline.publishing.catalogue import catalogue, title_of
from pipeline.publishing.findings import findings_of, with_findings
from pipeline.publishing.outputs import reason_object

if TYPE_CHECKING:
    from models.alerting.case import Case
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Reason, Result
    from models.trust.policy import TrustPolicy

CASES = "agent.cases"
MAX_EVENTS = MAX_SESSIONS = MAX_TRACES = MAX_AGENTS = MAX_ROLES = 20
"""Most entries of each list of a case; the newest stay, of agents and roles the first."""
MAX_SIGNALS = 8
MAX_REASONS = 5
_LONGEST_TITLE = 160
_FACTS = frozenset(FAMILIES[name].anomaly for name in CERTAIN)


def case_object(
    a: Result,
    event: Event,
    agent_state: AgentState,
    case: Case,
    known: dict[str, Any] | None,
    policy: TrustPolicy,
    config_version: str,
) -> dict[str, Any]:
    """Add an event to a case, or begin the case.

    Parameters
    ----------
    case
        The case as the judge has it, this event included.
    known
        The case before this event; None for a new one.
    """
    out = _begun(a, agent_state, case) if known is None else dict(known)
    if a.severity is not None:
        out["severity"] = max(out["severity"], a.severity, key=SEVERITIES.index)
    if a.return_period_days is not None:
        highest = max(out["return_period_days"] or 0.0, a.return_period_days)
        out["return_period_days"] = _significant(highest)
    if a.anomaly is not None:
        for signal in _signals(a):
            out["signals"] = _with_signal(out["signals"], signal)
        out["title"] = _title(out["signals"][0])
        lead = out["signals"][0]["anomaly"]
        out["findings"] = with_findings(findings_of(out), a.findings, lead)
    out["trust"] = _trust(out, a, agent_state, policy)
    role = agent_state.trust.role or ""
    if role not in out["roles"]:
        out["roles"] = [*out["roles"], role][:MAX_ROLES]
    ids = _newest(out["events"]["ids"], a.event_id, MAX_EVENTS)
    return out | {
        "version": max(case.version, 1),
        "opened": rfc3339(case.first_us),
        "last": rfc3339(case.last_us),
        "events": {"count": case.events, "ids": ids},
        "sessions": _newest(out["sessions"], event.session, MAX_SESSIONS),
        "traces": _newest(out["traces"], event.trace_id, MAX_TRACES),
        "config_version": config_version,
    }


def case_of_anomaly(anomaly: dict[str, Any]) -> dict[str, Any]:
    """Give the case of an open anomaly that a judge without cases has raised."""
    agent_id, mode = anomaly["agent_id"], anomaly.get("mode") or "unknown"
    reasons = anomaly.get("reasons") or []
    signal = {
        "detector": "",
        "anomaly": anomaly["anomaly"],
        "subject": reasons[0]["observed"] if reasons else "",
        "bits": reasons[0]["bits"] if reasons else 0.0,
        "return_period_days": None,
        "tags": anomaly.get("tags") or {},
        "reasons": reasons[:MAX_REASONS],
    }
    ids = [one["id"] for one in anomaly["events"]]
    return _new(case_of(anomaly["id"]), agent_id, mode, "", anomaly.get("owner")) | {
        "opened": anomaly.get("first_time") or anomaly["time"],
        "last": anomaly["time"],
        "severity": anomaly["severity"],
        "title": _title(signal),
        "signals": [signal],
        "findings": findings_of({"signals": [signal]}),
        "events": {"count": anomaly.get("count", len(ids)), "ids": ids[-MAX_EVENTS:]},
        "sessions": _newest([], anomaly.get("session"), MAX_SESSIONS),
        "trust": anomaly.get("trust") or {"before": None, "after": None},
        "config_version": anomaly.get("config_version") or "",
    }


def with_agents_of(known: dict[str, Any], case: Case) -> dict[str, Any]:
    """Add the agents of a case: their number, the ids of the first ones, and their modes."""
    owners = [owner.partition("\x1f") for owner in case.agents]
    agents = list(dict.fromkeys(agent for agent, _, _ in owners))
    return known | {
        "agents": agents[:MAX_AGENTS],
        "agent_count": max(len(agents), 1),
        "modes": sorted({mode for _, _, mode in owners}) or known["modes"],
    }


def closed_case(known: dict[str, Any]) -> dict[str, Any]:
    """Give the last version of a case that has closed by itself."""
    return known | {"version": known["version"] + 1, "change": "closed", "status": "closed"}


def case_message(case: dict[str, Any]) -> Message:
    """Give the message of a case; equal versions have equal ids."""
    name = f"{case['case_id']}:{case['version']}"
    return Message(CASES, case["agent_id"].encode(), name, msgspec.json.encode(case))


def _begun(a: Result, agent_state: AgentState, case: Case) -> dict[str, Any]:
    trust = agent_state.trust
    lead = FAMILIES.get(a.lead or "")
    begun = _new(case.case_id, case.agent_id, case.mode, trust.role, trust.owner)
    return begun if lead is None else begun | {"title": lead.title}


def _new(
    case_id: str, agent_id: str, mode: str, role: str | None, owner: str | None
) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "version": 1,
        "change": "opened",
        "status": "open",
        "agent_id": agent_id,
        "agents": [agent_id],
        "agent_count": 1,
        "mode": mode,
        "modes": [mode],
        "role": role,
        "roles": [],
        "owner": owner,
        "opened": "",
        "last": "",
        "severity": "low",
        "return_period_days": None,
        "title": "Unusual behaviour",
        "signals": [],
        "findings": [],
        "events": {"count": 0, "ids": []},
        "sessions": [],
        "traces": [],
        "trust": {"before": None, "after": None},
        "disposition": None,
        "decision": None,
        "assignee": None,
        "comments": 0,
        "suppressed_by": None,
        "config_version": "",
    }


def _signals(a: Result) -> list[dict[str, Any]]:
    """Give the signals of an event: that of the lead, and one of each further fact."""
    lead = _signal(a, a.lead or "", a.anomaly or "", a.tags, a.reasons)
    return [lead] + [
        _signal(a, one.detector, one.anomaly, one.tags, [one.reason])
        for one in a.findings
        if one.detector in a.facts and one.anomaly != a.anomaly
    ]


def _signal(
    a: Result, detector: str, anomaly: str, tags: dict[str, list[str]], reasons: list[Reason]
) -> dict[str, Any]:
    first = reasons[0] if reasons else None
    return {
        "detector": detector,
        "anomaly": anomaly,
        "subject": "" if first is None else first.observed,
        "bits": 0.0 if first is None else round(first.bits, 2),
        "return_period_days": _significant(a.return_period_days),
        "tags": tags,
        "reasons": [reason_object(reason) for reason in reasons[:MAX_REASONS]],
    }


def _with_signal(signals: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Add a signal; of one detector and type, the rarest stays, and of equally rare ones the first.

    >>> first = {"detector": "a", "anomaly": "x", "bits": 1.0, "return_period_days": None}
    >>> signals = _with_signal([first], first | {"detector": "b"})
    >>> [one["detector"] for one in _with_signal(signals, first | {"subject": "again"})]
    ['a', 'b']
    """
    found = {(one["detector"], one["anomaly"]): one for one in signals}
    key = new["detector"], new["anomaly"]
    if key not in found or _rarity(new) > _rarity(found[key]):
        found[key] = new
    return _bounded(sorted(found.values(), key=_rarity, reverse=True))


def _bounded(signals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the most common signals beyond the bound; the first one and facts stay."""
    common = [one for one in signals[1:] if one["anomaly"] not in _FACTS]
    left_out = common[max(0, len(common) - max(0, len(signals) - MAX_SIGNALS)) :]
    return [one for one in signals if one not in left_out][:MAX_SIGNALS]


def _rarity(signal: dict[str, Any]) -> tuple[float, int, float]:
    """Give the order of signals; bits of detectors do not compare, so the graver type comes first.

    >>> fact = {"return_period_days": None, "bits": 12.0}
    >>> kinds = "config.change", "secret.leak"
    >>> change, leak = (_rarity(fact | {"anomaly": kind}) for kind in kinds)
    >>> leak > change
    True
    """
    kind = catalogue().get(signal["anomaly"])
    gravity = SEVERITIES.index(kind.severity) if kind is not None else 0
    return signal["return_period_days"] or 0.0, gravity, signal["bits"]


def _title(signal: dict[str, Any]) -> str:
    title = title_of(signal["anomaly"])
    text = f"{title}: {signal['subject']}" if signal["subject"] else title
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _trust(
    out: dict[str, Any], a: Result, agent_state: AgentState, policy: TrustPolicy
) -> dict[str, Any]:
    """Give the trust of the first agent before the case, and after its latest evidence."""
    trust: dict[str, Any] = out["trust"]
    if a.anomaly is None or (a.agent_id, a.mode) != (out["agent_id"], out["mode"]):
        return trust
    ledger, at_us = agent_state.ledger(policy), agent_state.profile.last_us
    before = trust["before"]
    if before is None:
        items = {key: item for key, item in ledger.items.items() if key != a.key}
        before = _score(Ledger(ledger.days, items), at_us, policy)
    return {"before": before, "after": _score(ledger, at_us, policy)}


def _score(ledger: Ledger, at_us: int, policy: TrustPolicy) -> dict[str, int]:
    found = opinion(ledger, at_us, policy)
    return {"score": round(found.score), "lower": int(found.lower)}


def _newest(kept: list[str], name: str | None, most: int) -> list[str]:
    """Give the newest names, each once.

    >>> _newest(["a", "b"], "a", 2), _newest(["a", "b"], "c", 2), _newest(["a"], None, 2)
    (['b', 'a'], ['b', 'c'], ['a'])
    """
    if not name:
        return kept
    return [*(one for one in kept if one != name), name][-most:]


def _significant(days: float | None) -> float | None:
    return None if days is None else float(f"{days:.4g}")
