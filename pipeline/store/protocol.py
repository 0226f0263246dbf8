"""Interface of a store: reads and commits of the worker, queries of the API and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from models.trust.state import TrustState
    from pipeline.events.duplicates import Reception
    from pipeline.processing.stream_types import Message
    from pipeline.store.batch import Commit, HeldRow, PipelineStatus, RecentRow, ReportRow
    from pipeline.store.configs import Configs
    from pipeline.store.order import CaseSort, CaseStatus, Place, Sort
    from pipeline.store.registers.aliases import Aliases
    from pipeline.store.registers.audit import AuditLog


class Store(Protocol):
    """State of one installation; made by `pipeline.store.open_store`.

    Attributes
    ----------
    secret
        Key of digests in the store and elsewhere (bytes, never displayed).
    path
        Address of the store without passwords, for display.
    shard
        The judged partition, if several workers share a stream; else empty.
    configs
        The register of promoted configurations.
    audit, aliases
        The log of what people did, and the identifiers of agents.
    """

    secret: bytes
    path: str
    shard: str
    configs: Configs
    audit: AuditLog
    aliases: Aliases

    def __enter__(self) -> Self:
        """Give the store itself."""

    def __exit__(self, *_: object) -> None:
        """Close it."""

    def close(self) -> None:
        """Close all connections."""

    # ---- the worker

    def claim(self) -> None:
        """Become the committing worker; commits of its predecessor are refused from now on."""

    def commit(self, batch: Commit) -> None:
        """Write a batch in one transaction; on `StateError` nothing is written.

        Raises
        ------
        Superseded
            Another worker has taken over: a position is not the expected one, or there was a later
            `claim`.
        """

    def shards_of_others(self, agents: Sequence[str]) -> dict[str, str]:
        """Give the agents that another worker judges, each with its partition."""

    def shards_of(self, agents: Sequence[str]) -> dict[str, str]:
        """Give the shard of each of these agents that belongs to one of several."""

    def profiles(self, agents: Sequence[str]) -> dict[tuple[str, str], tuple[bytes, bytes]]:
        """Give profile and trust state as bytes, by (agent, mode), of agents in every mode."""

    def all_sessions(self) -> Iterator[tuple[int, bytes]]:
        """Give every open session with its key, ordered by key."""

    def shared(self) -> dict[str, bytes]:
        """Give the state shared by all agents, by name."""

    def positions(self) -> dict[str, str]:
        """Give the resume position of each source."""

    def seen(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the known event keys with the digests of their contents."""

    def member_of(self, names: Sequence[str]) -> dict[str, str]:
        """Give the ids of multi-agent findings by their names."""

    def outbox(self, limit: int) -> list[tuple[int, Message]]:
        """Give messages not yet published, oldest first, with their positions."""

    def waiting(self) -> int:
        """Count the unpublished messages."""

    def drop_outbox(self, ids: Iterable[int]) -> None:
        """Delete published messages."""

    def forget(self) -> bool:
        """Remove from the disk what was deleted; False if it must be tried again.

        A server removes it by itself.
        """

    def inbox_batch(self, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Give inbox events after a position: position, bytes and arrival time."""

    def reports(self, limit: int) -> list[ReportRow]:
        """Give the oldest payloads of other formats: position, arrival, format, reporter, bytes."""

    # ---- the API

    def data_version(self) -> int:
        """Give a number that changes with every commit; cheap to read."""

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        """Give trust states changed after a sequence number, in order of change."""

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the trust states of an agent, one per mode; none for an unknown agent."""

    def status(self) -> PipelineStatus:
        """Give the last status of the pipeline."""

    def counters(self) -> dict[str, int]:
        """Give all counters by name."""

    def last_seen_records(self, bucket: int) -> list[dict[str, bytes]]:
        """Give the stored last-seen data of one bucket of agents, one mapping per shard."""

    def shared_names(self) -> list[str]:
        """Give the names of the state shared by all agents, over all shards."""

    def held(self, agent_id: str) -> list[HeldRow]:
        """Give the events of an agent that are held back from learning, oldest first."""

    def recent_events(self, before: int | None, since_us: int, limit: int) -> list[RecentRow]:
        """Give the latest events with their numbers, the newest first."""

    def anomalies(
        self,
        *,
        agent_id: str | None = None,
        severity: str | Sequence[str] | None = None,
        kind: str | Sequence[str] | None = None,
        not_kind: str | Sequence[str] | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        sort: Sort = "time",
        ascending: bool = False,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Give sorted anomalies after a sort key."""

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        """Give an anomaly by its id or one of its names, or None."""

    def members(self, anomaly_id: str, limit: int) -> list[str]:
        """Give the agent ids of a finding of several agents, in order, at most `limit`."""

    def anomaly_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the anomaly ids with this prefix, in order, at most `limit`."""

    def cases(
        self,
        *,
        agent_id: str | None = None,
        severity: str | Sequence[str] | None = None,
        status: CaseStatus | Sequence[CaseStatus] | None = None,
        kind: str | Sequence[str] | None = None,
        sort: CaseSort = "severity",
        ascending: bool = False,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Give sorted cases after a sort key."""

    def case(self, case_id: str) -> dict[str, Any] | None:
        """Give a case by its id, or None."""

    def agents_of_case(self, case_id: str) -> list[str]:
        """Give the agents with an event of a case, in order."""

    def case_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the case ids with this prefix, in order, at most `limit`."""

    def inbox(self, values: Sequence[bytes]) -> list[Reception]:
        """Append raw events except duplicates, synced to disk; return the fate of each.

        Each event is compared with all judged events and the whole inbox.
        """

    def report(self, fmt: str, reporter: str, values: Sequence[bytes]) -> None:
        """Append payloads of another format, synced to disk.

        Parameters
        ----------
        reporter
            Name of the credential; empty for a program of this machine.
        """


class Lock(Protocol):
    """Lock for judging into a store, exclusive or shared; released with the process."""

    def acquire(self) -> bool:
        """Acquire the lock; return False if it is held, also within this process."""

    def release(self) -> None:
        """Release the lock."""

    def __enter__(self) -> Self:
        """Give the lock itself, not yet acquired."""

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
