"""OAuth: records of a resource server or gateway that hold the claims of a verified token.

A record is ``{"time", "tool", "resource", "source_ip", "claims": {...}}``, a bare set of claims,
or an introspection response. The signature was verified where the record was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.bounded_event import MAX_SCOPES, bounded, instant_us, ip_of, whole
from pipeline.formats.gateways.http_outcomes import outcome_of
from pipeline.formats.identity.claims import event_of_claims, words_of
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_HELD = ("claims", "token", "jwt")
_OUTCOMES = {
    "ok": "ok", "success": "ok", "allow": "ok", "allowed": "ok", "permit": "ok", "granted": "ok",
    "denied": "denied", "deny": "denied", "forbidden": "denied", "unauthorized": "denied",
    "error": "error", "failure": "error", "failed": "error",
}  # fmt: skip
_STATUSES = ("status", "status_code", "http_status")


class OAuth:
    """Reader of token claims.

    Examples
    --------
    >>> line = (
    ...     b'{"time":"2026-01-05T08:00:00Z","tool":"mail.send","claims":'
    ...     b'{"sub":"alice","act":{"sub":"mail-bot"},"scope":"mail.send","jti":"j1"}}'
    ... )
    >>> (part,) = OAuth().decode(line)
    >>> part.event["agent"]["id"], part.event["human"]["id"], part.event["credential"]["scopes"]
    ('mail-bot', 'alice', ['mail.send'])
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record."""
        return parts_in(value, _parts)


def _parts(record: dict[str, Any]) -> Iterator[Part]:
    held = next((key for key in _HELD if object_in(record.get(key))), "")
    claims = object_in(record[held]) if held else record
    around = record if held else {}
    if claims.get("active") is False:
        return
    event = event_of_claims(claims)
    at_us = instant_us(_first(around, "time", "ts", "timestamp")) or instant_us(claims.get("iat"))
    tool = _first(around, "tool", "action", "method", "operation")
    audiences = words_of(claims.get("aud"))
    audience = next(iter(audiences), None)
    if len(audiences) > 1:
        event["attributes"]["audiences"] = audiences[:MAX_SCOPES]
    resource = _first(around, "resource") or audience
    kind = "transaction" if text(claims.get("txn")) else "token"
    event["tool"] = text(tool) or f"oauth:{kind}"
    event["resource"] = {"id": text(resource), "type": "audience" if resource == audience else None}
    event["arguments"] = inner(around.get("arguments")) or inner(claims.get("tctx"))
    event["session"] = text(_first(around, "session", "session_id")) or text(claims.get("sid"))
    event["outcome"] = _outcome(around)
    event["duration_ms"] = number(around.get("duration_ms"))
    address = ip_of(_first(around, "source_ip", "src_ip", "ip"))
    if address:
        event["network"] = {"source_ip": address}
    if "id" not in bounded(event).get("agent", {}):
        raise MalformedEvent("missing_key", f"no claim at $.{held or 'sub'} names an agent")
    call = text(_first(around, "id", "request_id"))
    yield whole(
        call or f"oauth-{digest(repr((at_us, sorted(record))) + repr(event))}", at_us, event
    )


def _outcome(around: dict[str, Any]) -> str | None:
    """Give the outcome that a record names in a word, or by its HTTP status.

    >>> _outcome({"outcome": "Denied"}), _outcome({"status": 403}), _outcome({"decision": "allow"})
    ('denied', 'denied', 'ok')
    """
    word = text(_first(around, "outcome", "decision", "result", "status")) or ""
    return _OUTCOMES.get(word.lower()) or outcome_of(_first(around, *_STATUSES))


def _first(members: dict[str, Any], *keys: str) -> Any:
    return next((members[key] for key in keys if members.get(key) not in (None, "")), None)
