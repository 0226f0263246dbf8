"""Keyed 64-bit hashes of names, stable over processes and machines.

The key is a secret of the installation: without it nobody can search for a name
that collides with a familiar one.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any

from models.codec.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

_MASK64 = (1 << 64) - 1
_CACHE_LIMIT = 50_000
_BLOCK = 64  # bytes that SHA-256 takes at a time


class Hasher:
    """Hash strings to 64 bits under one key; remembers the most recent names.

    Parameters
    ----------
    key
        Secret of the installation, 16 to 64 bytes.

    Attributes
    ----------
    of
        Gives the hash of a text, 0 .. 2**64 - 1, and remembers it.

    Examples
    --------
    >>> h = Hasher(b"0123456789abcdef")
    >>> h.of("mail.send") == Hasher(b"0123456789abcdef").of("mail.send")
    True
    >>> h.of("mail.send") == Hasher(b"another key 0000").of("mail.send")
    False
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        block = key.ljust(_BLOCK, b"\0")
        self._inner = bytes(byte ^ 0x36 for byte in block)
        self._outer = bytes(byte ^ 0x5C for byte in block)
        self.of: Callable[[str], int] = lru_cache(_CACHE_LIMIT)(self.once)

    def __reduce__(self) -> tuple[type[Hasher], tuple[bytes]]:
        """Copy the key alone: a copy computes the same hashes, and remembers none yet."""
        return Hasher, (self.key,)

    def once(self, text: str) -> int:
        """Give the hash of `text` without remembering it, for names that do not come again."""
        raw = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self.key)
        return int.from_bytes(raw.digest(), "little")

    def uniform(self, text: str) -> float:
        """Give a number in (0, 1) that the sender of `text` cannot choose.

        >>> 0 < Hasher(b"0123456789abcdef").uniform("event-1") < 1
        True
        """
        raw = self._code(text.encode("utf-8", "surrogatepass"))
        return (int.from_bytes(raw[:6], "little") + 0.5) / (1 << 48)

    def event_keys(self, names: list[tuple[str, str]]) -> list[int]:
        """Give 63 bits for each (agent, id) of an event."""
        return [self.once(f"event\x1f{agent_id}\x1f{name}") >> 1 for agent_id, name in names]

    def content(self, value: bytes) -> int:
        """Give 63 bits for the content of an event, however its JSON is written.

        Raises
        ------
        RecursionError
            Values are nested too deeply.

        Examples
        --------
        >>> h = Hasher(b"0123456789abcdef")
        >>> h.content(b'{"id":"1","tool":"t"}') == h.content(b'{ "tool": "t", "id": "1" }')
        True
        """
        # SHA-256, which processors have: of so much text BLAKE2b takes three times as long.
        return int.from_bytes(self._code(b"content\x1f" + canonical(value))[:8], "little") >> 1

    def _code(self, text: bytes) -> bytes:
        # HMAC-SHA256 (RFC 2104), written out: the one of the library takes twice as long.
        return sha256(self._outer + sha256(self._inner + text).digest()).digest()


class NativeHasher(Hasher):
    """The same hashes from the compiled kernel `native`."""

    def __init__(self, key: bytes, native: Any) -> None:
        super().__init__(key)
        hashes = native.Hashes(key)
        self.once = hashes.once  # type: ignore[method-assign]  # without a frame between
        self.of = lru_cache(_CACHE_LIMIT)(hashes.once)
        self.uniform = hashes.uniform  # type: ignore[method-assign]
        self.event_keys = hashes.event_keys  # type: ignore[method-assign]
        self._content = hashes.content

    def content(self, value: bytes) -> int:
        """Give the same digest; JSON that is nested deeply is left to the reference."""
        found: int | None = self._content(value)
        return super().content(value) if found is None else found


def hasher_of(key: bytes, native: Any | None) -> Hasher:
    """Give the hasher of a key, compiled where `native` is."""
    return Hasher(key) if native is None else NativeHasher(key, native)


def mix(a: int, b: int, c: int = 0) -> int:
    """Combine hashes into one of 64 bits; order matters.

    >>> mix(1, 2) == mix(2, 1)
    False
    """
    x = (a ^ (b * 0x9E3779B97F4A7C15)) & _MASK64
    x = ((x ^ (x >> 29)) * 0xBF58476D1CE4E5B9 + c * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 32)
