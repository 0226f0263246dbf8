"""One peer group: the votes of its agents, and the scores of their actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from models.calibration.score_window import ScoreWindow
from models.peers.counts import Ballot, PeerCounts
from models.ranked import WINDOWS

if TYPE_CHECKING:
    from models.config import ModelConfig

FLEET = ""
NEWCOMERS = "newcomers"
"""Group of the scores of learning agents with a known role. Names of roles have a slash.

It is the name of the pool, too.
"""

AFTER = 1 << 31
"""Flag of a node after a context (`FeatureSlot.context_node`), which has votes for later values."""

_MAX_CONTEXTS = 512
_encode = msgspec.msgpack.Encoder().encode
_StoredBallots = list[tuple[int, list[tuple[int, str | None, list[int]]]]]
_StoredGroup = tuple[_StoredBallots, list[ScoreWindow]]


class Group:
    """One peer group, or the fleet.

    Attributes
    ----------
    nodes
        The votes, by index of the feature, or `AFTER` and a node after a context. After a context,
        an agent votes once a day: its own counts hold the rest.
    windows
        Score windows: `STATISTICS`, then excess bits of `FEATURES`, then bits of `METRICS`.
    known
        Cache of probabilities since the last publication.
    """

    def __init__(self, config: ModelConfig) -> None:
        self._half_life = config.half_life_days
        self.nodes: dict[int, PeerCounts] = {}
        self.windows = [ScoreWindow(size=config.peer_window) for _ in range(WINDOWS)]
        self.known: dict[int, float] = {}

    def node(self, feature: int, day: int) -> PeerCounts | None:
        """Give the node of a feature, rolled to a day; None for one context too many."""
        node = self.nodes.get(feature)
        if node is None:
            if feature >= AFTER and len(self.nodes) >= _MAX_CONTEXTS:
                return None
            node = self.nodes[feature] = PeerCounts(Ballot(), self._half_life)
            node.roll(day)
        return node

    def roll(self, day: int) -> None:
        """Decay every vote to a later day."""
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
            node = self.nodes[index] = PeerCounts(Ballot.of(rows), self._half_life)
            node.roll(day)


def parent_group(group: str) -> str:
    """Name the group of a role in all its modes, the parent of a group of one mode.

    >>> parent_group("clerk/delegated"), parent_group("clerk/"), parent_group("")
    ('clerk/', '', '')
    """
    role, slash, mode = group.rpartition("/")
    return f"{role}/" if slash and mode else FLEET
