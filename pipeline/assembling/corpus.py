"""The words that a session has met, by where they stood: searched, and never readable again.

Content is kept as a row of 32-bit checksums of its words. A value stood in a text where the words
of the value follow each other in it.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORDS = 200_000
"""Most words of one session; the oldest texts are left out first."""
_BYTES = 4
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

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, origin: str, text: str) -> None:
        """Add a text that stood at `origin`."""
        self.add_row(origin, self._row(text))

    def add_row(self, origin: str, row: bytes) -> None:
        """Add a text by its checksums; the newest words of a text that is too long."""
        row = row[-MAX_WORDS * _BYTES :]
        self.texts.append((origin, row))
        self._words += len(row) // _BYTES
        while self._words > MAX_WORDS:
            self._words -= len(self.texts.pop(0)[1]) // _BYTES
            self.dropped += 1

    def origins(self, value: str) -> list[str]:
        """Give where a value stood: each origin once, in order; of tools the first."""
        row = self._row(value)
        if not row:
            return []
        found: dict[str, None] = {}
        for origin, text in self.texts:
            if origin in found or (origin.startswith("result:") and _is_result(found)):
                continue
            if any(at % _BYTES == 0 for at in _places(text, row)):
                found[origin] = None
        return list(found)

    def _row(self, text: str) -> bytes:
        salt = self._salt
        words = _WORD.findall(text.lower())
        return array(
            "I", [crc32(word.encode("utf-8", "replace"), salt) for word in words]
        ).tobytes()


def _is_result(found: dict[str, None]) -> bool:
    return any(origin.startswith("result:") for origin in found)


def _places(text: bytes, row: bytes) -> Iterator[int]:
    at = text.find(row)
    while at >= 0:
        yield at
        at = text.find(row, at + 1)
