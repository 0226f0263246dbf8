"""Microsoft Entra ID Protection: risk detections about agents, and agents at risk.

Both are security events: the agent did nothing, but somebody says that it may be compromised. A
record comes again whenever its state changes, and each state is an event of its own. Sources: the
Graph beta reference of ``agentRiskDetection``, ``riskyAgent`` and ``riskyServicePrincipal``, and
the table AADRiskyAgents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_text, instant_us, whole
from pipeline.formats.members import text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from pipeline.formats.identity.security_events import Effect
    from pipeline.formats.part import Part

_AGENTS = ("identityid", "agentid", "serviceprincipalid")
_SAFE = {"confirmedsafe", "dismissed", "remediated", "none"}
_COMPROMISED = "confirmedcompromised"
_CONFIRMED = "adminconfirmedagentcompromised"
_SERIOUS = {"high"}
_SLIGHT = {"low", "none", "hidden"}
_CHANGED = (
    "risklastmodifieddatetime", "risklastupdateddatetime", "lastmodifieddatetime",
    "lastupdateddatetime",
)  # fmt: skip


def is_risk(record: dict[str, Any]) -> bool:
    """Return whether a record, with names in lower case, is about risk and no sign-in.

    >>> is_risk({"riskeventtype": "signInSpike"}), is_risk({"riskstate": "none", "userid": "u"})
    (True, False)
    """
    if text(record.get("riskeventtype")):
        return True
    # A user at risk has none of these; a sign-in has a state of risk, too.
    return text(record.get("riskstate")) is not None and any(
        text(record.get(name)) for name in ("identitytype", "serviceprincipaltype")
    )


def risk_part(record: dict[str, Any]) -> Part | None:
    """Give the event of a record; None if it names no agent.

    >>> part = risk_part({"id": "r", "identityid": "a", "riskeventtype": "signInSpike",
    ...                   "risklevel": "high", "riskstate": "dismissed"})
    >>> part.event["kind"], part.event["attributes"]["effect"]
    ('security_event', 'none')
    """
    found = text(record.get("riskeventtype"))
    agent = next((one for name in _AGENTS if (one := text(record.get(name)))), None)
    if agent is None and found is None:
        agent = text(record.get("id"))  # an agent at risk has its own id
    if agent is None:
        return None
    state, level = _word(record, "riskstate"), _word(record, "risklevel")
    changed = next((at for name in _CHANGED if (at := instant_us(record.get(name)))), 0)
    detected = instant_us(record.get("detecteddatetime"))
    acted = instant_us(record.get("activitydatetime"))
    said = " ".join(one for one in (found or "agent", text(record.get("riskstate"))) if one)
    event: dict[str, Any] = {
        "agent": {"id": agent},
        "kind": "security_event",
        "tool": "entra:risk_detection" if found else "entra:risky_agent",
        "operation": "admin",
        "attributes": {
            "security_event": said,
            "effect": _effect(state, level, found or "", _word(record, "riskdetail")),
            "outside_evidence": True,
            "risk_event_type": found,
            "risk_level": text(record.get("risklevel")),
            "risk_state": text(record.get("riskstate")),
            "risk_detail": text(record.get("riskdetail")),
            "risk_evidence": text(record.get("riskevidence")),
            "detection_timing": text(record.get("detectiontimingtype")),
            "activity_at": instant_text(acted),
            "blueprint": text(record.get("blueprintid")),
            "identity_type": text(record.get("identitytype")),
            "agent_name": text(record.get("displayname")) or text(record.get("agentdisplayname")),
        },
    }
    named = text(record.get("id")) or digest(repr(event))
    marks = [named, state, level, changed if not found else 0]
    # Of a detection, only the first state is as old as the detection.
    fresh = state in ("", "atrisk")
    at_us = (detected if fresh else 0) or changed or detected or acted
    return whole(f"entra-risk-{digest(repr(marks))}", at_us, event)


def _effect(state: str, level: str, found: str, detail: str) -> Effect:
    """Give what a record means for trust.

    >>> _effect("atrisk", "medium", "signInSpike", ""), _effect("dismissed", "high", "x", "")
    ('changed', 'none')
    >>> _effect("confirmedcompromised", "", "", ""), _effect("atrisk", "low", "x", "")
    ('revoked', 'none')
    """
    if state in _SAFE:
        return "none"
    if state == _COMPROMISED or _CONFIRMED in (found.lower(), detail) or level in _SERIOUS:
        return "revoked"
    return "none" if level in _SLIGHT else "changed"


def _word(record: dict[str, Any], name: str) -> str:
    return (text(record.get(name)) or "").lower()
