"""Decisions about a case, and taking them back: the effect, and saving it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.event import rfc3339
from pipeline.casework import suppressions
from pipeline.casework.gates import gate_of, is_quarantined, shutting
from pipeline.casework.refusal import Refusal
from pipeline.casework.roots import root_of
from pipeline.processing.judging.decided_cases import effect_of
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from models.trust.disposition import Disposition
    from pipeline.casework.desk import Desk
    from pipeline.casework.scope import Scope


def decide(
    desk: Desk,
    case_id: str,
    version: int,
    disposition: Disposition | None,
    reason: str,
    *,
    scope: Scope | None = None,
    until_us: int | None = None,
    preview: bool = False,
) -> dict[str, Any]:
    """Compute the effect of a decision; save it unless it is a preview.

    An expected change with a scope makes a suppression. Taking it back ends the suppression.

    Parameters
    ----------
    version
        Version of the case that the person has seen.
    disposition
        None takes the latest decision back.
    """
    case = desk.case(case_id)
    if version != case["version"]:
        raise _conflict("version is not that of the newest case", case)
    if disposition is None and case["disposition"] is None:
        raise _conflict("the case has no decision to take back", case)
    entry = Entry(
        action="undo" if disposition is None else "disposition", object=case_id, version=version,
        by=desk.by, at_us=desk.at_us, reason=reason, agent_id=case["agent_id"],
        disposition=disposition, scope=scope, until=None if until_us is None else rfc3339(until_us),
    )  # fmt: skip
    entries, hides = [entry], None
    if scope is not None and until_us is not None:
        entries.append(suppressions.suppressing(desk, scope, reason, until_us, case_id))
        hides = suppressions.preview(desk, scope)
    elif disposition is None:
        made = suppressions.made_by(desk, case_id)
        entries += [suppressions.ending(desk, one.id, reason) for one in made]
    if disposition == "malicious" and case["severity"] in ("high", "critical"):
        entries += _shutting_roots(desk, case_id, reason)
    agent_id = case["agent_id"]
    effect = effect_of(
        case, entry, desk.store.states(agent_id), desk.store.held(agent_id), desk.policy,
        keep_shut=is_quarantined(desk.store.audit, agent_id),
    )  # fmt: skip
    if not preview and not desk.store.audit.add(*entries):
        raise _conflict("this version of the case has a decision already", case)
    return effect | {"hides": hides}


def _shutting_roots(desk: Desk, case_id: str, reason: str) -> list[Entry]:
    """Give entries that quarantine the agents which the agents of a case are aliases of."""
    agents = desk.store.agents_of_case(case_id)
    roots = {root: name for name in agents if (root := root_of(desk.store, name)) != name}
    return [
        shutting(desk, root, f"{name} is an alias of it, {case_id}: {reason}")
        for root, name in roots.items()
        if gate_of(desk, root) == "open"
    ]


def _conflict(why: str, case: dict[str, Any]) -> Refusal:
    return Refusal("conflict", f"{why}; read it again, then decide", case=case)
