"""What a store is: what the worker reads and commits, and what the API and the commands ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from models.trust.state import TrustState
    from pipeline.events.duplicates import Fate
    from pipeline.processing.stream_types import Message
    from pipeline.store.batch import Commit, HeldRow, PipelineStatus
    from pipeline.store.configs import Configs
    from pipeline.store.order import Place, Sort


class Store(Protocol):
    """State of one installation; made by `pipeline.store.open_store`.

    Attributes
    ----------
    secret
        Key of the digests, for others who need one (bytes, never shown).
    path
        Where it is, fit to be shown: passwords are left out.
    shard
        The partition that is judged, where several workers share a stream; else empty.
    configs
        The register of promoted configurations.
    """

    secret: bytes
    path: str
    shard: str
    configs: Configs

    def __enter__(self) -> Self:
        """Give the store itself."""

    def __exit__(self, *_: object) -> None:
        """Close it."""

    def close(self) -> None:
        """Close all connections."""

    # ---- the worker

    def claim(self) -> None:
        """Become the one who commits: whoever was it before is refused from now on."""

    def commit(self, batch: Commit) -> None:
        """Write everything of a batch in one transaction; raises `StateError` and writes nothing.

        Raises
        ------
        Superseded
            Another worker took over since: a position is not what the batch expects, or there was
            a `claim` after that of this store.
        """

    def elsewhere(self, agents: Sequence[str]) -> dict[str, str]:
        """Give those of some agents that another worker judges, each with its partition."""

    def profiles(self, agents: Sequence[str]) -> dict[tuple[str, str], tuple[bytes, bytes]]:
        """Give profile and trust state, both as bytes, of agents in every mode, by both names."""

    def all_sessions(self) -> Iterator[tuple[int, bytes]]:
        """Give every open session with its key, ordered by key."""

    def shared(self) -> dict[str, bytes]:
        """Give state that no single agent owns, by name."""

    def positions(self) -> dict[str, str]:
        """Give from where each source goes on."""

    def seen(self, keys: Sequence[int]) -> dict[int, int]:
        """Give those of these event keys that were committed before, with digests of contents."""

    def member_of(self, names: Sequence[str]) -> dict[str, str]:
        """Give the anomalies of several agents that these names lead to, by name."""

    def outbox(self, limit: int) -> list[tuple[int, Message]]:
        """Give messages not yet published, oldest first, with their positions."""

    def waiting(self) -> int:
        """Count the messages not yet published."""

    def drop_outbox(self, ids: Iterable[int]) -> None:
        """Forget messages that are published."""

    def inbox_batch(self, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Give events of the inbox past a position: position, bytes, and when they arrived."""

    # ---- the API

    def data_version(self) -> int:
        """Give a number that is cheap to have and changes with every commit."""

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        """Give trust states changed past a sequence number, in order of change."""

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the trust states of an agent, one a mode; none for an unknown one."""

    def status(self) -> PipelineStatus:
        """Give what the pipeline last said of itself."""

    def counters(self) -> dict[str, int]:
        """Give all counters by name."""

    def voices(self, bucket: int) -> list[dict[str, bytes]]:
        """Give what is stored of when agents were heard, of a bucket of them: once a shard."""

    def held(self, agent_id: str) -> list[HeldRow]:
        """Give the events of an agent that are kept back from learning, oldest first."""

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
        """Give anomalies in an order, those that come after a place in it."""

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        """Give one anomaly by its id or by a name that leads to it, None when there is none."""

    def members(self, anomaly_id: str, limit: int) -> list[str]:
        """Give the ids of agents of an anomaly of several, in order, at most `limit`."""

    def anomaly_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the ids of anomalies that begin so, in order, at most `limit`."""

    def inbox(self, values: Sequence[bytes]) -> list[Fate]:
        """Append raw events but repeats, on disk before this returns; give what each is.

        It is compared with all that was judged or waits in the inbox, whoever put it there.
        """


class Lock(Protocol):
    """The right to judge into a store, alone or as one of several; gone with the process."""

    def acquire(self) -> bool:
        """Take it; False when another process, or another lock of this one, has it."""

    def release(self) -> None:
        """Let it go."""

    def __enter__(self) -> Self:
        """Give the lock itself, not yet taken."""

    def __exit__(self, *_: object) -> None:
        """Let it go."""
