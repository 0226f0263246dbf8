"""JSON-RPC messages in the records of a proxy, for MCP and A2A.

A record is an envelope ``{"ts", "direction", "session", "message"}``, a pair ``{"request",
"response"}``, a message by itself, or a batch of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.formats.bounded_event import SECOND_US, instant_us
from pipeline.formats.json_records import object_in
from pipeline.formats.members import text
from pipeline.formats.secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_MILLISECOND_US = 1_000
_HOUR_US = 3_600 * SECOND_US
_MOST_SECONDS = 100_000_000_000
MAX_BATCH = 1_000


class Message(NamedTuple):
    """One JSON-RPC message, and the record around it.

    Attributes
    ----------
    session
        The proxy's name of the connection; empty where it has none.
    id
        Id of the request, as text; empty for a notification.
    """

    body: dict[str, Any]
    record: dict[str, Any]
    session: str
    id: str
    at_us: int

    @property
    def place(self) -> str:
        """Name within which ids of requests are unique: the session, otherwise the hour."""
        return without_secrets(self.session) or f"hour-{self.at_us // _HOUR_US}"

    @property
    def method(self) -> str | None:
        """Method of a request; None for a response."""
        return text(self.body.get("method"))


def messages_in(record: dict[str, Any]) -> Iterator[Message]:
    """Give the messages of one object of a record.

    >>> [one.id for one in messages_in({"jsonrpc": "2.0", "id": 7, "method": "tools/list"})]
    ['7']
    """
    session = next((name for key in _SESSIONS if (name := text(record.get(key)))), "")
    at_us = time_of(record)
    for body in _bodies(record):
        yield Message(body, record, session, id_of(body.get("id")), at_us)


def id_of(value: Any) -> str:
    """Give the id of a request, which is text or a number; empty for none.

    >>> id_of(7), id_of("7"), id_of(None), id_of(True)
    ('7', '7', '', '')
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:128]
    return without_secrets(value) if isinstance(value, str) else ""


def time_of(record: dict[str, Any]) -> int:
    """Give the time of a record: RFC 3339, seconds or milliseconds."""
    at = next((record[key] for key in _TIMES if record.get(key) is not None), None)
    if isinstance(at, int | float) and not isinstance(at, bool) and at > _MOST_SECONDS:
        return instant_us(at, _MILLISECOND_US)
    return instant_us(at, SECOND_US)


_SESSIONS = ("session", "session_id", "connection", "connection_id")
_TIMES = ("ts", "time", "timestamp", "@timestamp")


def _bodies(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    held = [record[key] for key in ("message", "request", "response") if key in record]
    if "jsonrpc" in record or not held:
        held = [record] if "jsonrpc" in record else []
    for one in held:
        batch = one if isinstance(one, list) else [one]
        for body in batch[:MAX_BATCH]:
            found = object_in(body)
            if "jsonrpc" in found:
                yield found
