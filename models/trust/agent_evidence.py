"""Evidence that belongs to the agent and not to one of its modes.

A credential, a delegation and an entry of the inventory are the agent's in every mode. So an item
of the facet ``identity`` counts in the trust of each mode, whichever mode it was found in.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from models.trust.ledger import AGENT_WIDE, MAX_ITEMS, STRUCK, Item, Ledger, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState


def has_agent_wide_evidence(trust: TrustState) -> bool:
    """Tell whether a mode holds evidence that counts in the agent's other modes as well."""
    return any(item.facet == AGENT_WIDE for item in trust.ledger.items.values())


def ledger_in(trust: TrustState, states: Iterable[TrustState], policy: TrustPolicy) -> Ledger:
    """Give the ledger that a mode is judged by: its own, and the agent's identity items.

    Items under one key count once. Without an identity item elsewhere this is the mode's own
    ledger itself.

    Parameters
    ----------
    states
        States of the agent's other modes; the mode's own state may be among them.

    Examples
    --------
    >>> from models.trust.policy import TrustPolicy
    >>> from models.trust.state import TrustState
    >>> stolen = Item("k", "a-1", 0, "high", "cred.reuse", "identity")
    >>> one = TrustState(agent_id="a", mode="autonomous", ledger=Ledger(items={"k": stolen}))
    >>> other = TrustState(agent_id="a", mode="delegated")
    >>> list(ledger_in(other, [one], TrustPolicy()).items), other.ledger.items
    (['k'], {})
    """
    others = [
        one.ledger for one in states if one.mode != trust.mode and has_agent_wide_evidence(one)
    ]
    if not others:
        return trust.ledger
    days, items = dict(trust.ledger.days), dict(trust.ledger.items)
    for item in chain.from_iterable(map(_agent_wide, others)):
        known = items.get(item.key)
        items[item.key] = item if known is None else join(known, item, policy)
    for other in others:
        if len(_agent_wide(other)) >= MAX_ITEMS:  # it may have deleted some, and their days
            days |= {day: STRUCK for day, count in other.days.items() if count == STRUCK}
    return Ledger(days, items)


def _agent_wide(ledger: Ledger) -> list[Item]:
    return [item for item in ledger.items.values() if item.facet == AGENT_WIDE]
