"""Make, end, preview and list suppressions: cases that raise no message and are in no queue."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from models.event import rfc3339
from models.units import DAY_US
from pipeline.casework.desk import ALL_CASES
from pipeline.casework.in_force import Suppression, suppressions_in
from pipeline.casework.refusal import Refusal
from pipeline.publishing.catalogue import catalogue
from pipeline.store.order import case_place_of, last_us
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from pipeline.casework.desk import Desk
    from pipeline.casework.scope import Scope
    from pipeline.store.order import Place
    from pipeline.store.registers.audit import AuditLog

MAX_DAYS = 365
"""Longest time of a suppression in days."""
MAX_IN_FORCE = 200
PREVIEW_DAYS = 30
MAX_NAMED = 500
"""Most ids of cases in a preview."""
MAX_PAGES = 40
"""Most pages of cases that a preview reads."""
_PAGE = 500


def preview(desk: Desk, scope: Scope) -> dict[str, Any]:
    """Give the cases of the last 30 days that a scope covers: their number and the newest ids.

    The last day is that of the newest event of a case. Of very many cases the newest are counted,
    and the answer is not `complete`.
    """
    found, since_us = list[str](), 0
    after: Place | None = None
    for _ in range(MAX_PAGES):
        page = desk.store.cases(
            agent_id=None, severity=None, status=ALL_CASES, sort="last", ascending=False,
            after=after, limit=_PAGE,
        )  # fmt: skip
        since_us = since_us or (last_us(page[0]) - PREVIEW_DAYS * DAY_US if page else 0)
        recent = [case for case in page if last_us(case) >= since_us]
        found += [case["case_id"] for case in recent if scope.covers(case)]
        if len(recent) < _PAGE:
            return _hides(found, complete=True)
        after = case_place_of(page[-1], "last")
    return _hides(found, complete=False)


def _hides(found: list[str], *, complete: bool) -> dict[str, Any]:
    return {
        "days": PREVIEW_DAYS,
        "count": len(found),
        "complete": complete,
        "cases": found[:MAX_NAMED],
    }


def suppress(desk: Desk, scope: Scope, reason: str, until_us: int) -> Suppression:
    """Make a suppression."""
    entry = suppressing(desk, scope, reason, until_us)
    desk.store.audit.add(entry)
    return suppressions_in([entry])[entry.object]


def suppressing(
    desk: Desk, scope: Scope, reason: str, until_us: int, case_id: str | None = None
) -> Entry:
    """Give the entry of a new suppression; refuse one that is too wide, too long or too many.

    Parameters
    ----------
    case_id
        Case whose decision makes it.
    """
    check_scope(scope)
    if not desk.at_us < until_us <= desk.at_us + MAX_DAYS * DAY_US:
        raise Refusal("wrong", f"until must be in the future, at most {MAX_DAYS} days from now")
    known = suppressions_in(desk.store.audit.all_of("suppression")).values()
    if sum(one.in_force(desk.at_us) for one in known) >= MAX_IN_FORCE:
        raise Refusal(
            "conflict", f"{MAX_IN_FORCE} suppressions are in force, the most; end one of them first"
        )
    return Entry(
        action="suppress", object=f"S-{secrets.token_hex(8)}", version=0, by=desk.by,
        at_us=desk.at_us, reason=reason, scope=scope, until=rfc3339(until_us), case_id=case_id,
    )  # fmt: skip


def check_scope(scope: Scope) -> None:
    """Refuse a scope that names neither agents nor causes, or an unknown type."""
    if scope.is_wide:
        raise Refusal(
            "wrong",
            "a scope needs at least one of agent, role, anomaly, detector and subject; a mode "
            "alone may be that of every agent",
        )
    if scope.anomaly is not None and scope.anomaly not in catalogue():
        raise Refusal("wrong", "scope.anomaly must be a type of anomaly, such as tool.new")


def end(desk: Desk, name: str, reason: str) -> Suppression:
    """End a suppression: the cases that it hides are in the queue again."""
    entries = desk.store.audit.of("suppression", name)
    if not entries:
        raise Refusal("missing", "no such suppression")
    ended = ending(desk, name, reason)
    if len(entries) > 1 or not desk.store.audit.add(ended):
        raise Refusal("conflict", "the suppression was ended before")
    return suppressions_in([*entries, ended])[name]


def ending(desk: Desk, name: str, reason: str) -> Entry:
    """Give the entry that ends a suppression."""
    return Entry(
        action="end_suppression", object=name, version=1, by=desk.by, at_us=desk.at_us,
        reason=reason,
    )  # fmt: skip


def made_by(desk: Desk, case_id: str) -> list[Suppression]:
    """Give the suppressions in force that decisions about a case made."""
    known = suppressions_in(desk.store.audit.all_of("suppression")).values()
    return [one for one in known if one.case_id == case_id and one.end is None]


def shown(one: Suppression, at_us: int, hidden: int = 0) -> dict[str, Any]:
    """Give a suppression as the API and the commands show it.

    Parameters
    ----------
    hidden
        Number of cases that it has hidden.
    """
    state = "active" if one.in_force(at_us) else "ended" if one.end is not None else "expired"
    return {
        "id": one.id,
        "state": state,
        "scope": one.scope.members(),
        "reason": one.reason,
        "by": one.by,
        "created": rfc3339(one.since_us),
        "until": rfc3339(one.until_us),
        "case_id": one.case_id,
        "ended": None
        if one.end is None
        else {"by": one.end.by, "at": rfc3339(one.end.at_us), "reason": one.end.reason},
        "hidden": hidden,
    }


def listed(
    log: AuditLog,
    at_us: int,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], int | None]:
    """Give suppressions, the newest first, and the place after which others follow.

    Parameters
    ----------
    before
        Place of the last one on the page before.
    """
    known = list(suppressions_in(log.all_of("suppression")).values())
    slots = range(len(known) if before is None else min(before, len(known)), 0, -1)
    page: list[tuple[int, dict[str, Any]]] = []
    for place in slots:
        one = shown(known[place - 1], at_us)
        if state in (None, one["state"]):
            page.append((place - 1, one))
            if len(page) > limit:
                break
    hidden = log.hidden_by([one["id"] for _, one in page])
    rows = [one | {"hidden": hidden.get(one["id"], 0)} for _, one in page[:limit]]
    return rows, page[limit - 1][0] if len(page) > limit else None
