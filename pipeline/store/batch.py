"""Data that a worker commits to the store for one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from models.trust.state import TrustState
from models.units import MINUTE_US
from pipeline.processing.stream_types import Message

if TYPE_CHECKING:
    from pipeline.identity.alias import Alias

ProfileRow = tuple[str, str, bytes, TrustState]
"""Agent, mode, bytes of the profile, and trust state."""

HeldRow = tuple[str, str, str, int, bytes]
"""Event id, agent, mode, microseconds of event time, and the event's bytes."""

AnomalyRow = dict[str, Any]
"""Anomaly of the API; requires `id`, `agent_id`, `time`, `severity` and `anomaly`."""

CaseRow = dict[str, Any]
"""Case of the API; requires `case_id`, `agent_id`, `last`, `severity`, `status` and
`return_period_days`."""

MemberRow = tuple[str, str, str]
"""A name of a finding of several agents: the name, the anomaly's id, and the agent or "".

Names are ids themselves: `Store.anomaly` takes either."""

ReportRow = tuple[int, int, str, str, bytes]
"""Position, arrival in microseconds since 1970, format, reporter, and bytes."""

RecentRow = tuple[int, bytes]
"""Number and bytes of a recent event."""

FeedKind = Literal["live", "batch"]

SILENT_US = MINUTE_US
"""A longer silence means a killed worker: its state stays "running", but heartbeats stop."""


class RecentEvents(Struct, frozen=True):
    """The latest events, and how many of them stay.

    Attributes
    ----------
    values
        New events with their assessment, JSON, in order.
    number
        Most events that stay; 0 deletes all.
    judged_us
        When the new ones were judged, microseconds since 1970.
    since_us
        Events that were judged before are deleted.
    """

    values: list[bytes]
    number: int
    judged_us: int
    since_us: int


class LastEvent(Struct, frozen=True):
    """The newest event of a source.

    Attributes
    ----------
    kind
        ``live`` if events should keep coming, else ``batch``.
    event_us
        Time of the newest event, at most its arrival time, microseconds since 1970; None before the
        first.
    arrived_us
        Wall time at which an event was last judged.
    """

    kind: FeedKind
    event_us: int | None = None
    arrived_us: int | None = None

    def age_us(self, now_us: int) -> int | None:
        """Give the age of the newest event; None before the first."""
        return None if self.event_us is None else max(0, now_us - self.event_us)


class PipelineStatus(Struct, frozen=True):
    """Last stored status of the pipeline.

    Attributes
    ----------
    state
        ``drained``: ended after all events were judged; ``none``: never started.
    heartbeat_us
        Wall time of the last heartbeat, microseconds since 1970.
    watermark_us
        Largest event time judged, microseconds since 1970.
    lag_us
        Age of the oldest unjudged event at the heartbeat; 0 if there is none.
    lags_us
        Lag by partition, if the source has partitions.
    waiting
        Number of results that the sink has not accepted yet.
    last_events
        The newest event of each source, by name.
    newest_us
        Time of the newest event, at most its arrival time, including learned events. The watermark,
        in contrast, restarts after a recording. None before the first event.
    """

    state: Literal["running", "drained", "stopped", "none"] = "none"
    heartbeat_us: int | None = None
    watermark_us: int | None = None
    lag_us: int | None = None
    lags_us: dict[str, int] = {}
    waiting: int = 0
    last_events: dict[str, LastEvent] = {}
    newest_us: int | None = None

    def quiet_us(self, now_us: int) -> int:
        """Give the longest silence of a live source.

        >>> http, file, topic = LastEvent("live", 40), LastEvent("batch", 1), LastEvent("live")
        >>> last = {"http": http, "file": file, "kafka:t": topic}
        >>> PipelineStatus("running", last_events=last, newest_us=60).quiet_us(100)
        60
        """
        return max(self.silences_us(now_us).values(), default=0)

    def silences_us(self, now_us: int) -> dict[str, int]:
        """Give the silence of each live source in microseconds, by name.

        The silence of a source without events counts from the newest event of all sources; without
        any event it is 0.

        >>> last = {"http": LastEvent("live", 40), "kafka:t": LastEvent("live")}
        >>> PipelineStatus("running", last_events=last, newest_us=30).silences_us(100)
        {'http': 60, 'kafka:t': 70}
        >>> PipelineStatus("running", last_events=last).silences_us(100)
        {'http': 60, 'kafka:t': 0}
        """
        since = now_us if self.newest_us is None else self.newest_us
        return {
            name: max(0, now_us - (since if one.event_us is None else one.event_us))
            for name, one in sorted(self.last_events.items())
            if one.kind == "live"
        }

    @property
    def judged_us(self) -> int | None:
        """Event time up to which all partitions are known to be judged.

        A partition that lags or has no recent heartbeat may hold unjudged events of that whole
        time.

        >>> PipelineStatus("running", 70, watermark_us=60, lag_us=10).judged_us
        50
        >>> late = PipelineStatus("running", 20, 60, 5, {"kafka:t:0": 5, "kafka:t:1": -50})
        >>> late.judged_us  # the heartbeat of partition 0 is 50 older
        5
        """
        if self.watermark_us is None:
            return None
        longer_ago_us = max(0, -min(self.lags_us.values(), default=0))
        return self.watermark_us - max(0, self.lag_us or 0) - longer_ago_us


