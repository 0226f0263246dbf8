"""GitHub: audit log entries of agents, and streamed Copilot usage records.

Entries whose actor is no agent give no part. Source: GitHub's page of audit log events for agents.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import bounded, instant_us, ip_of, whole
from pipeline.formats.identity.claims import words_of
from pipeline.formats.identity.gitlab import name_of
from pipeline.formats.json_records import parts_in
from pipeline.formats.members import inner, text
from pipeline.formats.part import Part
from pipeline.formats.secrets import digest, digest_of_hash, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MILLISECOND_US = 1_000
_USAGE = "github-copilot"
_OPERATIONS = {"access": "read", "create": "write", "modify": "write", "remove": "delete",
               "restore": "write", "transfer": "admin"}  # fmt: skip


class GitHubAudit:
    """Reader of GitHub audit log entries.

    Examples
    --------
    >>> line = (
    ...     b'{"@timestamp":1767600000000,"action":"pull_request.create","actor":"Copilot",'
    ...     b'"actor_is_agent":true,"agent_session_id":"s1","user":"octocat","repo":"acme/shop"}'
    ... )
    >>> (part,) = GitHubAudit().decode(line)
    >>> part.event["agent"]["id"], part.event["human"]["id"], part.event["session"]
    ('Copilot', 'octocat', 's1')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of each entry."""
        return parts_in(value, _parts, ("records",))


def _parts(entry: dict[str, Any]) -> Iterator[Part]:
    entry = inner(entry.get("event")) or entry  # an HTTP event collector has it inside
    at_us = instant_us(entry.get("@timestamp"), _MILLISECOND_US)
    at_us = at_us or instant_us(entry.get("created_at"), _MILLISECOND_US)
    if entry.get("actor_is_agent") is True and text(entry.get("action")):
        yield _entry(entry, at_us)
    elif entry.get("type") in ("request", "response") and text(entry.get("endpoint")):
        yield from _usage(entry, at_us)


def _entry(entry: dict[str, Any], at_us: int) -> Part:
    agent, human = text(entry.get("actor")), text(entry.get("user"))
    human = None if human == agent else human
    hashed = text(entry.get("hashed_token"))
    event: dict[str, Any] = {
        "agent": {"id": agent, "kind": _USAGE},
        "human": {"id": human},
        "mode": "delegated" if human else None,
        "session": text(entry.get("agent_session_id")),
        "tool": f"github:{entry['action']}",
        "operation": _OPERATIONS.get(text(entry.get("operation_type")) or ""),
        "resource": {
            "id": text(entry.get("repo")) or text(entry.get("org")) or text(entry.get("business")),
            "type": "repository" if text(entry.get("repo")) else "organization",
        },
        "network": {
            "source_ip": ip_of(entry.get("actor_ip")),
            "country": text(inner(entry.get("actor_location")).get("country_code")),
        },
        "credential": {
            "id": digest_of_hash(_as_hex(hashed)) if hashed else None,
            "scopes": words_of(entry.get("token_scopes")),
        },
        "attributes": {
            "access": text(entry.get("programmatic_access_type")),
            "operation_type": text(entry.get("operation_type")),
            "user_agent": text(entry.get("user_agent")),
            "request_id": text(entry.get("request_id")),
        },
    }
    call = text(entry.get("_document_id")) or digest(repr(sorted(map(repr, entry.items()))))
    return whole(call, at_us, event)


def _usage(record: dict[str, Any], at_us: int) -> Iterator[Part]:
    """Give one half of a Copilot API call; the body is measured and not kept."""
    human, call = name_of(record.get("user_id")), text(record.get("github_request_id"))
    call = call or text(record.get("event_id"))
    if call is None:
        return
    call = without_secrets(call)
    key, body = f"{_USAGE}/{call}", record.get("body")
    size = len(body.encode("utf-8", "replace")) if isinstance(body, str) else 0
    if record["type"] == "response":
        yield Part(kind="result", session=key, call=call, time_us=at_us, size=size or None)
        return
    event: dict[str, Any] = {
        "agent": {"kind": _USAGE},
        "human": {"id": human},
        "mode": "delegated" if human else None,
        "tool": f"copilot:{record['endpoint']}",
        "volume": {"bytes_out": size or None},
        "attributes": {
            "event_id": text(record.get("event_id")),
            "enterprise": name_of(record.get("enterprise_id")),
        },
    }
    yield Part(kind="call", session=key, call=call, time_us=at_us, event=bounded(event))


def _as_hex(hashed: str) -> str:
    """Give the SHA-256 that GitHub writes in base64 as hexadecimal digits."""
    try:
        return b64decode(hashed, validate=True).hex()
    except (binascii.Error, ValueError):
        return hashed
