"""The append-only register of promoted configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.config import RETIRED, ModelConfig
from models.errors import StateError
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from pipeline.store.connection import Connection

_TABLE = "configs"
_DEFAULT_BEFORE = {"idle_minutes": 10, "held_days": 5}
"""Defaults of the judge before 0.3 that have changed since."""


class Promotion(Struct, frozen=True):
    """One stored promotion.

    Attributes
    ----------
    number
        Sequence number from 1; the highest is in effect.
    version
        Version of the configuration, which changes with any parameter; decisions record it.
    by, at_us, reason
        Approver, time (microseconds since 1970) and reason.
    parameters
        All parameters, including those with their default.
    """

    number: int
    version: str
    by: str
    at_us: int
    reason: str
    parameters: dict[str, float]

    @property
    def config(self) -> ModelConfig:
        """The configuration; parameters added later have their default, retired ones are ignored.

        A promotion for the judge before also names what nobody had changed. Its old defaults stand
        for those of today.
        """
        values = self.parameters
        if RETIRED.intersection(values):
            values = {name: one for name, one in values.items() if _DEFAULT_BEFORE.get(name) != one}
        return msgspec.convert(values, ModelConfig, strict=False)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Promotion).decode


class Configs:
    """Reads the register of a store, and appends to it.

    A digest covers the row, its number, and the digest of the previous row. So changed, moved or
    removed rows are detected, except rows removed at the end.

    Parameters
    ----------
    database
        The connection.
    secret
        Key of the digests.
    """

    def __init__(self, database: Connection, secret: bytes) -> None:
        self._database = database
        self._seal = Seal(secret, _TABLE)

    def all(self) -> list[Promotion]:
        """Give all promotions, oldest first; raise `StateError` if one was changed."""
        return [_decode(blob) for blob, _ in self._rows()]

    def promoted(self) -> ModelConfig | None:
        """Give the configuration in effect; None if none was promoted."""
        rows = self._rows()
        return _decode(rows[-1][0]).config if rows else None

    def add(self, config: ModelConfig, *, by: str, at_us: int, reason: str) -> Promotion:
        """Add a promotion, which takes effect at once."""
        database = self._database
        if database.read_only:
            raise StateError(f"store {database.path!r} is open for reading only")
        with database.transaction():
            rows = self._rows()
            number, before = len(rows) + 1, rows[-1][1] if rows else b""
            made = Promotion(number, config.version, by, at_us, reason, config.numbers())
            blob = _encode(made)
            digest = self._seal.digest(_key(number, before), blob)
            database.run(
                "insert into configs (number, version, digest, blob) values (?, ?, ?, ?)",
                (number, config.version, digest, blob),
            )
        return made

    def _rows(self) -> list[tuple[bytes, bytes]]:
        """Give blob and digest of each promotion after checking its digest."""
        rows, before = list[tuple[bytes, bytes]](), b""
        for place, (number, digest, blob) in enumerate(
            self._database.rows("select number, digest, blob from configs order by number"), 1
        ):
            if number != place:
                raise StateError(
                    f"promotion {place} is missing from the register of configurations, so it was "
                    "changed outside this program; restore the store"
                )
            if isinstance(blob, str):
                blob = blob.encode()  # another program changed the type
            self._seal.check(_key(number, before), blob, digest)
            rows.append((blob, digest))
            before = digest
        return rows


def _key(number: int, before: bytes) -> bytes:
    return b"%d\0%s" % (number, before)
