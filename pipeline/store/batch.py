"""What a worker hands to the store: everything that one batch led to."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from models.trust.state import TrustState
from models.units import MINUTE_US
from pipeline.processing.stream_types import Message

ProfileRow = tuple[str, str, bytes, TrustState]
"""Agent, mode, the profile's bytes, and what is kept to answer for its trust."""

HeldRow = tuple[str, str, str, int, bytes]
"""Event id, agent, mode, microseconds of event time, and the event's bytes."""

AnomalyRow = dict[str, Any]
"""An anomaly as the API shows it; needs `id`, `agent_id`, `time`, `severity` and `anomaly`."""


MemberRow = tuple[str, str, str]
"""A name that leads to an anomaly of several agents: the name, the anomaly's id, the agent or "".

Names are ids themselves: `Store.anomaly` takes either."""

FeedKind = Literal["live", "batch"]

SILENT_US = MINUTE_US
"""A worker gives a sign of life each second; one that was killed still says "running"."""


class LastEvent(Struct, frozen=True):
    """The newest event of a source.

    Attributes
    ----------
    kind
        Whether events of it should keep coming.
    event_us
        When its newest event happened, microseconds since 1970, and at most when it arrived; None
        before the first.
    arrived_us
        When an event of it was last judged, by the wall clock.
    """

    kind: FeedKind
    event_us: int | None = None
    arrived_us: int | None = None

    def age_us(self, now_us: int) -> int | None:
        """Give how long ago its newest event happened; None before the first."""
        return None if self.event_us is None else max(0, now_us - self.event_us)


class PipelineStatus(Struct, frozen=True):
    """How the pipeline is doing, as it last said itself.

    Attributes
    ----------
    state
        ``drained``: it ended because everything was judged; ``none``: there never was one.
    heartbeat_us
        Wall time of its last sign of life, microseconds since 1970.
    watermark_us
        Event time up to which events were judged, microseconds since 1970.
    lag_us
        Age of the oldest event not yet judged, at the heartbeat; 0 when it is level.
    lags_us
        The same by partition, where the source has some.
    waiting
        Results that the sink had not taken yet.
    last_events
        The newest event of each source, by name.
    newest_us
        When the newest event of all happened, and at most when it arrived, learned ones included:
        the watermark begins anew after a recording. None before the first event.
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
        """Give the silence of the live source that is quiet for longest.

        >>> http, file, topic = LastEvent("live", 40), LastEvent("batch", 1), LastEvent("live")
        >>> last = {"http": http, "file": file, "kafka:t": topic}
        >>> PipelineStatus("running", last_events=last, newest_us=60).quiet_us(100)
        60
        """
        return max(self.silences_us(now_us).values(), default=0)

    def silences_us(self, now_us: int) -> dict[str, int]:
        """Give for how long nothing was heard of each live source, by name.

        A source that never had an event counts from the newest event of all; 0 where there is
        none: nothing is known yet.

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
        """Event time up to which all partitions are judged, as far as they say.

        What is late, or has given no sign of life for as long as the oldest, may hold events of
        all that time.

        >>> PipelineStatus("running", 70, watermark_us=60, lag_us=10).judged_us
        50
        >>> late = PipelineStatus("running", 20, 60, 5, {"kafka:t:0": 5, "kafka:t:1": -50})
        >>> late.judged_us  # the sign of life of partition 0 is 50 older
        5
        """
        if self.watermark_us is None:
            return None
        longer_ago_us = max(0, -min(self.lags_us.values(), default=0))
        return self.watermark_us - max(0, self.lag_us or 0) - longer_ago_us


class Commit(Struct, kw_only=True):
    """What is written together or not at all; what is left out stays as it is.

    Attributes
    ----------
    newest_us
        When the newest event of the batch happened, microseconds since 1970; 0 without events.
    profiles
        Rows to write; every one moves to the end of `Store.changes`.
    sessions, closed_sessions
        Open sessions by key, and keys of those that ended.
    shared
        State that no single agent owns, by name.
    seen
        Digests of events' contents by their keys (63 bits each), by the day they belong to, days
        since 1970.
    whole
        `shared` holds everything: rows of changes beside it (named ``+…``) are forgotten.
    anomalies
        New or changed ones, by their id.
    members
        Names that lead to anomalies of several agents.
    held, released
        Events kept back from learning, and (agent, event id) of those to forget.
    outbox
        Messages to publish, in this order.
    positions
        From where each source goes on.
    expected
        What the positions of some sources must be before; None: not there yet. If one is not,
        another worker took over and nothing is written.
    counters
        By how much each counter grows.
    inbox_done
        Events of the inbox up to this position are judged.
    status
        The pipeline's word about itself.
    told
        What this shard tells the others; only where there are several.
    taken
        Up to which number the contributions of other shards were taken in before this batch.
    prune_seen_before_day
        Keys of earlier days may be forgotten.
    """

    newest_us: int = 0
    profiles: list[ProfileRow] = field(default_factory=list)
    sessions: list[tuple[int, bytes]] = field(default_factory=list)
    closed_sessions: list[int] = field(default_factory=list)
    shared: list[tuple[str, bytes]] = field(default_factory=list)
    whole: bool = False
    seen: dict[int, dict[int, int]] = field(default_factory=dict)
    anomalies: list[AnomalyRow] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)
    held: list[HeldRow] = field(default_factory=list)
    released: list[tuple[str, str]] = field(default_factory=list)
    outbox: list[Message] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str | None] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    told: bytes | None = None
    taken: dict[str, int] = field(default_factory=dict)
    inbox_done: int | None = None
    status: PipelineStatus | None = None
    prune_seen_before_day: int | None = None


ENCODER = msgspec.msgpack.Encoder()
MESSAGE = msgspec.msgpack.Decoder(Message)
STATUS = msgspec.msgpack.Decoder(PipelineStatus)
