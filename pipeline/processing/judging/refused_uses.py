"""Events that use a tool or a scope which the inventory does not allow.

The compiled loop does not know the inventory's lists. So these events are left to the reference,
which reports them. Only tool and scopes of an event are decoded, and only for agents with a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.baseline.allowed import uses_outside

if TYPE_CHECKING:
    from models.baseline.identity import Declared
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.batch_state import BatchState


class _Credential(Struct, frozen=True, gc=False):
    scopes: list[str] | None = None


class _Use(Struct, frozen=True, gc=False):
    tool: str
    credential: _Credential | None = None


_decode = msgspec.json.Decoder(_Use).decode


def leave_refused(batch: BatchState, inventory: Inventory) -> None:
    """Leave the events of a batch to the reference that use what is not allowed.

    Parameters
    ----------
    batch
        A batch that the compiled loop has read.
    inventory
        Says what each agent may use.
    """
    declared = {agent_id: inventory.declared(agent_id) for agent_id in batch.slots_of}
    limits = {slot: declared[agent_id] for slot, (agent_id, _) in enumerate(batch.slots)}
    limited = {slot: one for slot, one in limits.items() if one.is_limited}
    if not limited:
        return
    events = batch.events
    for position, at in enumerate(events.order):
        found = limited.get(events.actions.slot(position))
        if found is not None and _is_refused(events.records[at].value, found):
            events.leave(at, events.decoded_of(at))


def _is_refused(value: bytes, declared: Declared) -> bool:
    """Return whether an event uses what is not allowed, or cannot be read here."""
    try:
        use = _decode(value)
    except msgspec.MsgspecError:
        return True
    scopes = use.credential.scopes if use.credential is not None else None
    return any(uses_outside(use.tool, scopes or (), declared.tools, declared.scopes))
