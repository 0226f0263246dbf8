"""Types of published messages: anomaly, case and headers; `models` defines the trust answer.

`pipeline.publishing.outputs` and `pipeline.publishing.cases` make the objects. These types describe
them, and a test compares both over a real run.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from models.event import Mode  # noqa: TC001  # msgspec reads the annotations
from models.trust.disposition import Disposition  # noqa: TC001  # msgspec reads the annotations
from models.trust.ledger import Facet  # noqa: TC001  # msgspec reads the annotations
from models.trust.policy import Severity, Status  # noqa: TC001  # as above

P = Annotated[float, Meta(ge=0, le=1)]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Reason(Struct, kw_only=True, forbid_unknown_fields=True):
    """Contribution of one feature: bits of surprise, observed and expected values."""

    feature: str
    bits: float
    observed: str
    expected: list[tuple[str, P]]
    why: str


class Finding(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a case or an anomaly holds of one type: its detector and subject, and why it is rare."""

    anomaly: str
    detector: str
    subject: str
    bits: float
    why: str


class Bits(Struct, kw_only=True, forbid_unknown_fields=True):
    """Sum and maximum of the surprise of all features, in bits."""

    sum: float
    max: float


class Position(Struct, kw_only=True, forbid_unknown_fields=True):
    """One event of the anomaly, and its position in the source."""

    id: str
    position: str


class Change(Struct, kw_only=True, forbid_unknown_fields=True):
    """Score, 0 to 100, before the first event of the anomaly and after the last one."""

    before: float | None
    after: float | None


class Agents(Struct, kw_only=True, forbid_unknown_fields=True):
    """The agents of a finding of several agents: number, ten ids, and shared values.

    `first` begins with agents that do more than read; `operations` holds their operations.
    `conflicts` counts events that reuse an id with other content.
    """

    count: Annotated[int, Meta(ge=1)]
    first: Annotated[list[str], Meta(min_length=1, max_length=10)]
    operations: dict[str, Literal["pay", "delete", "admin", "send", "execute", "write"]] = {}
    conflicts: Annotated[int, Meta(ge=0)] = 0
    shared: dict[Literal["credential", "network"], str]


class Anomaly(Struct, kw_only=True, forbid_unknown_fields=True):
    """One anomaly; a later version of the same id replaces the earlier one.

    `p` is the share of agent-days on which honest work comes as far, `session_p` the share of past
    sessions whose content (arguments and intent) comes as far as that of its session.
    With `agents` it concerns all of them, and `agent_id` is the first.
    """

    id: str
    version: Annotated[int, Meta(ge=1)]
    agent_id: str
    agents: Agents | None = None
    mode: Mode
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
    p: P | None
    p_pool: Literal["fleet"] | None
    p_n: Annotated[int, Meta(ge=0)]
    session_p: P | None
    reasons: list[Reason]
    findings: list[Finding]
    tags: dict[str, list[str]]
    key: str
    case_id: str | None
    count: Annotated[int, Meta(ge=1)]
    events: Annotated[list[Position], Meta(min_length=1)]
    position: str
    snapshot: int
    status: Status
    trust: Change
    config_version: str


Days = Annotated[float, Meta(ge=0)]
Points = Annotated[int, Meta(ge=0, le=100)]


class Signal(Struct, kw_only=True, forbid_unknown_fields=True):
    """One detector's word on a case: the type, what it is about, and how rare it is."""

    detector: str
    anomaly: str
    subject: str
    bits: float
    return_period_days: Days | None
    tags: dict[str, list[str]]
    reasons: Annotated[list[Reason], Meta(max_length=5)]


class CaseEvents(Struct, kw_only=True, forbid_unknown_fields=True):
    """Number of the events of a case, and the ids of the newest."""

    count: Annotated[int, Meta(ge=0)]
    ids: Annotated[list[str], Meta(max_length=20)]


class Score(Struct, kw_only=True, forbid_unknown_fields=True):
    """Trust score and its cautious lower bound, 0 to 100."""

    score: Points
    lower: Points


class ScoreOfCase(Struct, kw_only=True, forbid_unknown_fields=True):
    """Trust of the agent that opened the case: before the case, and after its latest evidence."""

    before: Score | None
    after: Score | None


class CaseDecision(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who made the latest decision about a case, when and why.

    `scope` and `until` say what an expected change covers. A decision that was taken back leaves a
    decision without a disposition.
    """

    by: str
    at: Time
    reason: str
    scope: dict[str, str] | None
    until: Time | None


class Case(Struct, kw_only=True, forbid_unknown_fields=True):
    """One story; a later version of the same case replaces the earlier one.

    A return period of 140 days: something this unusual comes up once in 140 days, over the whole
    fleet, if all is well. It is null while rates are unknown.
    `agents` and `roles` name the first ones, `sessions`, `traces` and `events.ids` the newest; the
    first signal is the rarest. `findings` has one finding of each type, the lead first. An agent
    without a role counts as role "". `suppressed_by` names the suppression that hid the case.
    """

    case_id: str
    version: Annotated[int, Meta(ge=1)]
    change: Literal["opened", "grew", "closed"]
    status: Literal["open", "closed", "suppressed"]
    agent_id: str
    agents: Annotated[list[str], Meta(min_length=1, max_length=20)]
    agent_count: Annotated[int, Meta(ge=1)]
    mode: Mode
    modes: Annotated[list[Mode], Meta(min_length=1, max_length=3)]
    role: str | None
    roles: Annotated[list[str], Meta(max_length=20)]
    owner: str | None
    opened: Time
    last: Time
    severity: Severity
    return_period_days: Days | None
    title: str
    signals: Annotated[list[Signal], Meta(max_length=8)]
    findings: list[Finding]
    events: CaseEvents
    sessions: Annotated[list[str], Meta(max_length=20)]
    traces: Annotated[list[str], Meta(max_length=20)]
    trust: ScoreOfCase
    disposition: Disposition | None
    decision: CaseDecision | None
    assignee: str | None
    comments: Annotated[int, Meta(ge=0)]
    suppressed_by: str | None
    config_version: str


class Published(Struct, kw_only=True):
    """Headers of every published message; a repeat has the same `id`."""

    id: str


class Rejected(Published, kw_only=True):
    """Headers of a rejected record: reason, source position and arrival time."""

    reason: str
    detail: str
    source: str
    offset: Annotated[str, Meta(pattern="^[0-9]+$")]
    time: Time
    full_length: Annotated[str, Meta(pattern="^[0-9]+$")] | None = None
