"""The register of promoted configurations: rows are added, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.config import ModelConfig
from models.errors import StateError
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from pipeline.store.connection import Connection

_TABLE = "configs"


class Promotion(Struct, frozen=True):
    """One promotion, as it is kept.

    Attributes
    ----------
    number
        1 for the first; the highest is in effect.
    version
        Digits that change whenever a parameter does; decisions made under it carry them.
    by, at_us, reason
        Who signed it off, when (microseconds since 1970), and why.
    parameters
        Every parameter, also those that had their default.
    """

    number: int
    version: str
    by: str
    at_us: int
    reason: str
    parameters: dict[str, float]

    @property
    def config(self) -> ModelConfig:
        """The configuration; parameters that came later have their default."""
        return msgspec.convert(self.parameters, ModelConfig, strict=False)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Promotion).decode


class Configs:
    """Adds to the register of a store, and reads it.

    A digest covers a row, its number, and the digest of the row before: one that was changed,
    moved or taken out is noticed. Rows cut off at the end are not.

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
        """Give all promotions, oldest first; `StateError` when one was changed."""
        return [_decode(blob) for blob, _ in self._rows()]

    def promoted(self) -> ModelConfig | None:
        """Give the configuration in effect, None when none was ever promoted."""
        rows = self._rows()
        return _decode(rows[-1][0]).config if rows else None

    def add(self, config: ModelConfig, *, by: str, at_us: int, reason: str) -> Promotion:
        """Add a promotion, which is in effect from then on."""
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
        """Give blob and digest of each promotion whose digest holds."""
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
                blob = blob.encode()  # as another program left it: the digest says whether it holds
            self._seal.check(_key(number, before), blob, digest)
            rows.append((blob, digest))
            before = digest
        return rows


def _key(number: int, before: bytes) -> bytes:
    return b"%d\0%s" % (number, before)
