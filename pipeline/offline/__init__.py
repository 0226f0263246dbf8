"""Models fitted on history, in a notebook, and loaded into the stream as they are.

Peer groups by behaviour where no role is declared, and an estimator of scikit-learn as a second
opinion. A folder of them is named by ``HABITUS_OFFLINE_MODELS``; nothing in it can run code.
"""

from __future__ import annotations

from pathlib import Path

from models.errors import ConfigError
from pipeline.offline.grouping import PeerGroups, Shares, group_agents, tool_shares
from pipeline.offline.kept import SUFFIX, header_of
from pipeline.offline.opinion import SecondOpinion, fit_opinion
from pipeline.offline.signs import SIGNS, signs_of
from pipeline.text.quoted import LONGEST_PATH, quoted

__all__ = [
    "SIGNS",
    "PeerGroups",
    "SecondOpinion",
    "Shares",
    "fit_opinion",
    "group_agents",
    "load_offline",
    "signs_of",
    "tool_shares",
]


def load_offline(folder: Path | str | None) -> tuple[PeerGroups | None, list[SecondOpinion]]:
    """Load every model of a folder.

    Raises
    ------
    ConfigError
        A model is damaged, of another version or shape, or there are two tables of peer groups, or
        there is no model.
    """
    groups: list[PeerGroups] = []
    opinions: list[SecondOpinion] = []
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")) if folder is not None else []:
        kind = header_of(path).kind
        if kind == PeerGroups.KIND:
            groups.append(PeerGroups.read(path))
        elif kind == SecondOpinion.KIND:
            opinions.append(SecondOpinion.read(path))
        else:
            raise ConfigError(
                f"{path.name} holds a model of kind {kind!r}, expected {PeerGroups.KIND} or "
                f"{SecondOpinion.KIND}"
            )
    if folder is not None and not groups and not opinions:
        raise ConfigError(
            f"no model in {quoted(str(folder), LONGEST_PATH)}, expected files *{SUFFIX}; leave "
            "HABITUS_OFFLINE_MODELS empty to have none"
        )
    if len(groups) > 1:
        raise ConfigError(
            f"{len(groups)} tables of peer groups in {str(folder)!r}, expected one at most"
        )
    return (groups[0] if groups else None), opinions
