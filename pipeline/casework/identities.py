"""Merge an identifier with an agent, split it again, or refuse a proposal.

Each is an entry of the audit log, which the worker applies in a commit. Events after that commit
follow it; nothing of the past is judged again. A gate that is shut stays shut for every identifier
of an agent, whatever is merged or split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.casework.gates import gate_of, shutting
from pipeline.casework.refusal import Refusal
from pipeline.casework.roots import confirmed, root_of
from pipeline.identity.alias import is_name
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from pipeline.casework.desk import Desk
    from pipeline.identity.alias import Alias, AliasKind
    from pipeline.store.registers.audit import Action

_EFFECT: dict[Action, str] = {
    "merge": "events and look-ups of the identifier count for the agent from the next commit on; "
    "nothing of the past is judged again, and both histories stay",
    "split": "events and look-ups of the identifier count for itself from the next commit on; what "
    "the agent learned meanwhile stays with the agent",
    "refuse_alias": "the identifier is not proposed for this agent again",
}


def merge(
    desk: Desk,
    value: str,
    agent_id: str,
    reason: str,
    *,
    kind: AliasKind | None = None,
    preview: bool = False,
) -> dict[str, Any]:
    """Let an identifier be judged as an agent from now on; this also confirms a proposal.

    Parameters
    ----------
    kind
        What the identifier is; None takes that of the proposal.

    Raises
    ------
    Refusal
        The agent is unknown, the identifier belongs to another one, or they are judged in two
        partitions.
    """
    _check_names(value, agent_id)
    version, proposal = _version(desk, value), _row(desk, value, agent_id)
    _version(desk, agent_id)
    _check_free(desk, value, agent_id)
    if proposal is None and not desk.store.states(agent_id):
        raise Refusal("missing", "no such agent, and no proposal names it for this identifier")
    _check_partitions(desk, value, agent_id)
    shut = [one for one in (value, agent_id) if gate_of(desk, one) == "quarantined"]
    entries = []
    if shut == [value] and desk.store.states(agent_id):  # a new agent begins with a shut gate
        entries.append(shutting(desk, agent_id, f"merged with quarantined {value}: {reason}"))
    known: AliasKind = "agent" if proposal is None else proposal.kind
    entries.append(
        _entry(desk, "merge", value, agent_id, version, reason, alias_kind=kind or known)
    )
    _save(desk, entries, preview=preview)
    return _answer(entries[-1], gate="quarantined" if shut else "open", done=not preview)


def split(desk: Desk, value: str, reason: str, *, preview: bool = False) -> dict[str, Any]:
    """Let an identifier be judged as itself again.

    Raises
    ------
    Refusal
        The identifier is not merged, or a quarantine could not be kept.
    """
    version, row = _version(desk, value), confirmed(desk.store, value)
    if row is None:
        raise Refusal("missing", "the identifier is merged with no agent")
    own, entries = gate_of(desk, value), []
    if gate_of(desk, root_of(desk.store, value)) == "quarantined" and own != "quarantined":
        if own is None:
            raise Refusal(
                "conflict",
                "the agent is quarantined and the identifier has never acted as itself, so its "
                "gate cannot be shut; release the agent first",
            )
        entries.append(shutting(desk, value, f"split from quarantined {row.agent_id}: {reason}"))
        own = "quarantined"
    entries.append(_entry(desk, "split", value, row.agent_id, version, reason, alias_kind=row.kind))
    _save(desk, entries, preview=preview)
    return _answer(entries[-1], gate=own or "open", done=not preview)


def refuse(
    desk: Desk, value: str, agent_id: str, reason: str, *, preview: bool = False
) -> dict[str, Any]:
    """Refuse a proposal; the same pair is not proposed again."""
    version, row = _version(desk, value), _row(desk, value, agent_id)
    if row is None or row.state != "proposed":
        raise Refusal("missing", "no open proposal has this identifier and agent")
    entry = _entry(desk, "refuse_alias", value, agent_id, version, reason, alias_kind=row.kind)
    _save(desk, [entry], preview=preview)
    return _answer(entry, gate=gate_of(desk, value) or "open", done=not preview)


def _entry(
    desk: Desk,
    action: Action,
    value: str,
    agent_id: str,
    version: int,
    reason: str,
    *,
    alias_kind: AliasKind,
) -> Entry:
    return Entry(
        action=action, object=value, version=version, by=desk.by, at_us=desk.at_us, reason=reason,
        agent_id=agent_id, target=agent_id, alias_kind=alias_kind,
    )  # fmt: skip


def _answer(entry: Entry, *, gate: str, done: bool) -> dict[str, Any]:
    return {
        "alias": entry.object,
        "agent_id": entry.target,
        "kind": entry.alias_kind,
        "action": entry.action,
        "done": done,
        "effect": _EFFECT[entry.action],
        "gate": gate,
        "version": entry.version + 1,
    }


def _save(desk: Desk, entries: list[Entry], *, preview: bool) -> None:
    if not preview and not desk.store.audit.add(*entries):
        raise Refusal("conflict", "somebody else has decided about this meanwhile; look again")


def _row(desk: Desk, value: str, agent_id: str) -> Alias | None:
    rows = desk.store.aliases.of_value(value)
    return next((one for one in rows if one.agent_id == agent_id), None)


def _version(desk: Desk, value: str) -> int:
    """Give the number of decisions about an identifier; refuse while one of them waits."""
    found = desk.store.audit.latest("identity", value)
    if found is not None and desk.store.audit.is_due(found[0]):
        raise Refusal("conflict", "an earlier decision waits for the worker; try again in a second")
    return 0 if found is None else found[1].version + 1


def _check_names(value: str, agent_id: str) -> None:
    if not (is_name(value) and is_name(agent_id)):
        raise Refusal("wrong", "an identifier and an agent's id have 1 to 256 characters")
    if value == agent_id:
        raise Refusal("wrong", "the identifier is the agent's own id")


def _check_free(desk: Desk, value: str, agent_id: str) -> None:
    row, above = confirmed(desk.store, value), confirmed(desk.store, agent_id)
    if row is not None:
        todo = "" if row.agent_id == agent_id else "; split it first"
        raise Refusal("conflict", f"the identifier is merged with {row.agent_id} already{todo}")
    if above is not None:
        raise Refusal(
            "conflict",
            f"the agent is itself merged with {above.agent_id}; merge with that one instead",
        )


def _check_partitions(desk: Desk, value: str, agent_id: str) -> None:
    found = desk.store.shards_of([value, agent_id])
    if len(set(found.values())) > 1:
        raise Refusal(
            "conflict",
            f"the identifier is judged in {found[value]} and the agent in {found[agent_id]}: an "
            "agent has one partition, so they cannot be merged; give both the same id where their "
            "events are made",
        )
