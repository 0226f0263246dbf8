"""Who acts for whom according to the claims of a token, and what the token permits.

Sources: RFC 8693 (``act``), RFC 9068, RFC 9396, OpenID Connect (``azp``), the transaction tokens
draft (``txn``, ``req_wl``), and the variants of Entra (``oid``, ``scp``, ``roles``, the facets of
agents) and Auth0.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.formats.bounded_event import MAX_DELEGATION, instant_text, instant_us, ip_of
from pipeline.formats.members import inner, text
from pipeline.formats.secrets import digest, digest_of_hash

_CLIENTS = ("client_id", "azp", "appid", "cid", "clientId", "req_wl")
_NAMING = ("iss", "sub", "client_id", "azp", "iat", "exp")
_CLIENT_GRANTS = {"client-credentials", "client_credentials"}
_SERVICE_ACCOUNT = "service-account-"
"""Beginning of the names of Keycloak's service accounts; the rest is the client."""
_OF_ACCOUNTS = ("clientHost", "clientAddress")
"""Claims that Keycloak gives to the tokens of service accounts alone."""
_OF_CLIENT = "@clients"
"""End of the subjects of Auth0 that are a client."""
_WORKLOAD = re.compile(
    r"(spiffe|wimse)://|system:serviceaccount:|repo:"
    r"|arn:aws[\w-]*:(iam|sts)::\d*:(assumed-)?role/(?!.*AWSReservedSSO_)"
    r"|[^@]+@([\w-]+\.)*gserviceaccount\.com$",
    re.IGNORECASE,
)
"""Subjects that are workloads: SPIFFE, WIMSE, Kubernetes, jobs of GitHub, roles of AWS, Google.

A role that IAM Identity Center keeps is that of a person.
"""
_AGENT_FACETS = {"11", "13"}
"""Subjects of Entra that are an agent, or the user account of one."""
_DETAILS = 64


def event_of_claims(claims: dict[str, Any]) -> dict[str, Any]:
    """Give the members of an event that claims determine: who, for whom, with what.

    The actor is the outermost ``act``, which is the newest; without one it is the client. The
    subject is a human only where it is another identity than the actors and clients. A workload
    that others act for is the last of the delegation.

    Examples
    --------
    >>> event = event_of_claims({"sub": "alice", "act": {"sub": "bot", "act": {"sub": "hub"}}})
    >>> event["agent"]["id"], event["human"]["id"], event["delegation"], event["mode"]
    ('bot', 'alice', ['bot', 'hub'], 'delegated')
    >>> event_of_claims({"sub": "bot", "client_id": "bot"})["mode"]
    'autonomous'
    >>> event = event_of_claims({"sub": "spiffe://a/planner", "act": {"sub": "spiffe://a/worker"}})
    >>> event["delegation"], event["mode"], event["human"]["id"]
    (['spiffe://a/worker', 'spiffe://a/planner'], 'delegated', None)
    """
    chain = actors_of(claims.get("act"))
    clients = [name for key in _CLIENTS if (name := text(claims.get(key)))]
    subject = subject_of(claims)
    workload = _workload_of(claims, subject, clients)
    known = [*chain, *clients]
    agent = next(iter(known), workload or subject)
    human = subject if known and subject not in known and workload is None else None
    others = chain or (clients if workload != subject else [])
    if workload and others and workload not in others:
        chain = [*(chain or clients[:1]), workload][:MAX_DELEGATION]
    event: dict[str, Any] = {
        "agent": {"id": agent},
        "human": {"id": human},
        "delegation": chain,
        "credential": credential_of(claims),
        "attributes": {"issuer": text(claims.get("iss"))} | _principal(claims),
        "trace_id": text(claims.get("txn")),
        "network": {"source_ip": ip_of(inner(claims.get("rctx")).get("req_ip"))},
    }
    if human is not None or any(name != agent for name in chain):
        event["mode"] = "delegated"
    elif workload is not None:
        event["mode"] = "autonomous"
    return event


def subject_of(claims: dict[str, Any]) -> str | None:
    """Give the subject of a token; Entra's ``sub`` differs by application, so it is the ``oid``.

    >>> subject_of({"sub": "x-1", "oid": "u-7", "tid": "t"}), subject_of({"sub": "u", "oid": "o"})
    ('u-7', 'u')
    """
    named = text(claims.get("oid")) if text(claims.get("tid")) else None
    return named or text(claims.get("sub"))


