"""How alike two requests are: idf-weighted overlap of their words (Jaccard).

An index from word to cluster keeps the comparison with a role's clusters short. Index and weights
are derived from the tables and never stored.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.content.tables import Documents, RoleTable

_MOST_REMEMBERED = 4_096
LEAST_OVERLAP = 0.2
Overlap = list[tuple[int, float]]


class WordWeights:
    """Weight of a word, ``ln(1 + (N+1)/(1+df))`` over the fleet's clusters.

    N and df are taken on a grid of about 3 %, so that a new cluster changes few weights.
    """

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.known: dict[int, float] = {}
        self.version = 0
        self._n = -1
        self._seen = 0

    def renew(self) -> None:
        """Drop what a new cluster changed; `version` tells that weights moved."""
        documents = self.documents
        if self._seen == documents.n:
            return
        self._seen = documents.n
        known, n = self.known, _on_grid(documents.n)
        if n != self._n:
            known.clear()
            self._n = n
            self.version += 1
            return
        for word in documents.latest:
            if word in known and known[word] != self._weigh(word):
                del known[word]
                self.version += 1

    def of(self, word: int) -> float:
        """Give the weight of a word."""
        weight = self.known.get(word)
        if weight is None:
            weight = self.known[word] = self._weigh(word)
        return weight

    def total(self, words: list[int]) -> float:
        """Give the weight of several words."""
        return sum(map(self.of, words))

    def _weigh(self, word: int) -> float:
        documents = self.documents
        holding = _on_grid(documents.holding.get(word, 0))
        return log(1 + (_on_grid(documents.n) + 1) / (1 + holding))


@lru_cache(maxsize=100_000)
def _on_grid(count: int) -> int:
    """Round a count down to six binary digits."""
    shift = max(0, count.bit_length() - 6)
    return count >> shift << shift


class RoleIndex:
    """The clusters of a role by the words of their requests."""

    def __init__(self, table: RoleTable, weights: WordWeights) -> None:
        self._table = table
        self._weights = weights
        self._by_word: dict[int, list[int]] = {}
        self._totals: dict[int, float] = {}
        self._remembered: dict[frozenset[int], Overlap] = {}
        self._indexed: set[int] = set()
        self._next = 1
        self._version = -1

    def overlaps(self, words: frozenset[int]) -> Overlap:
        """Give (cluster number, overlap 0..1) of the clusters above `LEAST_OVERLAP`, by number."""
        self._renew()
        known = self._remembered.get(words)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[words] = self._compare(words)
        return known

    def _compare(self, words: frozenset[int]) -> Overlap:
        clusters = self._table.clusters
        if not words:
            return [(number, 1.0) for number, cluster in clusters.items() if not cluster.bag]
        shared: dict[int, float] = defaultdict(float)
        own = 0.0
        known, of, by_word = self._weights.known, self._weights.of, self._by_word
        for word in sorted(words):
            weight = known[word] if word in known else of(word)
            own += weight
            if word in by_word:
                for number in by_word[word]:
                    shared[number] += weight
        found: Overlap = []
        least = LEAST_OVERLAP * own
        for number in sorted(shared):
            if shared[number] <= least:  # the union is no smaller than the request
                continue
            union = own + self._total(number) - shared[number]
            found.append((number, shared[number] / union if union > 0 else 1.0))
        return found

    def _total(self, number: int) -> float:
        total = self._totals.get(number)
        if total is None:
            total = self._totals[number] = self._weights.total(self._table.clusters[number].bag)
        return total

    def _renew(self) -> None:
        """Take in clusters that came or went, and forget weights that no longer hold."""
        table, weights = self._table, self._weights
        weights.renew()
        if self._next != table.next_id:
            if len(self._indexed) + table.next_id - self._next != len(table.clusters):
                self._by_word.clear()
                self._indexed.clear()
            for number, cluster in table.clusters.items():
                if number not in self._indexed:
                    self._indexed.add(number)
                    for word in cluster.bag:
                        self._by_word.setdefault(word, []).append(number)
            self._remembered.clear()
            self._next = table.next_id
        if self._version != weights.version:
            self._totals.clear()
            self._remembered.clear()
            self._version = weights.version
