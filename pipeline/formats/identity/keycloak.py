"""Keycloak: token events of clients, as JSON or as lines of the ``jboss-logging`` listener.

Events of persons at the login page give no part. Sources: Keycloak's event types and server log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import SECOND_US, instant_text, instant_us, ip_of, whole
from pipeline.formats.identity.claims import client_of_account, words_of
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.log_lines import logged, pairs_of, text_of
from pipeline.formats.members import number, text
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.formats.part import Part

_MILLISECOND_US = 1_000
_LONGEST_SECONDS = 10**9
_KINDS = {
    "CLIENT_LOGIN", "TOKEN_EXCHANGE", "CODE_TO_TOKEN", "REFRESH_TOKEN", "INTROSPECT_TOKEN",
    "PERMISSION_TOKEN", "OAUTH2_DEVICE_CODE_TO_TOKEN", "OAUTH2_EXTENSION_GRANT",
    "AUTHREQID_TO_TOKEN", "USER_INFO_REQUEST", "REVOKE_GRANT", "JWT_AUTHORIZATION_GRANT",
}  # fmt: skip
_OF_PERSONS = {"account", "account-console", "security-admin-console"}
_TOKENS = ("token_id", "jti", "refresh_token_id")


class Keycloak:
    """Reader of Keycloak events.

    Examples
    --------
    >>> line = (
    ...     b'2026-01-05 08:00:00,000 DEBUG [org.keycloak.events] (executor-thread-1) '
    ...     b'type="CLIENT_LOGIN", realmId="acme", clientId="invoice-bot", userId="u-7", '
    ...     b'ipAddress="192.0.2.7", username="service-account-invoice-bot"'
    ... )
    >>> (part,) = Keycloak().decode(line)
    >>> part.event["agent"]["id"], part.event["mode"], "human" in part.event
    ('invoice-bot', 'autonomous', False)
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the event of each line or object."""
        if value.lstrip()[:1] in (b"{", b"["):
            return parts_in(value, lambda one: _parts(_flat(logged(one, _of_line))))
        lines = text_of(value).splitlines()
        return [part for line in lines for part in _parts(_of_line(line))]


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    """Put details beside the other members; a JSON log has the pairs in its message."""
    message = text(event.get("message"))
    if message and "type" not in event:
        written = event.get("timestamp") or event.get("@timestamp")
        event = {"time": written} | dict(pairs_of(message))
    return object_in(event.get("details") or event.get("detailsJson")) | event


def _of_line(line: str) -> dict[str, Any]:
    written = " ".join(line.split(" ", 2)[:2])
    return {"time": written} | dict(pairs_of(line.partition("[org.keycloak.events]")[2]))


def _parts(event: dict[str, Any]) -> Iterator[Part]:
    kind, client = _said(event, "type"), _said(event, "clientId")
    done = (kind or "").removesuffix("_ERROR")
    if done not in _KINDS or client is None or client in _OF_PERSONS:
        return
    at_us = instant_us(event.get("time"), _MILLISECOND_US)
    grant, error = _said(event, "grant_type"), _said(event, "error")
    named, session = _said(event, "username"), _said(event, "sessionId") or _said(event, "code_id")
    account = client_of_account(named)
    machine = done == "CLIENT_LOGIN" or grant == "client_credentials" or account is not None
    # A user without name and session may be a service account.
    human = _said(event, "userId") if (named or session) and not machine else None
    before = _before(event, client, account)
    exchanged = human is not None and done == "TOKEN_EXCHANGE"
    token = next((found for key in _TOKENS if (found := _said(event, key))), None)
    call = _said(event, "id") or digest(repr((at_us, sorted(map(repr, event.items())))))
    scopes = words_of(event.get("scope"))
    # Without the name of the token, the event names it.
    token = token or (call if scopes else None)
    failed = error is not None or (kind or "").endswith("_ERROR")
    members: dict[str, Any] = {
        "agent": {"id": client},
        "human": {"id": human},
        "mode": "delegated" if human or before else "autonomous" if machine else None,
        "delegation": [client, *before] if before or exchanged else [],
        "session": session,
        "tool": f"keycloak:{done}",
        "resource": {"id": _said(event, "audience"), "type": "audience"},
        "network": {"source_ip": ip_of(event.get("ipAddress"))},
        "outcome": "denied" if failed else "ok",
        "credential": {
            "id": digest(token) if token else None,
            "issued_at": instant_text(at_us),
            "expires_at": instant_text(_end_us(event, at_us)),
            "scopes": scopes,
        },
        "attributes": {
            "realm": _said(event, "realmName") or _said(event, "realmId"),
            "grant_type": grant,
            "error": error,
            "username": named,
            "client_auth_method": _said(event, "client_auth_method"),
        },
    }
    yield whole(call, at_us, members)


def _before(event: dict[str, Any], client: str, account: str | None) -> list[str]:
    """Give the other clients behind a token: whose token was exchanged, and whose account it is of.

    >>> _before({"subject_token_client_id": "gate"}, "bot", "mail"), _before({}, "bot", "bot")
    (['gate', 'mail'], [])
    """
    others = dict.fromkeys([_said(event, "subject_token_client_id"), account])
    return [name for name in others if name not in (None, client)]


def _end_us(event: dict[str, Any], at_us: int) -> int:
    """Give the end of the token that an event issues; 0 where it does not say."""
    lifetime = number(event.get("access_token_expiration_time"))
    if lifetime is None or not at_us or lifetime > _LONGEST_SECONDS:
        return 0
    return at_us + int(lifetime * SECOND_US)


def _said(event: dict[str, Any], key: str) -> str | None:
    found = text(event.get(key))
    return None if found == "null" else found
