"""Peer groups by behaviour, for agents without a declared role: who uses which tools."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np
from msgspec import Struct
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from models.baseline.identity import GROUP
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

MIN_EVENTS = 20
_MAX_TOOLS = 512
_SEED = 7


class Shares(Struct, frozen=True):
    """How much each agent uses each tool.

    Attributes
    ----------
    matrix
        Square roots of shares, a row an agent: lengths are 1, and distances are Hellinger's.
    """

    agents: list[str]
    tools: list[str]
    matrix: npt.NDArray[np.float64]


def shares_of(counts: Mapping[str, Counter[str]], *, minimum: int = MIN_EVENTS) -> Shares:
    """Make shares of counts by agent and tool.

    >>> shares_of({"a": Counter({"mail.read": 16, "mail.send": 9})}).matrix.round(2).tolist()
    [[0.8, 0.6]]
    """
    agents = sorted(agent for agent, of in counts.items() if of.total() >= minimum)
    whole: Counter[str] = Counter()
    for agent in agents:
        whole.update(counts[agent])
    tools = sorted(tool for tool, _ in whole.most_common(_MAX_TOOLS))
    rows = [_row(counts[agent], tools) for agent in agents]
    return Shares(agents, tools, np.array(rows).reshape(len(agents), len(tools)))


def _row(of: Mapping[str, int], tools: Sequence[str]) -> list[float]:
    total = sum(of.values()) or 1
    return [(of.get(tool, 0) / total) ** 0.5 for tool in tools]


class _Body(Struct, frozen=True):
    of: dict[str, str]
    centres: dict[str, list[float]]
    silhouette: float


class PeerGroups:
    """Groups of agents that behave alike; replaces the role where none is declared.

    Attributes
    ----------
    columns
        The tools that agents are compared by.
    of
        Group of each agent of the history. One that is not in it has none until the groups are
        made again; `nearest` says where it would belong.
    silhouette
        How well the groups are apart, -1 to 1; below some 0.2 they are not worth using.
    """

    KIND: ClassVar[str] = "peer_groups"

    def __init__(
        self,
        tools: list[str],
        of: dict[str, str],
        centres: dict[str, list[float]],
        silhouette: float,
        name: str = "peer_groups",
    ) -> None:
        self.columns, self.of, self.centres = tools, of, centres
        self.silhouette, self.name = silhouette, name

    def role(self, agent_id: str) -> str | None:
        """Give the group of an agent, None for one that the history does not have."""
        return self.of.get(agent_id)

    def nearest(self, counts: Mapping[str, int]) -> str:
        """Give the group whose use of tools is nearest to these counts."""
        row = np.array(_row(counts, self.columns))
        return min(
            self.centres, key=lambda name: float(np.linalg.norm(row - self.centres[name]))
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """Write the groups for `from_bytes`."""
        return msgspec.json.encode(_Body(self.of, self.centres, self.silhouette))

    @classmethod
    def from_bytes(cls, name: str, tools: Sequence[str], raw: bytes) -> PeerGroups:
        """Read what `to_bytes` wrote of groups with these tools.

        Raises
        ------
        ConfigError
            They are damaged, or of another shape.
        """
        try:
            body = msgspec.json.decode(raw, type=_Body)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{name} holds no peer groups: {error}; fit it again") from error
        for group, centre in body.centres.items():
            if len(centre) != len(tools):
                raise ConfigError(
                    f"group {group!r} of {name} has {len(centre)} columns, its header names "
                    f"{len(tools)} tools; fit it again"
                )
        if unknown := set(body.of.values()) - set(body.centres):
            raise ConfigError(f"agents of {name} are in groups that it lacks: {sorted(unknown)}")
        return cls(list(tools), body.of, body.centres, body.silhouette, name)


def group_agents(shares: Shares, sizes: Iterable[int] = range(2, 13)) -> PeerGroups:
    """Find the number of groups that are best apart, and the group of each agent.

    Parameters
    ----------
    shares
        From `lab.fitting.tool_shares`.
    sizes
        Numbers of groups that are tried (k-means, seeded); the best silhouette wins.

    Raises
    ------
    ConfigError
        There are fewer than three agents, so none can have peers and others.

    Examples
    --------
    >>> counts = {f"post-{n}": Counter({"mail.read": 30 + n}) for n in range(3)}
    >>> counts |= {f"bank-{n}": Counter({"bank.pay": 30 + n}) for n in range(3)}
    >>> groups = group_agents(shares_of(counts))
    >>> groups.role("post-0") == groups.role("post-2") != groups.role("bank-1")
    True
    >>> groups.role("post-0")
    'like:mail.read'
    """
    count = len(shares.agents)
    if count < 3:
        raise ConfigError(f"groups need at least 3 agents with enough events, got {count}")
    best: tuple[float, npt.NDArray[np.int_]] | None = None
    different = len(np.unique(shares.matrix, axis=0))
    for size in sizes:
        if not 2 <= size <= min(count - 1, different):
            continue
        labels = KMeans(size, n_init=8, random_state=_SEED).fit_predict(shares.matrix)
        score = float(silhouette_score(shares.matrix, labels))
        if best is None or score > best[0] + 1e-9:
            best = (score, labels)
    score, labels = best or (0.0, np.zeros(count, dtype=int))
    names = _names(shares, labels)
    of = {agent: names[label] for agent, label in zip(shares.agents, labels, strict=True)}
    centres = {
        name: shares.matrix[labels == label].mean(axis=0).tolist() for label, name in names.items()
    }
    return PeerGroups(shares.tools, of, centres, score)


def _names(shares: Shares, labels: npt.NDArray[np.int_]) -> dict[int, str]:
    """Name each group by the tool it uses more than all agents do; the same name twice, numbered.

    The names depend on the groups alone, not on the numbers that the fit happened to give them.
    """
    everyone = shares.matrix.mean(axis=0)
    order = sorted(set(labels.tolist()), key=lambda k: shares.agents[labels.tolist().index(k)])
    names: dict[int, str] = {}
    for label in order:
        more = shares.matrix[labels == label].mean(axis=0) - everyone
        name = f"{GROUP}{shares.tools[int(np.argmax(more))]}"
        taken = sum(known == name or known.startswith(f"{name}~") for known in names.values())
        names[label] = f"{name}~{taken + 1}" if taken else name
    return names
