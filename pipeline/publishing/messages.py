"""What is published, as types: the anomaly and the headers; the trust answer is the core's own.

`pipeline.publishing.outputs` makes the objects; these describe them to readers, and a test holds
the two together over a real run.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from models.trust.ledger import Facet  # noqa: TC001  # msgspec reads the annotations
from models.trust.policy import Severity, Status  # noqa: TC001  # as above

P = Annotated[float, Meta(ge=0, le=1)]
Ground = Literal["rule", "several", "event", "session", "together"]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Reason(Struct, kw_only=True, forbid_unknown_fields=True):
    """One feature's share: bits of surprise, what was observed, and what was expected instead."""

    feature: str
    bits: float
    observed: str
    expected: list[tuple[str, P]]
    why: str


class Bits(Struct, kw_only=True, forbid_unknown_fields=True):
    """Sum and maximum of the surprise of all features, in bits."""

    sum: float
    max: float


class Position(Struct, kw_only=True, forbid_unknown_fields=True):
    """One event of the anomaly, and where it stands in the source."""

    id: str
    position: str


class Change(Struct, kw_only=True, forbid_unknown_fields=True):
    """Score, 0 to 100, before the first event of the anomaly and after the last one."""

    before: float | None
    after: float | None


class Agents(Struct, kw_only=True, forbid_unknown_fields=True):
    """The agents of an anomaly of several: how many, ten of them, and what all of them share.

    `first` begins with those that do more than read, and `operations` says what. `conflicts`
    counts events under an id with other content.
    """

    count: Annotated[int, Meta(ge=1)]
    first: Annotated[list[str], Meta(min_length=1, max_length=10)]
    operations: dict[str, Literal["pay", "delete", "admin", "send", "execute", "write"]] = {}
    conflicts: Annotated[int, Meta(ge=0)] = 0
    shared: dict[Literal["credential", "network"], str]


class Anomaly(Struct, kw_only=True, forbid_unknown_fields=True):
    """One anomaly; a later version of the same id replaces the earlier one.

    It stands on its `ground`: a `rule`, what `several` events show, or how rare the `event` (`p`),
    its `session` so far (`session_p`) or all of that `together` (`together_p`) is. One with
    `agents` is of all of them; `agent_id` is the first.
    """

    id: str
    version: Annotated[int, Meta(ge=1)]
    agent_id: str
    agents: Agents | None = None
    mode: Literal["delegated", "autonomous", "unknown"]
    owner: str | None
    session: str | None
    event_id: str
    tool: str
    time: Time
    first_time: Time
    anomaly: str
    severity: Severity
    facet: Facet
    rank: float
    bits: Bits
    ground: Ground | None = None
    p: P | None
    p_pool: Literal["agent", "role", "fleet", "newcomers"] | None
    p_n: Annotated[int, Meta(ge=0)]
    session_p: P | None
    together_p: P | None = None
    reasons: list[Reason]
    tags: dict[str, list[str]]
    key: str
    count: Annotated[int, Meta(ge=1)]
    events: Annotated[list[Position], Meta(min_length=1)]
    position: str
    snapshot: int
    status: Status
    trust: Change
    config_version: str


class Published(Struct, kw_only=True):
    """Headers of every message published: `id` is the same for a repeat of the same message."""

    id: str


class Rejected(Published, kw_only=True):
    """Headers of a rejected record: why, and where and when it was received."""

    reason: str
    detail: str
    source: str
    offset: Annotated[str, Meta(pattern="^[0-9]+$")]
    time: Time
    full_length: Annotated[str, Meta(pattern="^[0-9]+$")] | None = None
