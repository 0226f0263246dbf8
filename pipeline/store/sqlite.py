"""The store on SQLite: reads and commits of the worker, and queries of the API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import msgspec

from models.errors import StateError
from pipeline.events.duplicates import Marker, resolved
from pipeline.processing.stream_types import BATCH_BYTES
from pipeline.store.batch import MESSAGE, STATUS, Commit, PipelineStatus, ReportRow
from pipeline.store.configs import Configs
from pipeline.store.database import MEMORY, Database, prepare
from pipeline.store.queries import StoreQueries, reports_query
from pipeline.store.registers.aliases import Aliases
from pipeline.store.registers.audit import AuditLog
from pipeline.store.seal import Seal, row_key
from pipeline.store.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.events.duplicates import Reception
    from pipeline.processing.stream_types import Message

_PAGE = 500
_REPORTS = reports_query("length")

_PROFILES = "select agent_id, mode, trust, trust_digest, digest, blob from profiles"


class SqliteStore(StoreQueries):
    """A file with all state; made by `pipeline.store.open_store`.

    Calls of the worker and of the API use two connections, so that neither waits for the other's
    reads. Events received over HTTP are written over a third.

    Attributes
    ----------
    secret
        Key of digests in the store and elsewhere (bytes, never displayed).
    path
        The file, or ``:memory:``.
    shard
        Empty: there is one worker.
    configs
        The register of promoted configurations.
    audit, aliases
        The log of what people did, and the identifiers of agents.
    """

    def __init__(self, path: str, *, secret: bytes | None, read_only: bool) -> None:
        self.path, self.shard = path, ""
        self._work = Database(path, read_only=read_only)
        self._opened = [self._work]
        try:
            self.secret = prepare(self._work, secret)
            self._api = self._another(read_only=True)
            self._post = self._another(read_only=read_only)
        except BaseException:
            self.close()
            raise
        super().__init__(self._api, self.secret, shard="''")
        self._writer = Writer(self._work, self.secret)
        self._marker = Marker(self.secret)
        self.configs = Configs(self._work, self.secret)
        self.audit = AuditLog(self._post, self._api, self.secret)
        self.aliases = Aliases(self._post, self._api, self.secret)
        self._seals = {
            table: Seal(self.secret, table) for table in ("profiles", "sessions", "shared")
        }

    def _another(self, *, read_only: bool) -> Database:
        if self.path == MEMORY:
            return self._work
        self._opened.append(Database(self.path, read_only=read_only))
        return self._opened[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        # The writing connection closes last: it removes the log.
        for database in reversed(self._opened):
            database.close()

    # ---- the worker

    def claim(self) -> None:
        """Do nothing: only the holder of `WriterLock` commits."""

    def commit(self, batch: Commit) -> None:
        """Write a batch in one transaction; on `StateError` nothing is written.

        Examples
        --------
        >>> from models.trust.state import TrustState
        >>> from pipeline.store import open_store
        >>> store = open_store("sqlite::memory:")
        >>> state = TrustState(agent_id="a", mode="delegated")
        >>> store.commit(Commit(profiles=[("a", "delegated", b"habits", state)]))
        >>> [(seq, found.agent_id) for seq, found in store.changes(0, 10)]
        [(1, 'a')]
        >>> store.close()
        """
        self._writer.write(batch)

    def shards_of_others(self, agents: Sequence[str]) -> dict[str, str]:  # noqa: ARG002  # signature of `Store`
        """Give no agents: there is only one worker."""
        return {}

    def shards_of(self, agents: Sequence[str]) -> dict[str, str]:  # noqa: ARG002  # signature of `Store`
        """Give no agents: there is only one worker."""
        return {}

    def profiles(self, agents: Sequence[str]) -> dict[tuple[str, str], tuple[bytes, bytes]]:
        """Give profile and trust state as bytes, by (agent, mode), of agents in every mode."""
        found = {}
        for start in range(0, len(agents), _PAGE):
            part = agents[start : start + _PAGE]
            marks = ",".join("?" * len(part))
            for agent_id, mode, *row in self._work.rows(
                f"{_PROFILES} where agent_id in ({marks})",
                part,
            ):
                trust, trust_digest, digest, blob = row
                key = row_key(agent_id, mode)
                self._trust.check(key, trust, trust_digest)
                self._seals["profiles"].check(key, blob, digest)
                found[agent_id, mode] = (blob, trust)
        return found

    def all_sessions(self) -> Iterator[tuple[int, bytes]]:
        """Give every open session with its key, ordered by key."""
        seal, last = self._seals["sessions"], None
        while rows := self._work.rows(
            "select key, digest, blob from sessions where ? is null or key > ? "
            "order by key limit ?",
            (last, last, _PAGE),
        ):
            for key, digest, blob in rows:
                seal.check(b"%d" % key, blob, digest)
                yield key, blob
            last = rows[-1][0]

    def shared(self) -> dict[str, bytes]:
        """Give the state shared by all agents, by name."""
        found = {}
        for name, digest, blob in self._work.rows("select name, digest, blob from shared"):
            self._seals["shared"].check(name.encode(), blob, digest)
            found[name] = blob
        return found

    def positions(self) -> dict[str, str]:
        """Give the resume position of each source."""
        return dict(self._work.rows("select source, position from positions"))

    def seen(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the known event keys with the digests of their contents."""
        return self._marks(self._work, "seen", keys)

    @staticmethod
    def _marks(database: Database, table: str, keys: Sequence[int]) -> dict[int, int]:
        found = database.rows(
            # `cross join` makes SQLite scan the list without a temporary table.
            "select known.key, known.digest from json_each(?) as asked "  # noqa: S608  # constant parts
            f"cross join {table} as known on known.key = asked.value",
            (msgspec.json.encode(keys).decode(),),
        )
        return dict(found)

    def outbox(self, limit: int) -> list[tuple[int, Message]]:
        """Give messages not yet published, oldest first, with their positions."""
        rows = self._work.rows("select id, message from outbox order by id limit ?", (limit,))
        return [(number, MESSAGE.decode(message)) for number, message in rows]

    def waiting(self) -> int:
        """Count the unpublished messages."""
        return int(self._work.row("select count(*) from outbox")[0])

    def drop_outbox(self, ids: Iterable[int]) -> None:
        """Delete published messages."""
        with self._work.transaction():
            self._work.run_many("delete from outbox where id = ?", ((number,) for number in ids))

    def forget(self) -> bool:
        """Remove from the disk what was deleted; False if it must be tried again."""
        return self._work.empty_log()

    def inbox_batch(self, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Give inbox events after a position: position, bytes and arrival time."""
        return self._work.rows(
            "select id, value, arrived_us from inbox where id > ? order by id limit ?",
            (after, limit),
        )

    def reports(self, limit: int) -> list[ReportRow]:
        """Give the oldest payloads of other formats: position, arrival, format, reporter, bytes."""
        return self._work.rows(_REPORTS, (limit, BATCH_BYTES))

    # ---- the API

    def data_version(self) -> int:
        """Give a number that changes with every commit; cheap to read."""
        return self._api.version

    def status(self) -> PipelineStatus:
        """Give the last status of the pipeline."""
        found = self._api.row("select value from meta where key = 'status'")
        return STATUS.decode(found[0]) if found else PipelineStatus()

    def inbox(self, values: Sequence[bytes]) -> list[Reception]:
        """Append raw events except duplicates, synced to disk; return the fate of each."""
        if self._post.read_only:
            raise StateError(f"store {self.path!r} is open for reading only")
        now = time.time_ns() // 1000  # noqa: TID251  # arrival time, read at the edge
        marks = self._marker.of_all(values)
        with self._post.transaction():
            known = resolved(marks, self._known)
            self._post.run_many(
                "insert into inbox (arrived_us, value, key, digest) values (?, ?, ?, ?)",
                [
                    (now, value, *(one.mark or (None, None)))
                    for value, one in zip(values, known, strict=True)
                    if one.reception != "duplicate"
                ],
            )
        return [one.reception for one in known]

    def report(self, fmt: str, reporter: str, values: Sequence[bytes]) -> None:
        """Append payloads of another format, synced to disk."""
        if self._post.read_only:
            raise StateError(f"store {self.path!r} is open for reading only")
        now = time.time_ns() // 1000  # noqa: TID251  # arrival time, read at the edge
        with self._post.transaction():
            self._post.run_many(
                "insert into reports (arrived_us, format, reporter, value) values (?, ?, ?, ?)",
                [(now, fmt, reporter, value) for value in values],
            )

    def _known(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the event keys that were judged, or wait in the inbox."""
        waiting = self._marks(self._post, "inbox", keys)
        return self._marks(self._post, "seen", keys) | waiting
