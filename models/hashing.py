"""Keyed 64-bit hashes of names, stable over processes and machines.

The key is a secret of the installation: whoever names a tool or a file cannot search for a name
that collides with a familiar one.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import digest as hmac_digest

_MASK64 = (1 << 64) - 1
_CACHE_LIMIT = 50_000


class Hasher:
    """Hash strings to 64 bits under one key; remembers the most recent names.

    Parameters
    ----------
    key
        Secret of the installation, 16 to 64 bytes.

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
        self._known: dict[str, int] = {}

    def of(self, text: str) -> int:
        """Give the hash of `text`, 0 .. 2**64 - 1."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()
            known = self._known[text] = self.once(text)
        return known

    def once(self, text: str) -> int:
        """Give the same hash without remembering it, for names that do not come again."""
        raw = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self.key)
        return int.from_bytes(raw.digest(), "little")

    def uniform(self, text: str) -> float:
        """Give a number in (0, 1) that the sender of `text` cannot choose (science 4, `u`).

        >>> 0 < Hasher(b"0123456789abcdef").uniform("event-1") < 1
        True
        """
        raw = hmac_digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256")
        return (int.from_bytes(raw[:6], "little") + 0.5) / (1 << 48)


def mix(a: int, b: int, c: int = 0) -> int:
    """Combine hashes into one of 64 bits; order matters.

    >>> mix(1, 2) == mix(2, 1)
    False
    """
    x = (a ^ (b * 0x9E3779B97F4A7C15)) & _MASK64
    x = ((x ^ (x >> 29)) * 0xBF58476D1CE4E5B9 + c * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 32)
