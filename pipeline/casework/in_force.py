"""Which suppressions there are, and which cases those in force hide."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from models.event import microseconds
from pipeline.casework.scope import Scope  # noqa: TC001  # msgspec reads the annotations
from pipeline.store.registers.audit import Entry  # noqa: TC001  # as above

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.store.registers.audit import AuditLog


class Suppression(Struct, frozen=True):
    """A suppression as the log has it.

    Attributes
    ----------
    by, since_us, reason
        Who made it, when (wall time, microseconds since 1970) and why.
    until_us
        When it expires.
    case_id
        Case whose decision made it, None for one of its own.
    end
        How a person ended it before.
    """

    id: str
    scope: Scope
    by: str
    since_us: int
    reason: str
    until_us: int
    case_id: str | None = None
    end: Entry | None = None

    def in_force(self, at_us: int) -> bool:
        """Tell whether it hides cases at an instant."""
        return self.end is None and at_us < self.until_us


def suppressions_in(entries: Iterable[Entry]) -> dict[str, Suppression]:
    """Give the suppressions of a log by id, oldest first."""
    found: dict[str, Suppression] = {}
    for entry in entries:
        if entry.action == "end_suppression":
            found[entry.object] = replace(found[entry.object], end=entry)
        elif entry.scope is not None and entry.until is not None:
            found[entry.object] = Suppression(
                entry.object, entry.scope, entry.by, entry.at_us, entry.reason,
                microseconds(datetime.fromisoformat(entry.until)), entry.case_id,
            )  # fmt: skip
    return found


def covering(case: Mapping[str, Any], suppressions: Iterable[Suppression]) -> Suppression | None:
    """Give the first suppression that covers a case, None without one."""
    return next((one for one in suppressions if one.scope.covers(case)), None)


class InForce:
    """The suppressions in force, as a worker knows them.

    Parameters
    ----------
    log
        The log of the store.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._number = -1
        self._known: dict[str, Suppression] = {}
        self._now: list[Suppression] = []

    def refresh(self, at_us: int) -> bool:
        """Read the log at a wall time; tell whether other suppressions are in force than before."""
        number = self._log.count("suppression")
        if number != self._number:
            self._number, self._known = number, suppressions_in(self._log.all_of("suppression"))
        before = [one.id for one in self._now]
        self._now = [one for one in self._known.values() if one.in_force(at_us)]
        return [one.id for one in self._now] != before

    def settled(self, case: dict[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give a case with its status: hidden, or in the queue.

        Only a new case is hidden, or one that is. What is in the queue stays there, and so does
        a case that has left the scope.

        Parameters
        ----------
        known
            The case before; None for a new one.
        """
        if case["status"] == "closed":
            return case
        may_hide = known is None or known["suppressed_by"] is not None
        found = covering(case, self._now) if may_hide else None
        if found is None:
            return case | {"status": "open", "suppressed_by": None}
        return case | {"status": "suppressed", "suppressed_by": found.id}
