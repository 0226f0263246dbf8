"""The event of an agent, version 1: one action in the native format.

The structs here are the single source of the wire format: the decoder uses them, and the JSON
Schema in ``data/schema/`` is generated from them. A missing value is *unknown*, never zero.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Mode = Literal["delegated", "autonomous", "unknown"]
Operation = Literal["read", "write", "delete", "execute", "send", "pay", "admin", "unknown"]
Sensitivity = Literal["public", "internal", "confidential", "restricted"]
Egress = Literal["direct", "corporate", "vpn", "proxy", "tor", "hosting", "internal", "unknown"]
Outcome = Literal["ok", "denied", "error"]
Kind = Literal["action", "deployment", "owner_change", "security_event"]

Id128 = Annotated[str, Meta(min_length=1, max_length=128)]
Id256 = Annotated[str, Meta(min_length=1, max_length=256)]
Word = Annotated[str, Meta(max_length=256)]
Path = Annotated[str, Meta(max_length=2048)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH_DAY = EPOCH.date()


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 of an aware time.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """Give the aware UTC time of microseconds since 1970 (inverse of `microseconds`)."""
    return EPOCH + timedelta(microseconds=us)


def rfc3339(us: int) -> str:
    """Write microseconds since 1970 as RFC 3339 in UTC.

    >>> rfc3339(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    seconds, rest = divmod(us, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_date(days)}T{hours:02}:{minutes:02}:{seconds:02}.{rest:06}Z"


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """Write the date of a day since 1970. The cache is small: most instants share a few days."""
    return (_EPOCH_DAY + timedelta(days=days)).isoformat()


class Agent(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The agent that acted. `id` is a SPIFFE ID where there is one."""

    id: Id256
    instance: Word | None = None
    role: Word | None = None
    model: Word | None = None
    version: Word | None = None
    owner: Word | None = None


class Human(Struct, frozen=True, gc=False):
    """On whose behalf."""

    id: Id256


class Resource(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What the action touched."""

    id: Path
    type: Word | None = None
    domain: Word | None = None
    sensitivity: Sensitivity | None = None


class Network(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Where it came from and went to; `egress`, `asn`, `country` are filled by enrichment."""

    source_ip: Word | None = None
    destination: Path | None = None
    egress: Egress | None = None
    asn: Count | None = None
    country: Annotated[str, Meta(max_length=2)] | None = None


class Volume(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """How much moved."""

    bytes_in: Count | None = None
    bytes_out: Count | None = None
    records: Count | None = None


class Credential(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The credential used. `id` is a digest, never a token."""

    id: Id256
    issued_at: Instant | None = None
    expires_at: Instant | None = None
    scopes: list[Word] | None = None
    purpose: Annotated[str, Meta(max_length=2000)] | None = None


Origins = dict[str, list[tuple[str, list[str]]]]


class Event(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One action of one agent.

    Examples
    --------
    >>> import msgspec
    >>> e = msgspec.json.decode(
    ...     b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"a"},"tool":"mail.send"}',
    ...     type=Event,
    ... )
    >>> e.agent.id, e.mode, e.volume is None
    ('a', 'unknown', True)
    """

    id: Id128
    time: Instant
    agent: Agent
    tool: Id256
    human: Human | None = None
    mode: Mode = "unknown"
    delegation: Annotated[list[Id256], Meta(max_length=16)] | None = None
    session: Word | None = None
    task: Word | None = None
    trace_id: Word | None = None
    purpose: Annotated[str, Meta(max_length=2000)] | None = None
    operation: Operation = "unknown"
    arguments: dict[str, Any] | None = None
    argument_origins: Origins | None = None
    resource: Resource | None = None
    network: Network | None = None
    volume: Volume | None = None
    outcome: Outcome | None = None
    duration_ms: Annotated[float, Meta(ge=0)] | None = None
    credential: Credential | None = None
    kind: Kind = "action"
    attributes: dict[str, Any] | None = None

    @property
    def session_name(self) -> str:
        """Name of its session; empty where idle time alone ends the session."""
        return self.session or self.trace_id or self.task or ""


SAID_BY_EVENT = "event"
"""Evidence of an origin whose class is a field of the event. No list was consulted."""


class Origin(Struct, frozen=True, gc=False):
    """The class of a source address, with the list that determined it.

    Attributes
    ----------
    egress
        Class of the address.
    asn, country
        Where known, else None.
    evidence
        Name and version of the list or setting that decided, e.g. ``"vpn_ipv4@167937a"``;
        `SAID_BY_EVENT`; None when nothing was looked up.
    """

    egress: Egress = "unknown"
    asn: int | None = None
    country: str | None = None
    evidence: str | None = None