class Commit(Struct, kw_only=True):
    """Data written in one transaction; omitted parts stay unchanged.

    Attributes
    ----------
    newest_us
        Time of the newest event of the batch, microseconds since 1970; 0 without events.
    profiles
        Rows to write; each row moves to the end of `Store.changes`.
    sessions, closed_sessions
        Open sessions by key, and keys of ended sessions.
    shared
        State shared by all agents, by name.
    dropped
        Names of rows of `shared` to delete.
    seen
        Digests of event contents by event key (63 bits each), by day since 1970.
    whole
        `shared` is complete: stored rows of changes (named ``+…``) are deleted.
    afresh
        `sessions`, `shared` and `seen` are all there is: stored rows of them are deleted before.
    anomalies
        New or changed anomalies.
    members
        Names of findings of several agents.
    cases, case_agents
        New or changed cases, and (case, agent) of their events.
    applied_writes
        Numbers of the rows of the audit log that this batch applies.
    suppressed
        (suppression, case) of cases that a suppression hides.
    aliases, proposed
        Aliases that people decided about, and proposals; a known pair has no new proposal.
    held, released
        Events held back from learning, and (agent, event id) of events to delete.
    outbox
        Messages to publish, in this order.
    positions
        Resume position of each source.
    expected
        Expected stored positions; None: not stored yet. On a mismatch another worker took over, and
        nothing is written.
    counters
        Increments of counters.
    inbox_done
        Inbox position up to which all events are judged.
    reports
        Payloads of another format to append: arrival, format, reporter and bytes.
    reports_done
        Position up to which all reports are assembled.
    recent
        The latest events; None leaves them as they are.
    status
        Status of the pipeline.
    contribution
        Contribution of this shard to the others; only with several shards.
    applied
        Number of the last contribution of each other shard applied before this batch.
    prune_seen_before_day
        Event keys of earlier days may be deleted.
    """

    newest_us: int = 0
    profiles: list[ProfileRow] = field(default_factory=list)
    sessions: list[tuple[int, bytes]] = field(default_factory=list)
    closed_sessions: list[int] = field(default_factory=list)
    shared: list[tuple[str, bytes]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    whole: bool = False
    afresh: bool = False
    seen: dict[int, dict[int, int]] = field(default_factory=dict)
    anomalies: list[AnomalyRow] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)
    cases: list[CaseRow] = field(default_factory=list)
    case_agents: list[tuple[str, str]] = field(default_factory=list)
    applied_writes: list[int] = field(default_factory=list)
    suppressed: list[tuple[str, str]] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    proposed: list[Alias] = field(default_factory=list)
    held: list[HeldRow] = field(default_factory=list)
    released: list[tuple[str, str]] = field(default_factory=list)
    outbox: list[Message] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str | None] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    contribution: bytes | None = None
    applied: dict[str, int] = field(default_factory=dict)
    inbox_done: int | None = None
    reports: list[tuple[int, str, str, bytes]] = field(default_factory=list)
    reports_done: int | None = None
    recent: RecentEvents | None = None
    status: PipelineStatus | None = None
    prune_seen_before_day: int | None = None


ENCODER = msgspec.msgpack.Encoder()
MESSAGE = msgspec.msgpack.Decoder(Message)
STATUS = msgspec.msgpack.Decoder(PipelineStatus)
