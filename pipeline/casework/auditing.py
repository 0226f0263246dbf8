"""The audit log as people and programs read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.event import rfc3339

if TYPE_CHECKING:
    from pipeline.store.registers.audit import Entry


def shown(number: int, entry: Entry) -> dict[str, Any]:
    """Give an entry as the API and the commands show it."""
    return {
        "number": number,
        "time": rfc3339(entry.at_us),
        "by": entry.by,
        "action": entry.action,
        "object": entry.object,
        "reason": entry.reason,
        "before": entry.version,
        "after": entry.version + 1,
        "disposition": entry.disposition,
        "scope": None if entry.scope is None else entry.scope.members(),
        "until": entry.until,
        "case_id": entry.case_id,
        "target": entry.target,
    }
