"""Rates of novelty with back-off: how often sessions use new values and flows, in bits.

Counts are sums with a half-life in event time, so the tables of several workers merge by addition.
A node weighs at most `MEMORY` votes when it is read. So more counts alone give a frequent tool no
more bits.
"""

from __future__ import annotations

from math import log2

HALF_LIFE_DAYS = 30.0
BACKOFF = 4.0  # strength of the more general context
ROOT_RATE = 0.3  # P(new) before anything is known
MEMORY = 150.0  # votes; 100 .. 150 measure alike, no bound lets the first days count forever
MAX_NODES = 32_768
VALUE, FLOW = 0, 4  # columns of a node: the first of four levels of values, of three of flows
VOTES, DAY = 7, 8
COLUMNS = DAY + 1
_ALL = range(VOTES + 1)


class NoveltyRates:
    """Estimate P(novelty level >= L) of values and flows by context (recipe, section 2).

    A node counts each session once. Its columns are: values of level >= 1, >= 2, >= 3, 4; flows of
    level >= 1, >= 2, 3; votes; day of the last decay.

    Examples
    --------
    >>> rates = NoveltyRates()
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
        """Give ``-log2`` of a column's rate; contexts run from general to specific.

        Each context updates the rate: ``q <- (x + 4 q) / (n + 4)``, starting at 0.3.
        """
        q = ROOT_RATE
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
        """Count one vote of `weight` in every context, with its levels.

        Value levels are 0 .. 4, flow levels 0 .. 3. A late vote decays as if it were on time.

        >>> rates = NoveltyRates()
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
            decayed = weight * _decay(day - node[DAY])
            for column in reached:
                node[column] += decayed

    def retract(
        self,
        contexts: tuple[int, ...],
        value_level: int,
        flow_level: int,
        weight: float,
        vote_day: int,
    ) -> None:
        """Subtract a vote of the day `vote_day`; counts stay at zero or above.

        >>> rates = NoveltyRates()
        >>> rates.vote((1,), 2, 1, 0.5, day=0)
        >>> rates.vote((1,), 0, 0, 1.0, day=30)
        >>> rates.retract((1,), 2, 1, 0.5, vote_day=0)
        >>> rates.nodes[1]
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 30.0]
        """
        reached = _reached(value_level, flow_level)
        for context in contexts:
            node = self.nodes.get(context)
            if node is None:
                continue
            self.changed.add(context)
            decayed = weight * _decay(vote_day - node[DAY])
            for column in reached:
                node[column] = max(0.0, node[column] - decayed)

    def _drop_oldest(self) -> None:
        """Drop the quarter of the nodes with the oldest votes."""
        order = sorted(self.nodes, key=lambda k: (self.nodes[k][DAY], k))
        for context in order[: MAX_NODES // 4]:
            del self.nodes[context]
        self.changed.update(order[: MAX_NODES // 4])


def _reached(value_level: int, flow_level: int) -> tuple[int, ...]:
    """Give the columns that a vote with these levels increments."""
    return *range(VALUE, VALUE + value_level), *range(FLOW, FLOW + flow_level), VOTES


def _decay(days: float) -> float:
    """Give the decay of a vote that is older than its node by so many days (negative)."""
    return 2.0 ** (days / HALF_LIFE_DAYS) if days < 0.0 else 1.0
