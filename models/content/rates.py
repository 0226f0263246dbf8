"""How often sessions carry something new: rates with back-off, in bits.

Counts are sums with an event-time half-life, so that the tables of several workers merge by
addition. Confidence is bounded on reading: a node never weighs more than `MEMORY` votes, so a
frequent tool does not earn more bits just because it has more counts.
"""

from __future__ import annotations

from math import log2

from msgspec import Struct

DAY_US = 86_400_000_000
HALF_LIFE_DAYS = 30.0
BACKOFF = 4.0  # strength of the more general context
ROOT = 0.3  # P(new) before anything is known
MEMORY = 150.0  # votes; 100 to 150 measured alike, without a bound the early days never fade
MAX_NODES = 65_536


class Rates(Struct):
    """P(novelty level >= L) by context; node -> [votes for, votes, day of the last decay].

    Examples
    --------
    >>> rates = Rates()
    >>> round(rates.bits((1,), day=0), 2)
    1.74
    >>> for _ in range(20):
    ...     rates.vote((1,), 0.0, 1.0, day=0)
    >>> round(rates.bits((1,), day=0), 2)
    4.32
    """

    nodes: dict[int, list[float]] = {}

    def bits(self, contexts: tuple[int, ...], day: int) -> float:
        """Surprise of the event counted here; contexts run from general to specific."""
        q = ROOT
        nodes = self.nodes
        for context in contexts:
            node = nodes.get(context)
            if node is None:
                continue
            x, n, at = node
            if at < day:
                fade = 2.0 ** ((at - day) / HALF_LIFE_DAYS)
                x *= fade
                n *= fade
            if n > MEMORY:
                x *= MEMORY / n
                n = MEMORY
            q = (x + BACKOFF * q) / (n + BACKOFF)
        return -log2(q)

    def vote(self, contexts: tuple[int, ...], x: float, weight: float, day: int) -> None:
        """Count one vote of `weight`, for (`x` = 1) or against (0), in every context."""
        for context in contexts:
            node = self.nodes.get(context)
            if node is None:
                if len(self.nodes) >= MAX_NODES:
                    self._drop_oldest()
                self.nodes[context] = [weight * x, weight, float(day)]
                continue
            if node[2] < day:
                fade = 2.0 ** ((node[2] - day) / HALF_LIFE_DAYS)
                node[0] *= fade
                node[1] *= fade
                node[2] = float(day)
            node[0] += weight * x
            node[1] += weight

    def _drop_oldest(self) -> None:
        """Forget the quarter of the nodes that were voted on longest ago."""
        order = sorted(self.nodes, key=lambda k: (self.nodes[k][2], k))
        for context in order[: MAX_NODES // 4]:
            del self.nodes[context]
