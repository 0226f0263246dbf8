"""Microsoft Entra: sign-ins of agents, and what ID Protection reports about them.

Records come from Microsoft Graph, from Log Analytics, or from a diagnostic setting. Risk is
evidence from outside (`pipeline.formats.identity.entra_risk`). The user account of an agent is not
a human. Sources: the Graph beta reference of ``signIn`` and ``agentSignIn``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent
from pipeline.formats.bounded_event import instant_text, instant_us, ip_of, whole
from pipeline.formats.identity.claims import words_of
from pipeline.formats.identity.entra_risk import is_risk, risk_part
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.reasons import REFUSALS
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_NOT_AGENTIC = {"notagentic", ""}
_SERVICE_PRINCIPALS = {"serviceprincipal", "managedidentity"}
_AGENT_USER = "agentiduser"
_SCOPES = "Oauth Scope Info"
# Faults of the service or of the network, and sign-ins that need a further step.
_NOT_REFUSED = {50058, 50097, 50140, 50199, 90002, 90006, 90010, 90024, 90025, 90033, 90055}


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
        return parts_in(value, _parts, ("value", "records", "Records"))


def _parts(given: dict[str, Any]) -> Iterable[Part]:
    record = _lower(given) | _lower(object_in(given.get("properties")))
    if not is_risk(record):
        return _sign_in(record)
    found = risk_part(record)
    return [] if found is None else [found]


def _lower(record: dict[str, Any]) -> dict[str, Any]:
    """Give the members without case: Graph and Log Analytics differ in it alone."""
    return {key.lower(): one for key, one in record.items()}


def _sign_in(record: dict[str, Any]) -> Iterator[Part]:
    agent = _lower(object_in(record.get("agent")))
    kind, subject = _word(agent, "agenttype"), _word(agent, "agentsubjecttype")
    principal, user = text(record.get("serviceprincipalid")), text(record.get("userid"))
    agentic = kind not in _NOT_AGENTIC or subject not in _NOT_AGENTIC
    signed_in = text(record.get("createddatetime")) or text(record.get("timegenerated"))
    if principal is None and not agentic:
        return
    if signed_in is None:
        raise MalformedEvent("wrong_type", "expected an RFC 3339 time at $.createdDateTime")
    at_us = instant_us(signed_in)
    token, code = text(record.get("uniquetokenidentifier")), _code(record)
    parent = text(agent.get("agentsubjectparentid"))
    application = text(record.get("appid"))
    # The user account of an agent signs in without a service principal: its parent is the agent.
    of_parent = subject == _AGENT_USER or kind in _NOT_AGENTIC
    agent_id = principal or (parent if of_parent else None) or application
    event: dict[str, Any] = {
        "agent": {"id": agent_id, "instance": digest(token) if token else None},
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
            "source_ip": ip_of(record.get("ipaddress")) or ip_of(record.get("calleripaddress")),
            "asn": _whole(record.get("autonomoussystemnumber")),
            "country": _country(record),
        },
        "outcome": _outcome(code),
        "credential": {
            "id": digest(token) if token else None,
            "issued_at": instant_text(at_us),
            "scopes": _scopes(record),
        },
        "attributes": _attributes(record, agent) | {"error_code": code or None},
    }
    if subject == _AGENT_USER:
        event |= _of_agent_user(agent_id, {agent_id, application}, parent)
        event["attributes"] |= {"agent_user": user, "human_name": None}
        event["attributes"]["agent_user_name"] = text(record.get("userprincipalname"))
    elif user is not None:
        event |= {"human": {"id": user}, "mode": "delegated"}
    elif _is_of_principal(record) or subject == "notagentic":
        event["mode"] = "autonomous"
    if agent_id:
        call = text(record.get("id")) or digest(repr(sorted(map(repr, record.items()))))
        yield whole(call, at_us, event)


def _of_agent_user(
    agent_id: str | None, known: set[str | None], parent: str | None
) -> dict[str, Any]:
    """Give who acts behind a user account of an agent: no human, but maybe another agent.

    >>> _of_agent_user("a", {"a"}, "a"), _of_agent_user("a", {"a"}, "b")
    ({'mode': 'autonomous'}, {'mode': 'delegated', 'delegation': ['a', 'b']})
    """
    if parent is None or parent in known:
        return {"mode": "autonomous"}
    return {"mode": "delegated", "delegation": [agent_id, parent]}


def _outcome(code: int | None) -> str | None:
    if not code:
        return None if code is None else "ok"
    return "error" if code in _NOT_REFUSED else "denied"


def _scopes(record: dict[str, Any]) -> list[str]:
    """Give the scopes of a delegated token, which are among the details of its processing."""
    for one in _list_in(record.get("authenticationprocessingdetails")):
        if inner(one).get("key") == _SCOPES:
            value = inner(one).get("value")
            return words_of(_list_in(value) or value)
    return []


def _list_in(value: Any) -> list[Any]:
    """Give a list that may be written as JSON text; an empty one for anything else.

    >>> _list_in('["a"]'), _list_in(["a"]), _list_in("a")
    (['a'], ['a'], [])
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = msgspec.json.decode(value.encode("utf-8", "replace"))
        except REFUSALS:
            return []
    return value if isinstance(value, list) else []


def _attributes(record: dict[str, Any], agent: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent_name": text(record.get("serviceprincipalname"))
        or text(record.get("appdisplayname")),
        "app_id": text(record.get("appid")),
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
