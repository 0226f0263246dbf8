"""Rows of a commit with their digests, the same for every kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.trust.state import trust_bytes
from pipeline.store.registers.aliases import rows_of
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.identity.alias import Alias
    from pipeline.store.batch import ProfileRow
    from pipeline.store.registers.aliases import Row

SealedProfile = tuple[str, str, bytes, bytes, bytes, bytes]
"""Agent, mode, trust with its digest, digest of the profile, and profile."""


class Sealed:
    """Adds digests to rows, all rows of a kind at once.

    Parameters
    ----------
    secret
        Key of the digests.

    Examples
    --------
    >>> sealed = Sealed(b"0123456789abcdef")
    >>> [(key, len(digest), blob) for key, digest, blob in sealed.sessions([(7, b"open")])]
    [(7, 16, b'open')]
    """

    def __init__(self, secret: bytes) -> None:
        self._profiles = Seal(secret, "profiles")
        self._trust = Seal(secret, "trust")
        self._sessions = Seal(secret, "sessions")
        self._shared = Seal(secret, "shared")
        self._aliases = Seal(secret, "aliases")

    def profiles(self, rows: Sequence[ProfileRow]) -> list[SealedProfile]:
        """Add digests to profiles and, separately, to trust states."""
        keys = [row_key(agent_id, mode) for agent_id, mode, _, _ in rows]
        encoded = [trust_bytes(trust) for _, _, _, trust in rows]
        trusts = self._trust.digests(list(zip(keys, encoded, strict=True)))
        blobs = [blob for _, _, blob, _ in rows]
        digests = self._profiles.digests(list(zip(keys, blobs, strict=True)))
        agents, modes = [row[0] for row in rows], [row[1] for row in rows]
        return list(zip(agents, modes, encoded, trusts, digests, blobs, strict=True))

    def sessions(self, rows: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes, bytes]]:
        """Add digests to open sessions."""
        digests = self._sessions.digests([(b"%d" % key, blob) for key, blob in rows])
        return [(key, digest, blob) for (key, blob), digest in zip(rows, digests, strict=True)]

    def shared(self, rows: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes, bytes]]:
        """Add digests to shared state."""
        digests = self._shared.digests([(name.encode(), blob) for name, blob in rows])
        return [(name, digest, blob) for (name, blob), digest in zip(rows, digests, strict=True)]

    def aliases(self, rows: Sequence[Alias]) -> list[Row]:
        """Add digests to aliases."""
        return rows_of(rows, self._aliases)
