"""GitLab: audit events, with the human of a composite identity from the structured logs.

A log line and the audit events of one request share a ``correlation_id``; each audit event is an
event. Sources: GitLab's audit event schema, composite identity pages, and log keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.bounded_event import bounded, instant_us, ip_of, whole
from pipeline.formats.identity.claims import words_of
from pipeline.formats.json_records import parts_in
from pipeline.formats.members import inner, number, text
from pipeline.formats.part import Part
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCOPED = re.compile(r"user:(\d{1,20})")
_GIT = {"git-upload-pack": "read", "git-upload-archive": "read", "git-receive-pack": "write"}
_REQUEST = "request"
_ABOVE = "-"  # No root of a trace: the assembler waits for the other records of the request.
_REFUSED = (401, 403)
_NOBODY = "-1"
"""Author of what is done without signing in, such as ``login_failed``."""


class GitLab:
    """Reader of GitLab audit events and structured logs.

    Examples
    --------
    >>> line = (
    ...     b'{"correlation_id":"c1","meta.user":"ai-flow","meta.scoped_user_id":123,'
    ...     b'"status":200,"time":"2026-01-05T08:00:00Z"}'
    ... )
    >>> (part,) = GitLab().decode(line)
    >>> part.kind, part.event["human"], part.event["mode"]
    ('span', {'id': '123', 'agent': 'ai-flow'}, 'delegated')
    """

    ordered = False
    whole_file = False
    supports = frozenset({"human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one audit event or log line."""
        return parts_in(value, _parts)


def _parts(record: dict[str, Any]) -> Iterator[Part]:
    if "author_id" in record and ("event_type" in record or "details" in record):
        yield from _audit(record)
    elif text(record.get("correlation_id")):
        yield from _log(record)


def _log(line: dict[str, Any]) -> Iterator[Part]:
    meta = inner(line.get("meta")) | {
        key.removeprefix("meta."): one for key, one in line.items() if key.startswith("meta.")
    }
    account, human = text(meta.get("user")), name_of(meta.get("scoped_user_id"))
    human = human or text(meta.get("scoped_user"))
    if account is None:
        return
    correlation, duration_s = text(line.get("correlation_id")) or "", number(line.get("duration_s"))
    facts = bounded(
        {
            # Some features name the human as the author: this is the account that acts for them.
            "human": {"id": human, "agent": name_of(meta.get("user_id")) or account},
            "mode": "delegated" if human else None,
            "outcome": _outcome(line.get("status")),
            "duration_ms": None if duration_s is None else duration_s * 1000,
            "network": {"source_ip": ip_of(meta.get("remote_ip"))},
            "attributes": {
                "account": account,
                "scoped_user": text(meta.get("scoped_user")),
                "has_scoped_user": human is not None,
                "composite_identity": _is_composite(line, []),
                "caller": text(meta.get("caller_id")),
            },
        }
    )
    yield Part(
        kind="span", session=key_of(correlation), span=_REQUEST, parent=_ABOVE,
        time_us=instant_us(line.get("time")), event=facts,
    )  # fmt: skip


def _audit(record: dict[str, Any]) -> Iterator[Part]:
    details = inner(record.get("details"))
    said = details.get("custom_message")
    action = text(inner(said).get("action"))
    kind = action or text(record.get("event_type")) or text(inner(details).get("event_name"))
    account = name_of(record.get("author_id"))
    author = text(record.get("author_name")) or text(details.get("author_name"))
    scopes = words_of(details.get("token_scopes") or details.get("scopes"))
    human = next((found[1] for one in scopes if (found := _SCOPED.fullmatch(one))), None)
    correlation = text(record.get("correlation_id")) or text(details.get("correlation_id"))
    acting = _agent(account, author)
    event: dict[str, Any] = {
        "agent": acting | {"instance": correlation},
        "human": {"id": human, "agent": acting["id"] if acting["id"] != human else None},
        "mode": "delegated" if human else None,
        "trace_id": correlation,
        "tool": f"gitlab:{kind}" if kind else None,
        "operation": _GIT.get(action or ""),
        "arguments": inner(said),
        "resource": {
            "id": text(record.get("entity_path")) or text(record.get("target_details")),
            "type": text(record.get("target_type")) or text(record.get("entity_type")),
        },
        "network": {"source_ip": ip_of(record.get("ip_address") or details.get("ip_address"))},
        "attributes": {
            "call_id": name_of(record.get("id")),
            "author": author,
            "author_class": text(details.get("author_class")),
            "composite_identity": _is_composite(record, scopes),
            "has_scoped_user": True if human else None,
            "message": text(said),
            "event_type": text(record.get("event_type")),
        },
    }
    if account is None or kind is None:
        name = "author_id" if account is None else "event_type"
        raise MalformedEvent("wrong_type", f"expected an id or a text at $.{name}")
    if acting["id"] is None:
        raise MalformedEvent("unattributed", f"author {account} names no account")
    at_us = instant_us(record.get("created_at"))
    number_of = name_of(record.get("id"))
    call = f"gitlab-audit-event/{number_of or digest(repr(event) + str(at_us))}"
    if correlation is None:
        yield whole(call, at_us, event)
        return
    session = key_of(correlation)
    yield Part(kind="call", session=session, call=call, parent=_REQUEST, time_us=at_us,
               event=bounded(event))  # fmt: skip
    yield Part(kind="result", session=session, call=call, parent=_REQUEST, time_us=at_us)


def _agent(account: str | None, author: str | None) -> dict[str, Any]:
    """Give the agent of an account, if it is not a person's.

    All deploy keys have one negative id, as all tokens have: their names tell them apart. The
    author of what is done without signing in has the id -1.

    >>> _agent("71", "ai-flow"), _agent("-3", "release key"), _agent("-1", "(removed)")
    ({'id': '71', 'account': '71'}, {'id': 'gitlab:-3/release key'}, {'id': None})
    """
    if account is None or not account.startswith("-"):
        return {"id": account, "account": account}
    named = author is not None and account != _NOBODY
    return {"id": f"gitlab:{account}/{author}" if named else None}


def key_of(correlation: str) -> str:
    """Give the key of a request, the same for audit events and logs."""
    return f"gitlab/{correlation}"


def name_of(value: Any) -> str | None:
    """Give an id, which is text in the stream and a number in the API.

    >>> name_of(71), name_of("71"), name_of(True), name_of(None)
    ('71', '71', None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return str(value)
    return text(value)


def _is_composite(record: dict[str, Any], scopes: list[str]) -> bool | None:
    """Return True for an account that must act for a human; None where the record is silent."""
    details = inner(record.get("details"))
    flag = "composite_identity_enforced"
    said = True in (record.get(flag), details.get(flag), record.get(f"meta.{flag}"))
    return True if said or "ai_workflows" in scopes else None


def _outcome(status: Any) -> str | None:
    code = number(status)
    if code is None or code < 100:
        return None
    if code in _REFUSED:
        return "denied"
    return "ok" if code < 400 else "error"
