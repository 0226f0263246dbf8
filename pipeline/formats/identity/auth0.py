"""Auth0: tenant log entries about tokens of agents, from a log stream or the Management API.

Entries about a person alone give no part. Sources: the tenant log schemas, and the page about the
agent id in tenant logs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import instant_us, ip_of, whole
from pipeline.formats.identity.claims import words_of
from pipeline.formats.json_records import parts_in
from pipeline.formats.members import inner, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_MACHINE_TO_MACHINE = {"seccft", "feccft"}
_EXCHANGES = {
    "success_on_behalf_of_token_exchange", "failed_on_behalf_of_token_exchange", "secte", "fecte",
}  # fmt: skip
_FAILURE = re.compile(r"f[a-z]*|(?:fail|failed|failure)_.*|.*_(?:failed|failure|fail|error|denied)")
_BLOCKED = re.compile(r"(?:.*_)?limit(?:_.*)?|pwd_leak|.*_blocked")
_WRAPPERS = ("detail", "data")
_MOST_WRAPPERS = 4


class Auth0:
    """Reader of Auth0 tenant logs.

    Examples
    --------
    >>> line = (
    ...     b'{"log_id":"l1","data":{"date":"2026-01-05T08:00:00Z","type":"seccft",'
    ...     b'"client_id":"c1","agent_id":"agt_1","scope":["mail:send"],"ip":"192.0.2.7"}}'
    ... )
    >>> (part,) = Auth0().decode(line)
    >>> part.event["agent"]["id"], part.event["mode"], part.event["credential"]["scopes"]
    ('agt_1', 'autonomous', ['mail:send'])
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each entry."""
        return parts_in(value, _parts, ("logs",))


def _parts(entry: dict[str, Any]) -> Iterator[Part]:
    log, entry = _unwrapped(entry)
    details = inner(log.get("details"))
    kind, client = text(log.get("type")), text(log.get("client_id"))
    agent = text(log.get("agent_id")) or text(log.get("external_agent_id"))
    machine = kind in _MACHINE_TO_MACHINE
    if kind is None or (agent is None and not (machine and client)):
        return
    agent = agent or client or ""
    user = text(log.get("user_id"))
    human = (
        None if machine or user in {agent, client} or (user or "").endswith("@clients") else user
    )
    exchanged = kind in _EXCHANGES
    token = text(details.get("jti")) or text(details.get("token_id"))
    scopes = words_of(log.get("scope"))
    named = text(entry.get("log_id")) or text(log.get("log_id")) or text(log.get("_id"))
    named = named or digest(repr(sorted(map(repr, log.items()))))
    # The log does not name the token; the entry that reports its issue does.
    issued = token or (f"auth0/{named}" if scopes else None)
    event: dict[str, Any] = {
        "agent": {"id": agent},
        "human": {"id": human},
        "mode": "delegated" if human else "autonomous" if machine else None,
        "delegation": [agent] if human and exchanged else [],
        "session": text(log.get("session_id")),
        "tool": f"auth0:{kind}",
        "resource": {"id": text(log.get("audience")), "type": "audience"},
        "network": {
            "source_ip": ip_of(log.get("ip") or log.get("client_ip")),
            "country": text(inner(log.get("location_info")).get("country_code")),
        },
        "outcome": "denied" if _is_refused(kind) else "ok",
        "credential": {"id": digest(issued) if issued else None, "scopes": scopes},
        "attributes": {
            "client": client,
            "client_name": text(log.get("client_name")),
            "external_agent_id": text(log.get("external_agent_id")),
            "user_agent": text(log.get("user_agent")),
        },
    }
    yield whole(named, instant_us(log.get("date")), event)


def _unwrapped(entry: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the log of an entry, and what it is in: a log stream, EventBridge or Event Grid.

    >>> _unwrapped({"source": "aws.partner", "detail": {"log_id": "1", "data": {"type": "s"}}})
    ({'type': 's'}, {'log_id': '1', 'data': {'type': 's'}})
    """
    outer = entry
    for _ in range(0 if text(entry.get("date")) else _MOST_WRAPPERS):
        held = next((found for key in _WRAPPERS if (found := inner(entry.get(key)))), None)
        if held is None:
            break
        outer, entry = entry, held
    return entry, outer


def _is_refused(kind: str) -> bool:
    """Return whether a type is a failure or a block.

    >>> [_is_refused(kind) for kind in ("feccft", "idjag_exchange_failed", "limit_wc")]
    [True, True, True]
    >>> [_is_refused(kind) for kind in ("success_exchange", "seccft", "flows_completed")]
    [False, False, False]
    """
    return any(form.fullmatch(kind) is not None for form in (_FAILURE, _BLOCKED))
