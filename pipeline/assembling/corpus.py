"""The words that a session has met, by their origins: searched, and never readable again.

Content is kept as a row of 32-bit checksums of its words. A value is found in a text where its
words follow each other.
"""

from __future__ import annotations

import re
from array import array
from zlib import crc32

MAX_WORDS = 200_000
"""Most words of one session; the oldest texts are left out first."""
_BYTES = 4
_BETWEEN = bytes(_BYTES)
"""Checksum of no word: no value reaches over the end of a text."""
_WORD = re.compile(r"\w+")


class Corpus:
    """Texts of one session.

    Parameters
    ----------
    salt
        Start of the checksums, 32 bits of the installation's secret.

    Examples
    --------
    >>> corpus = Corpus(7)
    >>> corpus.add("request", "Mail the report to Lily White")
    >>> corpus.add("result:files.read", "contact: lily.white@example.com")
    >>> corpus.origins("lily.white@example.com"), corpus.origins("Lily White")
    (['result:files.read'], ['request', 'result:files.read'])
    >>> corpus.origins("eve@evil.example")
    []
    """

    def __init__(self, salt: int) -> None:
        self._salt = salt
        self.texts: list[tuple[str, bytes]] = []
        self.dropped = 0
        self._words = 0
        self._joined: dict[str, bytearray] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, origin: str, text: str) -> None:
        """Add a text of an origin."""
        self.add_row(origin, self._row(text))

    def add_row(self, origin: str, row: bytes) -> None:
        """Add a text by its checksums; the newest words of a text that is too long."""
        row = row[-MAX_WORDS * _BYTES :]
        self.texts.append((origin, row))
        self._words += len(row) // _BYTES
        if self._words <= MAX_WORDS:
            self._join(origin, row)
            return
        while self._words > MAX_WORDS:
            self._words -= len(self.texts.pop(0)[1]) // _BYTES
            self.dropped += 1
        self._joined.clear()
        for one in self.texts:
            self._join(*one)

    def _join(self, origin: str, row: bytes) -> None:
        joined = self._joined.setdefault(origin, bytearray())
        joined += _BETWEEN
        joined += row

    def origins(self, value: str) -> list[str]:
        """Give the origins of a value: each once, in order; of tools the first."""
        row = self._row(value)
        if not row:
            return []
        found = [origin for origin, text in self._joined.items() if _is_in(text, row)]
        results = [origin for origin in found if origin.startswith("result:")]
        return [origin for origin in found if origin not in results[1:]]

    def _row(self, text: str) -> bytes:
        salt = self._salt
        words = _WORD.findall(text.lower())
        return array(
            "I", [crc32(word.encode("utf-8", "replace"), salt) for word in words]
        ).tobytes()


def _is_in(text: bytearray, row: bytes) -> bool:
    at = text.find(row)
    while at >= 0 and at % _BYTES:
        at = text.find(row, at + 1)
    return at >= 0
