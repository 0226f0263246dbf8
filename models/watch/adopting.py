"""What several agents of a group begin to do: news of the group, not of one agent."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from models.units import DAY_US, HOUR_US

NAME = "adopting"
MIN_AGENTS = 3
MIN_US = HOUR_US
FORGET_US = 14 * DAY_US
_MAX = 4_096


class News(Struct, array_like=True):
    """A value that was kept out of the habits: first and last seen, and marks of its agents."""

    first_us: int
    last_us: int
    agents: list[int]


class Adopting:
    """New values of all groups that wait for others to use them too.

    Examples
    --------
    >>> adopting, hours = Adopting(), 3_600_000_000
    >>> [adopting.note("clerk", 7, agent, at * hours) for agent, at in ((1, 0), (2, 0), (3, 2))]
    [False, False, True]
    """

    __slots__ = ("_changed", "_news")

    def __init__(self) -> None:
        self._news: dict[tuple[str, int], News] = {}
        self._changed = False

    def note(self, group: str, key: int, agent: int, time_us: int) -> bool:
        """Note that an agent used a value that is held; whether its group has adopted it.

        Adopted is what three agents used, over no less than an hour: an attack that passes from
        agent to agent is faster, a new resource is there to stay.

        Parameters
        ----------
        key
            Stands for feature and value.
        agent
            Stands for the agent.
        """
        news = self._news.pop((group, key), None)
        if news is None or time_us - news.last_us > FORGET_US:
            news = News(time_us, time_us, [])
        news.last_us = max(news.last_us, time_us)
        if agent not in news.agents and len(news.agents) < MIN_AGENTS:
            news.agents.append(agent)
        self._news[group, key] = news  # the newest last
        while len(self._news) > _MAX:
            del self._news[next(iter(self._news))]
        self._changed = True
        return len(news.agents) >= MIN_AGENTS and news.last_us - news.first_us >= MIN_US

    def dump(self) -> list[tuple[str, bytes]]:
        """Write them where they changed."""
        if not self._changed:
            return []
        self._changed = False
        return [(NAME, msgspec.msgpack.encode(list(self._news.items())))]

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        raw = shared.get(NAME)
        if raw is not None:
            rows = msgspec.msgpack.decode(raw, type=list[tuple[tuple[str, int], News]])
            self._news = dict(rows)
