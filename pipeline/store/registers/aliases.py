"""The table of aliases: proposals, and what people decided about them.

Proposals come from imports and from events. Only a worker writes a decision, in the commit that
applies its entry of the audit log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import StateError
from pipeline.identity.alias import Alias
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.connection import Connection

MOST_OF_AGENT = 1_000
"""Most aliases of one agent that are listed."""
PROPOSE = (
    "insert into aliases (value, agent_id, state, version, digest, blob) "
    "select ?, ?, ?, ?, ?, ? "
    "where (select count(*) from aliases where state = 'proposed') < 100000 "
    "on conflict (value, agent_id) do nothing"
)
"""Saves a proposal unless the pair is known, or 100,000 proposals are open."""
DECIDE = (
    "insert into aliases (value, agent_id, state, version, digest, blob) "
    "values (?, ?, ?, ?, ?, ?) on conflict (value, agent_id) do update set "
    "state = excluded.state, version = excluded.version, digest = excluded.digest, "
    "blob = excluded.blob where aliases.version < excluded.version"
)
_JUDGED_AS = (
    "where state = 'confirmed' and value in ("
    "with recursive below (value) as ("
    "select value from aliases where agent_id = ? and state = 'confirmed' "
    "union select a.value from aliases a join below b on a.agent_id = b.value "
    "where a.state = 'confirmed') select value from below) order by value limit ?"
)
"""Confirmed aliases of an agent, of these aliases, and so on."""
_TABLE = "aliases"
_COLUMNS = "select value, agent_id, digest, blob from aliases"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Alias).decode

Row = tuple[str, str, str, int, bytes, bytes]
"""Columns of an alias."""


def rows_of(aliases: Sequence[Alias], seal: Seal) -> list[Row]:
    """Give the columns of aliases, with digests."""
    blobs = [_encode(one) for one in aliases]
    return [
        (one.value, one.agent_id, one.state, one.version, seal.digest(_key(one), blob), blob)
        for one, blob in zip(aliases, blobs, strict=True)
    ]


class Aliases:
    """Reads the aliases of a store, and appends proposals.

    Parameters
    ----------
    writing, reading
        The connections.
    secret
        Key of the digests: a changed or moved row is detected.
    """

    def __init__(self, writing: Connection, reading: Connection, secret: bytes) -> None:
        self._writing = writing
        self._reading = reading
        self._seal = Seal(secret, _TABLE)

    def propose(self, aliases: Sequence[Alias]) -> int:
        """Save proposals; give how many are new. A pair that is known stays as it is."""
        database = self._writing
        if database.read_only:
            raise StateError(f"store {database.path!r} is open for reading only")
        new = 0
        with database.transaction():
            for row in rows_of(aliases, self._seal):
                new += database.row(f"{PROPOSE} returning 1", row) is not None
        return new

    def stamp(self) -> int:
        """Give a number that rises with every decision."""
        row = self._reading.row(
            "select coalesce(sum(version), 0) from aliases where state in ('confirmed', 'split')"
        )
        return int(row[0])

    def confirmed(self) -> list[Alias]:
        """Give all confirmed aliases."""
        return self._decoded("where state = 'confirmed' order by value", ())

    def of_value(self, value: str) -> list[Alias]:
        """Give all rows about an identifier, in order of their agents."""
        return self._decoded("where value = ? order by agent_id", (value,))

    def of_agent(self, agent_id: str) -> list[Alias]:
        """Give the rows about an agent, in order of their identifiers."""
        return self._decoded("where agent_id = ? order by value limit ?", (agent_id, MOST_OF_AGENT))

    def judged_as(self, agent_id: str) -> list[Alias]:
        """Give the confirmed aliases of an agent and of its aliases, in order of identifiers."""
        return self._decoded(_JUDGED_AS, (agent_id, MOST_OF_AGENT))

    def page(
        self,
        *,
        state: str | None = None,
        agent_id: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[Alias]:
        """Give aliases after a pair of identifier and agent, in order of such pairs."""
        parts, values = ["true"], list[Any]()
        if state is not None:
            parts.append("state = ?")
            values.append(state)
        if agent_id is not None:
            parts.append("(agent_id = ? or value = ?)")
            values += [agent_id, agent_id]
        if after is not None:
            parts.append("(value > ? or (value = ? and agent_id > ?))")
            values += [after[0], *after]
        return self._decoded(
            f"where {' and '.join(parts)} order by value, agent_id limit ?", (*values, limit)
        )

    def _decoded(self, condition: str, values: Sequence[Any]) -> list[Alias]:
        found = []
        for value, agent_id, digest, blob in self._reading.rows(f"{_COLUMNS} {condition}", values):
            one = _decode(blob)
            self._seal.check(f"{value}\0{agent_id}".encode(), blob, digest)
            found.append(one)
        return found


def _key(one: Alias) -> bytes:
    return f"{one.value}\0{one.agent_id}".encode()
