"""Comments on a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.event import rfc3339
from pipeline.casework.refusal import Refusal
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from pipeline.casework.desk import Desk
    from pipeline.store.registers.audit import AuditLog

MAX_COMMENTS = 200
"""Most comments on a case."""
LONGEST = 2_000
"""Most characters of a comment, and of a reason."""
_TRIES = 5


def comment(desk: Desk, case_id: str, text: str) -> dict[str, Any]:
    """Add a comment to a case; give it."""
    case = desk.case(case_id)
    for _ in range(_TRIES):  # somebody else may write the same number
        newest = desk.store.audit.latest("comment", case_id)
        number = 0 if newest is None else newest[1].version + 1
        if number >= MAX_COMMENTS:
            raise Refusal("conflict", f"the case has {MAX_COMMENTS} comments, the most")
        entry = Entry(
            action="comment", object=case_id, version=number, by=desk.by, at_us=desk.at_us,
            reason=text, agent_id=case["agent_id"],
        )  # fmt: skip
        if desk.store.audit.add(entry):
            return _shown(entry)
    raise Refusal("conflict", "others comment on the case at this moment; try again")


def with_comments(case: dict[str, Any], log: AuditLog) -> dict[str, Any]:
    """Give a case with its comments, oldest first, and their number."""
    found = [_shown(entry) for entry in log.of("comment", case["case_id"])]
    return case | {"comments": len(found), "discussion": found}


def _shown(entry: Entry) -> dict[str, Any]:
    return {"by": entry.by, "at": rfc3339(entry.at_us), "text": entry.reason}
