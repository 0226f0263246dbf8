"""Keyed digests of stored bytes: a changed or moved row is detected when it is read."""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, cast

from models.errors import ConfigError, StateError
from models.kernel import native_kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = 16
SECRET_BYTES = 32


class Seal:
    """Make and check the digests of one table; batches run in the compiled kernel if installed.

    Parameters
    ----------
    secret
        Key, 16 to 64 bytes.
    table
        Name of the table, at most 16 bytes; part of each digest.

    Examples
    --------
    >>> seal = Seal(b"0123456789abcdef", "profiles")
    >>> digest = seal.digest(b"agent-1", b"habits")
    >>> seal.check(b"agent-1", b"habits", digest)
    >>> seal.check(b"agent-2", b"habits", digest)
    Traceback (most recent call last):
    models.errors.StateError: row 'agent-2' of table 'profiles' does not match its digest, so it \
was changed outside this program; restore the store, or move it away to learn again
    """

    __slots__ = ("_many", "_start", "_table")

    def __init__(self, secret: bytes, table: str) -> None:
        self._table = table
        self._start = blake2b(key=secret, digest_size=SIZE, person=table.encode())
        native = native_kernel("auto")
        self._many = None if native is None else native.Seals(secret, table.encode(), SIZE)

    def digest(self, key: bytes, blob: bytes) -> bytes:
        """Give the digest of a row."""
        state = self._start.copy()
        # The length distinguishes (key, blob) from every other split of the same bytes.
        state.update(len(key).to_bytes(4) + key)
        state.update(blob)
        return state.digest()

    def digests(self, rows: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Give the digests of rows (key, blob)."""
        if self._many is None:
            return [self.digest(key, blob) for key, blob in rows]
        return cast("list[bytes]", self._many.digests(rows))

    def check(self, key: bytes, blob: bytes, digest: bytes) -> None:
        """Raise `StateError` with the row's name if the digest does not match."""
        if not compare_digest(self.digest(key, blob), digest):
            name = key.replace(b"\0", b" ").decode(errors="replace")
            raise StateError(
                f"row {name!r} of table {self._table!r} does not match its digest, so it was "
                "changed outside this program; restore the store, or move it away to learn again"
            )


def row_key(agent_id: str, mode: str) -> bytes:
    """Give the key of an agent's row; keys are unique, as no mode contains a NUL."""
    return f"{agent_id}\0{mode}".encode(errors="surrogatepass")


def checked_secret(secret: bytes | None) -> None:
    """Raise `ConfigError` for a secret of a wrong length."""
    if secret is not None and not 16 <= len(secret) <= 64:
        raise ConfigError(f"a store's secret must have 16 to 64 bytes, got {len(secret)}")
