"""How often sessions carry something new: rates with back-off, in bits.

Counts are sums with an event-time half-life, so that the tables of several workers merge by
addition. Confidence is bounded on reading: a node never weighs more than `MEMORY` votes, so a
frequent tool does not earn more bits just because it has more counts.
"""

from __future__ import annotations

from math import log2

HALF_LIFE_DAYS = 30.0
BACKOFF = 4.0  # strength of the more general context
ROOT = 0.3  # P(new) before anything is known
MEMORY = 150.0  # votes; 100 to 150 measured alike, without a bound the early days never fade
MAX_NODES = 32_768
VALUE, FLOW = 0, 4  # columns of a node: the first of four levels of values, of three of flows
VOTES, DAY = 7, 8
COLUMNS = DAY + 1
_ALL = range(VOTES + 1)


class Rates:
    """P(novelty level >= L) of values and flows by context.

    A node counts a session once for all levels of both: [values of level 1 or more, 2 or more, 3
    or more, 4, flows of level 1 or more, 2 or more, 3, votes, day of the last decay].

    Examples
    --------
    >>> rates = Rates()
    >>> round(rates.bits((1,), VALUE, day=0), 2)
    1.74
    >>> for _ in range(20):
    ...     rates.vote((1,), 0, 0, 1.0, day=0)
    >>> round(rates.bits((1,), VALUE, day=0), 2)
    4.32
    """

    __slots__ = ("changed", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[int, list[float]] = {}
        self.changed: set[int] = set()

    def bits(self, contexts: tuple[int, ...], column: int, day: int) -> float:
        """Surprise of what is counted in a column; contexts run from general to specific."""
        q = ROOT
        nodes = self.nodes
        for context in contexts:
            node = nodes.get(context)
            if node is None:
                continue
            x, n, at = node[column], node[VOTES], node[DAY]
            if at < day:
                fade = 2.0 ** ((at - day) / HALF_LIFE_DAYS)
                x *= fade
                n *= fade
            if n > MEMORY:
                x *= MEMORY / n
                n = MEMORY
            q = (x + BACKOFF * q) / (n + BACKOFF)
        return -log2(q)

    def vote(
        self, contexts: tuple[int, ...], value_level: int, flow_level: int, weight: float, day: int
    ) -> None:
        """Count one vote of `weight` in every context, with the levels it reached.

        Values reach 0 .. 4, flows 0 .. 3. A vote that comes late has faded as if it had been there.

        >>> rates = Rates()
        >>> rates.vote((1,), 0, 0, 1.0, day=30)
        >>> rates.vote((1,), 1, 0, 1.0, day=0)
        >>> rates.nodes[1]
        [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 30.0]
        """
        reached = _reached(value_level, flow_level)
        nodes = self.nodes
        self.changed.update(contexts)
        for context in contexts:
            node = nodes.get(context)
            if node is None:
                if len(nodes) >= MAX_NODES:
                    self._drop_oldest()
                node = nodes[context] = [0.0] * VOTES + [0.0, float(day)]
            elif node[DAY] < day:
                fade = 2.0 ** ((node[DAY] - day) / HALF_LIFE_DAYS)
                for column in _ALL:
                    node[column] *= fade
                node[DAY] = float(day)
            left = weight * _left(day - node[DAY])
            for column in reached:
                node[column] += left

    def take_back(
        self, contexts: tuple[int, ...], value_level: int, flow_level: int, weight: float, cast: int
    ) -> None:
        """Count a vote of the day `cast` no more; nothing falls below zero.

        >>> rates = Rates()
        >>> rates.vote((1,), 2, 1, 0.5, day=0)
        >>> rates.vote((1,), 0, 0, 1.0, day=30)
        >>> rates.take_back((1,), 2, 1, 0.5, cast=0)
        >>> rates.nodes[1]
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 30.0]
        """
        reached = _reached(value_level, flow_level)
        for context in contexts:
            node = self.nodes.get(context)
            if node is None:
                continue
            self.changed.add(context)
            left = weight * _left(cast - node[DAY])
            for column in reached:
                node[column] = max(0.0, node[column] - left)

    def _drop_oldest(self) -> None:
        """Forget the quarter of the nodes that were voted on longest ago."""
        order = sorted(self.nodes, key=lambda k: (self.nodes[k][DAY], k))
        for context in order[: MAX_NODES // 4]:
            del self.nodes[context]
        self.changed.update(order[: MAX_NODES // 4])


def _reached(value_level: int, flow_level: int) -> tuple[int, ...]:
    """Give the columns in which a vote of such levels counts."""
    return *range(VALUE, VALUE + value_level), *range(FLOW, FLOW + flow_level), VOTES


def _left(days: float) -> float:
    """Give what is left of a vote of so many days (negative) before a node's."""
    return 2.0 ** (days / HALF_LIFE_DAYS) if days < 0.0 else 1.0
