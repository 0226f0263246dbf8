"""The append-only log of decisions about cases: who decided what, when and why.

The API appends. The worker that judges the agent applies a decision in its next commit, and notes
its number there. So a decision takes effect exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from models.errors import StateError
from models.trust.disposition import Disposition  # noqa: TC001  # msgspec reads the annotations
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from pipeline.store.connection import Connection

_TABLE = "decisions"
_COLUMNS = "select number, case_id, version, digest, blob from decisions"


class Decision(Struct, frozen=True):
    """One decision.

    Attributes
    ----------
    version
        Version of the case that it was made about; a version has one decision.
    agent_id
        Agent that opened the case.
    disposition
        None takes the decision before back.
    by, at_us, reason
        Subject of the credential, wall time (microseconds since 1970) and reason.
    scope, until
        Of an expected change: what it covers, and until when.
    """

    case_id: str
    version: int
    agent_id: str
    disposition: Disposition | None
    by: str
    at_us: int
    reason: str
    scope: dict[str, str] | None = None
    until: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Decision).decode


class Decisions:
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
        self._shard = shard

    def add(self, decision: Decision) -> bool:
        """Append a decision; False if its version of the case has one already."""
        database = self._writing
        if database.read_only:
            raise StateError(f"store {database.path!r} is open for reading only")
        blob = _encode(decision)
        digest = self._seal.digest(_key(decision.case_id, decision.version), blob)
        with database.transaction():
            added = database.row(
                "insert into decisions (case_id, version, agent_id, digest, blob) "
                "values (?, ?, ?, ?, ?) on conflict (case_id, version) do nothing returning number",
                (decision.case_id, decision.version, decision.agent_id, digest, blob),
            )
        return added is not None

    def due(self, limit: int) -> list[tuple[int, Decision]]:
        """Give decisions that no commit has applied yet, with their numbers, oldest first."""
        mine, values = "true", list[Any]()
        if self._shard is not None:
            mine = (
                "exists (select 1 from profiles where profiles.agent_id = decisions.agent_id "
                "and profiles.shard = ?)"
            )
            values = [self._shard]
        return self._decoded(
            "where not exists (select 1 from decisions_done "  # noqa: S608  # constant parts
            f"where decisions_done.number = decisions.number) and {mine} order by number limit ?",
            [*values, limit],
        )

    def of_case(self, case_id: str) -> list[Decision]:
        """Give all decisions about a case, oldest first."""
        return [one for _, one in self._decoded("where case_id = ? order by number", [case_id])]

    def _decoded(self, condition: str, values: list[Any]) -> list[tuple[int, Decision]]:
        found = []
        for number, case_id, version, digest, blob in self._reading.rows(
            f"{_COLUMNS} {condition}", values
        ):
            self._seal.check(_key(case_id, version), blob, digest)
            found.append((number, _decode(blob)))
        return found


def _key(case_id: str, version: int) -> bytes:
    return f"{case_id}\0{version}".encode()
