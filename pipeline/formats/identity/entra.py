"""Microsoft Entra: sign-ins of agents, and risk detections about them.

Sign-ins come from Microsoft Graph, from Log Analytics, or from a diagnostic setting. A risk
detection is evidence from outside: an event of the agent with the tool ``entra:risk_detection``.
Sources: the Graph beta reference of ``signIn``, ``agentSignIn`` and ``agentRiskDetection``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_text, instant_us, ip_of, whole
from pipeline.formats.json_records import object_in, objects_of
from pipeline.formats.members import number, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_NOT_AGENTIC = {"notagentic", ""}
_SERVICE_PRINCIPALS = {"serviceprincipal", "managedidentity"}
_AGENT_USER = "agentiduser"


class Entra:
    r"""Reader of Entra sign-ins and agent risk detections.

    Examples
    --------
    >>> line = (
    ...     b'{"Id":"s1","CreatedDateTime":"2026-01-05T08:00:00Z","ServicePrincipalId":"sp-1",'
    ...     b'"ResultType":"0","Type":"AADServicePrincipalSignInLogs","Agent":'
    ...     b'"{\\"agentType\\":\\"agenticAppInstance\\",'
    ...     b'\\"agentSubjectType\\":\\"notAgentic\\"}"}'
    ... )
    >>> (part,) = Entra().decode(line)
    >>> part.event["agent"]["id"], part.event["mode"], part.event["outcome"]
    ('sp-1', 'autonomous', 'ok')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each record."""
        parts: list[Part] = []
        for one in objects_of(value, ("value", "records", "Records")):
            record = _lower(one) | _lower(object_in(one.get("properties")))
            about = record.get("riskeventtype")
            parts += _detection(record) if text(about) else _sign_in(record)
        return parts


def _lower(record: dict[str, Any]) -> dict[str, Any]:
    """Give the members without case: Graph and Log Analytics differ in it alone."""
    return {key.lower(): one for key, one in record.items()}


def _sign_in(record: dict[str, Any]) -> Iterator[Part]:
    agent = _lower(object_in(record.get("agent")))
    kind, subject = _word(agent, "agenttype"), _word(agent, "agentsubjecttype")
    principal, user = text(record.get("serviceprincipalid")), text(record.get("userid"))
    agentic = kind not in _NOT_AGENTIC or subject not in _NOT_AGENTIC
    signed_in = text(record.get("createddatetime")) or text(record.get("timegenerated"))
    if signed_in is None or (principal is None and not agentic):
        return
    at_us = instant_us(signed_in)
    token, code = text(record.get("uniquetokenidentifier")), _code(record)
    delegated = user is not None or subject == _AGENT_USER
    alone = not delegated and (_is_of_principal(record) or subject in {"notagentic"})
    event: dict[str, Any] = {
        "agent": {
            "id": principal or text(record.get("appid")),
            "instance": digest(token) if token else None,
        },
        "human": {"id": user},
        "mode": "delegated" if delegated else "autonomous" if alone else None,
        "session": text(record.get("sessionid")),
        "trace_id": text(record.get("correlationid")),
        "tool": "entra:sign_in",
        "resource": {
            "id": text(record.get("resourceid"))
            or text(record.get("resourceidentity"))
            or text(record.get("resourcedisplayname")),
            "type": "application",
        },
        "network": {
            "source_ip": ip_of(record.get("ipaddress")),
            "asn": _whole(record.get("autonomoussystemnumber")),
            "country": _country(record),
        },
        "outcome": None if code is None else "ok" if code == 0 else "denied",
        "credential": {"id": digest(token) if token else None, "issued_at": instant_text(at_us)},
        "attributes": _attributes(record, agent) | {"error_code": code or None},
    }
    if event["agent"]["id"]:
        call = text(record.get("id")) or digest(repr(sorted(map(repr, record.items()))))
        yield whole(call, at_us, event)


def _attributes(record: dict[str, Any], agent: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent_name": text(record.get("serviceprincipalname")),
        "agent_type": text(agent.get("agenttype")),
        "agent_subject_type": text(agent.get("agentsubjecttype")),
        "agent_subject_parent": text(agent.get("agentsubjectparentid")),
        "blueprint": text(agent.get("parentappid")),
        "client_credential_type": text(record.get("clientcredentialtype")),
        "incoming_token_type": text(record.get("incomingtokentype")),
        "conditional_access": text(record.get("conditionalaccessstatus")),
        "resource_name": text(record.get("resourcedisplayname")),
        "human_name": text(record.get("userprincipalname")),
    }


def _detection(record: dict[str, Any]) -> Iterator[Part]:
    agent = text(record.get("identityid")) or text(record.get("agentid"))
    found_at = instant_us(record.get("detecteddatetime"))
    at_us = found_at or instant_us(record.get("activitydatetime"))
    if agent is None:
        return
    event: dict[str, Any] = {
        "agent": {"id": agent},
        "tool": "entra:risk_detection",
        "attributes": {
            "outside_evidence": True,
            "risk_event_type": text(record.get("riskeventtype")),
            "risk_level": text(record.get("risklevel")),
            "risk_state": text(record.get("riskstate")),
            "risk_detail": text(record.get("riskdetail")),
            "risk_evidence": text(record.get("riskevidence")),
            "detection_timing": text(record.get("detectiontimingtype")),
            "activity_at": instant_text(instant_us(record.get("activitydatetime"))),
            "blueprint": text(record.get("blueprintid")),
            "agent_name": text(record.get("displayname")) or text(record.get("agentdisplayname")),
        },
    }
    yield whole(text(record.get("id")) or digest(repr(event)), at_us, event)


def _is_of_principal(record: dict[str, Any]) -> bool:
    """Return whether the sign-in is one of a service principal alone."""
    kinds = record.get("signineventtypes")
    named = (
        [one.lower() for one in kinds if isinstance(one, str)] if isinstance(kinds, list) else []
    )
    table = f"{record.get('type')} {record.get('category')}".lower()
    return bool(_SERVICE_PRINCIPALS & set(named)) or any(
        word in table for word in ("serviceprincipalsignin", "managedidentitysignin")
    )


def _code(record: dict[str, Any]) -> int | None:
    status = _lower(object_in(record.get("status")))
    found = number(record.get("resulttype"))
    found = number(status.get("errorcode")) if found is None else found
    return None if found is None else int(found)


def _country(record: dict[str, Any]) -> str | None:
    located = _lower(object_in(record.get("location")) or object_in(record.get("locationdetails")))
    return text(located.get("countryorregion")) or text(record.get("location"))


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found > 1 << 32 else int(found)


def _word(members: dict[str, Any], key: str) -> str:
    return (text(members.get(key)) or "").lower()
