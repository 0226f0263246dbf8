"""The append-only log of what people did: who did what, when and why.

The API and the commands append. What a worker has to apply waits in `audit_due`. The worker that
judges the agent applies it in its next commit, and deletes its number there. So everything takes
effect exactly once. Decisions, comments and suppressions are read from this log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from models.errors import StateError
from models.trust.disposition import Disposition  # noqa: TC001  # msgspec reads the annotations
from pipeline.casework.scope import Scope  # noqa: TC001  # as above
from pipeline.identity.alias import AliasKind  # noqa: TC001  # as above
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.connection import Connection

Action = Literal[
    "disposition", "undo", "comment", "suppress", "end_suppression", "quarantine", "release",
    "merge", "split", "refuse_alias",
]  # fmt: skip
Kind = Literal["case", "comment", "suppression", "gate", "identity"]
KINDS: dict[Action, Kind] = {
    "disposition": "case",
    "undo": "case",
    "comment": "comment",
    "suppress": "suppression",
    "end_suppression": "suppression",
    "quarantine": "gate",
    "release": "gate",
    "merge": "identity",
    "split": "identity",
    "refuse_alias": "identity",
}
"""What each action is about."""

_APPLIED_BY_WORKER: frozenset[Kind] = frozenset({"case", "comment", "gate", "identity"})
_TABLE = "audit"
_COLUMNS = "select number, kind, object, version, digest, blob from audit"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a person did.

    Attributes
    ----------
    object
        Id of the case, the agent or the suppression; the identifier that is merged or split.
    version
        Version of the object that the person acted on: that of a case, else the number of earlier
        entries of the kind. Each version has one entry, so of two people at once one is refused.
    agent_id
        Agent whose worker applies the entry; empty where no worker has to.
    by, at_us, reason
        Subject of the credential, wall time (microseconds since 1970), and reason or comment.
    disposition
        Of a decision.
    scope, until
        Of a suppression and of an expected change: what it covers, and until when.
    case_id
        Of a suppression: the case whose decision made it.
    target, alias_kind
        Of an identity: the agent that the identifier belongs to, and what the identifier is.
    """

    action: Action
    object: str
    version: int
    by: str
    at_us: int
    reason: str
    agent_id: str = ""
    disposition: Disposition | None = None
    scope: Scope | None = None
    until: str | None = None
    case_id: str | None = None
    target: str | None = None
    alias_kind: AliasKind | None = None

    @property
    def kind(self) -> Kind:
        """What it is about."""
        return KINDS[self.action]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class AuditLog:
    """Reads the log of a store, and appends to it.

    Parameters
    ----------
    writing, reading
        The connections.
    secret
        Key of the digests: a changed or moved row is detected.
    shard
        Shard whose agents `due` is about; None where all agents belong to one worker.
    """

    def __init__(
        self, writing: Connection, reading: Connection, secret: bytes, shard: str | None = None
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._seal = Seal(secret, _TABLE)
        self._confirming = Seal(secret, "confirmations")
        self._shard = shard

    def add(self, *entries: Entry) -> bool:
        """Append entries together; False, and nothing is written, if a version has one already."""
        database = self._writing
        if database.read_only:
            raise StateError(f"store {database.path!r} is open for reading only")
        try:
            with database.transaction():
                for entry in entries:
                    self._insert(database, entry)
        except _TakenError:
            return False
        return True

    def _insert(self, database: Connection, entry: Entry) -> None:
        blob = _encode(entry)
        key = entry.kind, entry.object, entry.version
        row = database.row(
            "insert into audit (kind, object, version, action, agent_id, digest, blob) "
            "values (?, ?, ?, ?, ?, ?, ?) on conflict (kind, object, version) do nothing "
            "returning number",
            (*key, entry.action, entry.agent_id, self._seal.digest(_key(*key), blob), blob),
        )
        if row is None:
            raise _TakenError
        if entry.kind in _APPLIED_BY_WORKER:
            database.run("insert into audit_due (number) values (?)", (row[0],))

    def due(self, limit: int) -> list[tuple[int, Entry]]:
        """Give entries that no commit has applied yet, with their numbers, oldest first."""
        mine, values = self._mine("audit")
        # Any worker applies an identity of an agent that has not acted yet.
        nobodys = (
            "kind = 'identity' and not exists "
            "(select 1 from profiles where profiles.agent_id = audit.agent_id)"
        )
        return self._decoded(
            f"join audit_due using (number) where ({mine} or {nobodys}) order by number limit ?",
            [*values, limit],
        )

    def is_due(self, number: int) -> bool:
        """Tell whether an entry waits for its worker."""
        row = self._reading.row("select 1 from audit_due where number = ?", (number,))
        return row is not None

    def hidden_cases(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Give suppressed cases of this worker's agents after an id, in order of their ids."""
        mine, values = self._mine("cases")
        rows = self._reading.rows(
            f"select blob from cases where status = 'suppressed' and id > ? and {mine} "  # noqa: S608  # constant parts
            "order by id limit ?",
            [after, *values, limit],
        )
        return [msgspec.json.decode(blob) for (blob,) in rows]

    def _mine(self, table: str) -> tuple[str, list[Any]]:
        """Give the condition for rows of agents that this worker judges, and its values."""
        if self._shard is None:
            return "true", []
        return (
            f"exists (select 1 from profiles where profiles.agent_id = {table}.agent_id "  # noqa: S608  # constant parts
            "and profiles.shard = ?)"
        ), [self._shard]

    def of(self, kind: Kind, name: str) -> list[Entry]:
        """Give all entries about an object, oldest first."""
        found = self._decoded("where kind = ? and object = ? order by version", [kind, name])
        return [entry for _, entry in found]

    def latest(self, kind: Kind, name: str) -> tuple[int, Entry] | None:
        """Give the newest entry about an object with its number, None without one."""
        found = self._decoded(
            "where kind = ? and object = ? order by version desc limit 1", [kind, name]
        )
        return found[0] if found else None

    def page(
        self,
        *,
        before: int | None = None,
        actions: Sequence[Action] = (),
        name: str | None = None,
        limit: int = 50,
    ) -> list[tuple[int, Entry]]:
        """Give entries with numbers below `before`, the newest first."""
        parts, values = ["true"], list[Any]()
        if before is not None:
            parts.append("number < ?")
            values.append(before)
        if actions:
            parts.append(f"action in ({','.join('?' * len(actions))})")
            values += actions
        if name is not None:
            parts.append("object = ?")
            values.append(name)
        return self._decoded(
            f"where {' and '.join(parts)} order by number desc limit ?", [*values, limit]
        )

    def all_of(self, kind: Kind) -> list[Entry]:
        """Give all entries of a kind, oldest first."""
        return [entry for _, entry in self._decoded("where kind = ? order by number", [kind])]

    def quarantined(self) -> frozenset[str]:
        """Give the agents that a person has quarantined, and nobody has released since."""
        latest = {entry.object: entry.action for entry in self.all_of("gate")}
        return frozenset(name for name, action in latest.items() if action == "quarantine")

    def count(self, kind: Kind) -> int:
        """Count the entries of a kind; it changes with every further one."""
        row = self._reading.row("select count(*) from audit where kind = ?", (kind,))
        return int(row[0])

    def hidden_by(self, names: Sequence[str]) -> dict[str, int]:
        """Count the cases that each of these suppressions has hidden."""
        if not names:
            return {}
        marks = ",".join("?" * len(names))
        return dict(
            self._reading.rows(
                "select suppression, count(*) from suppressed "  # noqa: S608  # placeholders only
                f"where suppression in ({marks}) group by suppression",
                names,
            )
        )

    def confirmation(self, *parts: str) -> str:
        """Give a word that only this store can give for these parts."""
        return self._confirming.digest(b"", _encode(parts)).hex()

    def _decoded(self, condition: str, values: list[Any]) -> list[tuple[int, Entry]]:
        found = []
        for number, kind, name, version, digest, blob in self._reading.rows(
            f"{_COLUMNS} {condition}", values
        ):
            self._seal.check(_key(kind, name, version), blob, digest)
            found.append((number, _decode(blob)))
        return found


class _TakenError(Exception):
    """A version has an entry already; undoes the transaction."""


def _key(kind: str, name: str, version: int) -> bytes:
    return f"{kind}\0{name}\0{version}".encode()
