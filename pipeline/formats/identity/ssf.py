"""SSF: the claims of security event tokens (RFC 8417) that a receiver has verified.

A record has the claims of one token, as `scoring_api.signals` verifies and stores them. What it is
about becomes the agent; a worker finds the agents behind a person or a session
(`pipeline.assembling.known_subjects`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.bounded_event import instant_us, whole
from pipeline.formats.identity.security_events import MANAGEMENT, meaning_of, name_of
from pipeline.formats.identity.subjects import subject_of
from pipeline.formats.json_records import parts_in
from pipeline.formats.members import inner, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_MOST = 8
"""Most events of one token; the profiles allow one."""
UNNAMED = "unnamed"


class Ssf:
    """Reader of security event tokens.

    Examples
    --------
    >>> kind = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
    >>> line = (
    ...     '{"iss":"https://idp.example","jti":"j-1","iat":1767600000,'
    ...     '"sub_id":{"format":"opaque","id":"invoice-bot"},"events":{"%s":{}}}' % kind
    ... )
    >>> (part,) = Ssf().decode(line.encode())
    >>> part.event["agent"]["id"], part.event["tool"], part.event["attributes"]["effect"]
    ('invoice-bot', 'ssf:session-revoked', 'revoked')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each token."""
        return parts_in(value, _parts)


def _parts(claims: dict[str, Any]) -> Iterator[Part]:
    events = claims.get("events")
    if not isinstance(events, dict) or not events:
        raise MalformedEvent("wrong_type", "expected an object with an event at $.events")
    for kind, given in list(events.items())[:_MOST]:
        name = name_of(kind)
        if name not in MANAGEMENT:
            yield _part(claims, kind, name, inner(given))


def _part(claims: dict[str, Any], kind: str, name: str, payload: dict[str, Any]) -> Part:
    subject = subject_of(claims, payload)
    said, effect = meaning_of(name, payload)
    issuer = text(claims.get("iss")) or ""
    marks = [issuer, claims.get("jti"), kind]
    at_us = _time_us(payload.get("event_timestamp")) or _time_us(claims.get("toe"))
    agent = next(iter(subject.names), UNNAMED)
    event: dict[str, Any] = {
        "agent": {"id": agent},
        "human": {"id": subject.user if subject.user != agent else None},
        "kind": "security_event",
        "session": subject.session,
        "tool": f"ssf:{name}",
        "operation": "admin",
        "credential": {"id": digest(subject.token) if subject.token else None},
        "attributes": {
            "security_event": said,
            "effect": effect,
            "issuer": issuer or None,
            "subject": subject.user or None,
            "also_named": subject.names[1:] or None,
            "by": text(payload.get("initiating_entity")),
            "reason": _reason(payload),
        },
    }
    return whole(f"ssf-{digest(repr(marks))}", at_us or _time_us(claims.get("iat")), event)


def _time_us(value: Any) -> int:
    """Give a time in microseconds, of seconds, or of milliseconds as some transmitters send.

    >>> _time_us(1767600000) == _time_us(1767600000000)
    True
    """
    return instant_us(value) or instant_us(value, 1_000)


def _reason(payload: dict[str, Any]) -> str | None:
    given = payload.get("reason_admin", payload.get("risk_reason", payload.get("reason")))
    if isinstance(given, dict):
        given = next(iter(given.values()), None)
    return text(given)
