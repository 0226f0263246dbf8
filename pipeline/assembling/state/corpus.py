"""The words that a session has met, by their origins: searched, and never readable again.

Content is kept as a row of 32-bit checksums of its words. A value is found in a text where its
words follow each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.assembling.state.weights import ENTRY
from pipeline.assembling.word_sums import BYTES, place_in, word_sums

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WORDS = 200_000
"""Most words of one session; the oldest texts are left out first."""
_COPIES = 2
"""Of each row: the text, and the joined texts of its origin."""
_BETWEEN = bytes(BYTES)
"""Checksum of no word: no value reaches over the end of a text."""


class Corpus:
    """Texts of one session.

    Parameters
    ----------
    salt
        Start of the checksums, 32 bits of the installation's secret.
    sums
        Computes the checksums of a text, in Python or compiled.

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

    def __init__(self, salt: int, sums: Callable[[str, int], bytes] = word_sums) -> None:
        self._salt = salt
        self._sums = sums
        self.texts: list[tuple[str, bytes]] = []
        self.dropped = 0
        self._known: set[tuple[str, bytes]] = set()
        self._words = 0
        self._joined: dict[str, bytearray] = {}

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def weight(self) -> int:
        """Bytes of the texts in memory (`pipeline.assembling.state.weights`)."""
        return ENTRY * len(self.texts) + _COPIES * BYTES * self._words

    def add(self, origin: str, text: str) -> None:
        """Add a text of an origin."""
        self.add_row(origin, self._sums(text, self._salt))

    def add_row(self, origin: str, row: bytes) -> None:
        """Add a text by its checksums, once; the newest words of a text that is too long."""
        row = row[-MAX_WORDS * BYTES :]
        text = (origin, row)
        if text in self._known:
            return  # a model gets the whole conversation with every call
        self._known.add(text)
        self.texts.append(text)
        self._words += len(row) // BYTES
        if self._words <= MAX_WORDS:
            self._join(origin, row)
            return
        while self._words > MAX_WORDS:
            oldest = self.texts.pop(0)
            self._known.discard(oldest)
            self._words -= len(oldest[1]) // BYTES
            self.dropped += 1
        self._joined.clear()
        for one in self.texts:
            self._join(*one)

    def clear(self) -> int:
        """Leave out all texts; give their number."""
        number = len(self.texts)
        self.dropped += number
        self.texts.clear()
        self._known.clear()
        self._joined.clear()
        self._words = 0
        return number

    def _join(self, origin: str, row: bytes) -> None:
        joined = self._joined.setdefault(origin, bytearray())
        joined += _BETWEEN
        joined += row

    def origins(self, value: str) -> list[str]:
        """Give the origins of a value: each once, in order; of tools the first."""
        row = self._sums(value, self._salt)
        if not row:
            return []
        found = [origin for origin, text in self._joined.items() if place_in(text, row) >= 0]
        results = [origin for origin in found if origin.startswith("result:")]
        return [origin for origin in found if origin not in results[1:]]
