"""Similarity of two requests: idf-weighted Jaccard index of their words.

An index from words to clusters makes the comparison with a role's clusters fast. Index and weights
are derived from the tables and never stored.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.provenance.history.request_clusters import Cluster, DocumentFrequencies, RoleTable

_MAX_CACHED = 4_096
MIN_OVERLAP = 0.2
Overlap = list[tuple[int, float]]


class WordWeights:
    """Weight of a word, ``ln(1 + (N+1)/(1+df))`` over the fleet's clusters.

    N and df are rounded on a grid of about 3 %, so a new cluster changes few weights. The indexes
    drop the sums of changed weights.
    """

    def __init__(self, documents: DocumentFrequencies) -> None:
        self.documents = documents
        self.known: dict[int, float] = {}
        self.indexes: list[RoleIndex] = []

    def add(self, bag: list[int]) -> None:
        """Count the words of a new cluster, and drop the weights and sums that change."""
        documents, known = self.documents, self.known
        before = _quantise(documents.n)
        gone = documents.add(bag)
        if _quantise(documents.n) != before:
            known.clear()
            for index in self.indexes:
                index.forget()
            return
        changed = [
            word for word in bag + gone if word in known and known[word] != self._weigh(word)
        ]
        for word in changed:
            known.pop(word, None)
        for index in self.indexes:
            index.forget_words(changed)

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
        frequency = _quantise(documents.frequencies.get(word, 0))
        return log(1 + (_quantise(documents.n) + 1) / (1 + frequency))


@lru_cache(maxsize=100_000)
def _quantise(count: int) -> int:
    """Round a count down to six significant bits."""
    shift = max(0, count.bit_length() - 6)
    return count >> shift << shift


class RoleIndex:
    """Index from words to the clusters of a role."""

    def __init__(self, table: RoleTable, weights: WordWeights) -> None:
        self._table = table
        self._weights = weights
        self._by_word: dict[int, set[int]] = {}
        self._totals: dict[int, float] = {}
        self._cached: dict[frozenset[int], Overlap] = {}
        self._request_words: set[int] = set()  # words of the cached requests
        for cluster in table.clusters.values():
            self.add(cluster)
        weights.indexes.append(self)

    def overlaps(self, words: frozenset[int]) -> Overlap:
        """Give (cluster number, overlap 0..1) of the clusters above `MIN_OVERLAP`, by number."""
        known = self._cached.get(words)
        if known is None:
            if len(self._cached) >= _MAX_CACHED:
                self._forget_requests()
            known = self._cached[words] = self._compare(words)
            self._request_words |= words
        return known

    def add(self, cluster: Cluster) -> None:
        """Add a new cluster."""
        for word in cluster.bag:
            self._by_word.setdefault(word, set()).add(cluster.number)
        self._forget_requests()

    def remove(self, cluster: Cluster) -> None:
        """Remove an evicted cluster."""
        for word in cluster.bag:
            numbers = self._by_word[word]
            numbers.discard(cluster.number)
            if not numbers:
                del self._by_word[word]
        self._totals.pop(cluster.number, None)
        self._forget_requests()

    def forget_words(self, words: list[int]) -> None:
        """Drop the results that depend on the weights of these words."""
        by_word, asked, totals = self._by_word, self._request_words, self._totals
        stale = False
        for word in words:
            if word in by_word:
                stale = True
                for number in by_word[word]:
                    totals.pop(number, None)
            elif word in asked:
                stale = True
        if stale:
            self._forget_requests()

    def forget(self) -> None:
        """Drop all results that depend on weights."""
        self._totals.clear()
        self._forget_requests()

    def _forget_requests(self) -> None:
        self._cached.clear()
        self._request_words.clear()

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
        minimum = MIN_OVERLAP * own
        for number in sorted(shared):
            if shared[number] <= minimum:  # the union is at least as large as the request
                continue
            union = own + self._total(number) - shared[number]
            found.append((number, shared[number] / union if union > 0 else 1.0))
        return found

    def _total(self, number: int) -> float:
        total = self._totals.get(number)
        if total is None:
            total = self._totals[number] = self._weights.total(self._table.clusters[number].bag)
        return total
