"""One peer group: the votes of its agents, and the scores of what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from models.calibration.score_window import ScoreWindow
from models.peers.counts import Ballot, VoteNode
from models.ranked import WINDOWS

if TYPE_CHECKING:
    from models.config import ModelConfig

FLEET = ""
NEWCOMERS = "newcomers"
"""Group of the scores of agents that learn, where their role is known; a role's has a slash.

It is the name of the pool, too.
"""

AFTER = 1 << 31
"""With a node after a context (`Place.inside`): where the votes for what follows are."""

_MOST_CONTEXTS = 512
_encode = msgspec.msgpack.Encoder().encode
_StoredBallots = list[tuple[int, list[tuple[int, str | None, list[int]]]]]
_StoredGroup = tuple[_StoredBallots, list[ScoreWindow]]


class Group:
    """One peer group, or the fleet.

    Attributes
    ----------
    nodes
        The votes, by index of the feature, or `AFTER` and a node after a context. There an agent
        votes once a day: what it did itself its own counts tell better.
    windows
        Score windows: `STATISTICS`, then excess bits of `FEATURES`, then bits of `METRICS`.
    known
        Probabilities that were asked for since the last publication.
    """

    def __init__(self, config: ModelConfig) -> None:
        self._half_life = config.half_life_days
        self.nodes: dict[int, VoteNode] = {}
        self.windows = [ScoreWindow(size=config.peer_window) for _ in range(WINDOWS)]
        self.known: dict[int, float] = {}

    def node(self, feature: int, day: int) -> VoteNode | None:
        """Give the node of a feature, rolled to a day; None for one context too many."""
        node = self.nodes.get(feature)
        if node is None:
            if feature >= AFTER and len(self.nodes) >= _MOST_CONTEXTS:
                return None
            node = self.nodes[feature] = VoteNode(Ballot(), self._half_life)
            node.roll(day)
        return node

    def roll(self, day: int) -> None:
        """Let every vote fade to a later day."""
        for node in self.nodes.values():
            node.roll(day)
        for name in [name for name, node in self.nodes.items() if name >= AFTER and not node.total]:
            del self.nodes[name]
        self.known.clear()

    def dump(self) -> bytes:
        """Write the group; the same votes and scores give the same bytes."""
        return _encode(([(i, self.nodes[i].ballot.rows()) for i in sorted(self.nodes)],
                        self.windows))  # fmt: skip

    def read(self, raw: bytes, day: int) -> None:
        """Become what `dump` wrote, as of a day."""
        ballots, self.windows = msgspec.msgpack.decode(raw, type=_StoredGroup)
        if len(self.windows) != WINDOWS:
            raise ValueError(f"group has {len(self.windows)} score windows, expected {WINDOWS}")
        for index, rows in ballots:
            node = self.nodes[index] = VoteNode(Ballot.of(rows), self._half_life)
            node.roll(day)


def above(group: str) -> str:
    """Name the group of a role in all its modes, which a group of one mode leans on.

    >>> above("clerk/delegated"), above("clerk/"), above("")
    ('clerk/', '', '')
    """
    role, slash, mode = group.rpartition("/")
    return f"{role}/" if slash and mode else FLEET
