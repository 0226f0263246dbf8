"""What a decision of a person makes of an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.identity.alias import Alias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.identity.alias import AliasState
    from pipeline.store.registers.audit import Action, Entry

_STATE: dict[Action, AliasState] = {
    "merge": "confirmed",
    "split": "split",
    "refuse_alias": "refused",
}


def decided_alias(entry: Entry, rows: Sequence[Alias]) -> Alias:
    """Give the row of an alias after a decision.

    Parameters
    ----------
    rows
        The rows about the identifier; the source of a proposal stays.
    """
    agent_id = entry.target or ""
    source = next((one.source for one in rows if one.agent_id == agent_id), "")
    return Alias(
        value=entry.object, agent_id=agent_id, kind=entry.alias_kind or "agent",
        state=_STATE[entry.action], source=source, version=entry.version + 1, since_us=entry.at_us,
    )  # fmt: skip