def _principal(claims: dict[str, Any]) -> dict[str, Any]:
    """Give the object id of an Entra application that acts alone, as its sign-ins have it."""
    named = text(claims.get("oid"))
    alone = named and text(claims.get("tid")) and claims.get("idtyp") == "app"
    return {"service_principal": named} if alone else {}


def actors_of(act: Any) -> list[str]:
    """Give the actors of an ``act`` claim, the newest first: a client by its id.

    Some issuers write a list of actors instead of nested ones.

    >>> actors_of({"sub": "a", "act": {"client_id": "b", "sub": "f3", "act": "c"}})
    ['a', 'b', 'c']
    >>> actors_of([{"sub": "a"}, "b"])
    ['a', 'b']
    """
    if isinstance(act, list):
        listed = [actors_of(one)[:1] for one in act[:MAX_DELEGATION] if not isinstance(one, list)]
        return [name for names in listed for name in names]
    found: list[str] = []
    while act is not None and len(found) < MAX_DELEGATION:
        actor = inner(act)
        name = act if isinstance(act, str) else _first(actor, ("client_id", "sub", "azp"))
        if not name:
            break
        found.append(name)
        act = actor.get("act")
    return found


def scopes_of(claims: dict[str, Any]) -> list[str]:
    """Give what a token permits: scopes, roles and authorization details, each once.

    >>> scopes_of({"scope": "read write", "roles": ["Mail.Send"]})
    ['read', 'write', 'Mail.Send']
    >>> scopes_of({"authorization_details": [{"type": "payment", "actions": ["initiate"]}]})
    ['payment:initiate']
    """
    found: dict[str, None] = {}
    for key in ("scope", "scp", "scopes", "roles", "permissions"):
        found |= dict.fromkeys(words_of(claims.get(key)))
    details = claims.get("authorization_details")
    for detail in map(inner, details[:_DETAILS] if isinstance(details, list) else []):
        kind = text(detail.get("type"))
        actions = words_of(detail.get("actions"))
        if kind:
            found |= dict.fromkeys([f"{kind}:{action}" for action in actions] or [kind])
    return list(found)


def words_of(value: Any) -> list[str]:
    """Give the words of a list or of a text with spaces.

    >>> words_of("a b"), words_of(["a b", 3]), words_of(None)
    (['a', 'b'], ['a', 'b'], [])
    """
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        return []
    return [word for one in values if isinstance(one, str) for word in one.split()]


def credential_of(claims: dict[str, Any]) -> dict[str, Any]:
    """Give a token as a credential, by a digest of its ``jti`` or of the token.

    A token without either is named by its claims, as far as it permits something or ends.
    """
    hashed, name = text(claims.get("token_sha256")), _first(claims, ("jti", "uti", "token", "txn"))
    scopes = scopes_of(claims)
    if hashed is None and name is None:
        if not scopes and "exp" not in claims:
            return {}
        name = repr([claims.get(key) for key in _NAMING])
    return {
        "id": digest_of_hash(hashed) if hashed else digest(name or ""),
        "issued_at": instant_text(instant_us(claims.get("iat"))),
        "expires_at": instant_text(instant_us(claims.get("exp"))),
        "scopes": scopes,
    }


def client_of_account(name: str | None) -> str | None:
    """Give the client of a service account of Keycloak; None for any other name.

    >>> client_of_account("service-account-mail-bot"), client_of_account("ana")
    ('mail-bot', None)
    """
    if name is None or not name.startswith(_SERVICE_ACCOUNT):
        return None
    return name.removeprefix(_SERVICE_ACCOUNT) or None


def _workload_of(claims: dict[str, Any], subject: str | None, clients: list[str]) -> str | None:
    """Give the workload that the subject is, by its client where the token names it."""
    if subject is None:
        return None
    username = _first(claims, ("preferred_username", "username"))
    account = client_of_account(username) or client_of_account(subject)
    if account or subject.endswith(_OF_CLIENT):
        return account or subject.removesuffix(_OF_CLIENT)
    if clients and any(key in claims for key in _OF_ACCOUNTS):
        return clients[0]
    is_workload = (
        subject in clients
        or _WORKLOAD.match(subject)
        or claims.get("idtyp") == "app"
        or not _AGENT_FACETS.isdisjoint(words_of(claims.get("xms_sub_fct")))
        or _first(claims, ("gty", "grant_type")) in _CLIENT_GRANTS
    )
    return subject if is_workload else None


def _first(members: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((found for key in keys if (found := text(members.get(key)))), None)
