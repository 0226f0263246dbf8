"""What grants less than an agent is known to have: no other thing, and no riskier than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.features.extraction import LIFETIMES, UNSTATED
from models.peers.groups import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.baseline.online_baseline import AgentBaseline
    from models.features.feature_slots import FeatureSlot
    from models.peers.groups import View


def count_as_known(
    x: dict[str, str], slots: Mapping[str, FeatureSlot], baseline: AgentBaseline, view: View
) -> None:
    """Let fewer scopes, and a credential that ends sooner, count as the next wider known ones.

    Tokens are exchanged for narrower ones, as they should be. Only what an agent never had counts
    so; `x` is changed in place.

    Parameters
    ----------
    slots
        Declared features by name.
    view
        Its peers: what agents of the role have, by name.
    """
    for name, wider in (("scope", _more_scopes), ("credential", _longer)):
        value, slot = x.get(name), slots[name]
        if value is None or baseline.count_of(slot, value):
            continue
        known = (one for one in wider(value, slot, view) if baseline.count_of(slot, one))
        x[name] = next(known, value)


def _more_scopes(scopes: str, slot: FeatureSlot, view: View) -> Iterable[str]:
    """Give the sets of scopes of the role that hold these, the smallest first.

    Also the same ones, written otherwise. What may have been cut off is not looked into.
    """
    few = set(scopes.split())
    whole = (name for name in view.names(slot.index).values() if len(name) < MAX_NAME)
    names = [name for name in whole if few <= set(name.split())]
    return sorted(names, key=lambda name: (len(name.split()), name))


def _longer(lifetime: str, _place: FeatureSlot, _view: View) -> Iterable[str]:
    """Give the lifetimes that are longer, the shortest first; none for one that is not told."""
    return () if lifetime == UNSTATED else LIFETIMES[LIFETIMES.index(lifetime) + 1 :]
