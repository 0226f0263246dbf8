"""What a person's decision about a case does to the evidence of its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from models.trust.levels import guard, release
from models.units import DAY_US

if TYPE_CHECKING:
    from models.baseline.profile import Profile
    from models.trust.ledger import Item
    from models.trust.policy import Severity, Status
    from models.trust.state import TrustState

Disposition = Literal["benign", "expected_change", "malicious", "unclear"]
"""Honest work; honest work that was announced; an attack; not decided, only noted."""

_STATUS: dict[str | None, Status] = {
    None: "open", "benign": "dismissed", "expected_change": "dismissed", "malicious": "confirmed",
}  # fmt: skip


def case_key(agent_id: str, mode: str, case_id: str) -> str:
    """Give the correlation key of the evidence of a case in one mode of an agent."""
    return f"{agent_id}|{mode}|{case_id}"


def case_of(anomaly_id: str) -> str:
    """Give the id of the case of an anomaly that a judge without cases has raised.

    >>> case_of("an-0000000000000001")
    'C-0000000000000001'
    """
    return f"C-{anomaly_id.removeprefix('an-')}"


def _evidence_of(trust: TrustState, case_id: str) -> Item | None:
    """Give the evidence of a case; that of a judge without cases is found by its anomaly."""
    items = trust.ledger.items
    item = items.get(case_key(trust.agent_id, trust.mode, case_id))
    if item is not None:
        return item
    return next((one for one in items.values() if case_of(one.id) == case_id), None)


def decide_trust(
    trust: TrustState, case_id: str, disposition: Disposition | None, *, keep_shut: bool = False
) -> bool:
    """Apply a decision to the evidence of a case; None takes the decision back.

    A confirmed case of high severity becomes critical, which only a person can decide, and shuts
    the gate. Taking that back opens the gate, unless another confirmed critical case holds it.

    Parameters
    ----------
    keep_shut
        A person has quarantined the agent, so only a release opens the gate.

    Returns
    -------
    bool
        Whether anything changed.

    Examples
    --------
    >>> from models.trust.ledger import Item, Ledger
    >>> from models.trust.state import TrustState
    >>> item = Item("a|unknown|C-1", "an-1", 0, "high", "tool.new", "tools")
    >>> trust = TrustState(agent_id="a", mode="unknown", ledger=Ledger(items={item.key: item}))
    >>> decide_trust(trust, "C-1", "malicious"), trust.level_state.gate
    (True, 'quarantined')
    >>> decide_trust(trust, "C-1", None), trust.level_state.gate
    (True, 'open')
    >>> trust.ledger.items[item.key] == item
    True
    """
    item = _evidence_of(trust, case_id)
    if item is None or disposition == "unclear":
        return False
    status = _STATUS[disposition]
    severity = decided_severity(item.severity, confirmed=status == "confirmed")
    decided = replace(item, status=status, severity=severity)
    if decided == item:
        return False
    trust.ledger.items[item.key] = decided
    held = keep_shut or any(map(_shuts_gate, trust.ledger.items.values()))
    if _shuts_gate(item) and not held:
        trust.level_state = release(trust.level_state)
    trust.level_state = guard(trust.level_state, trust.ledger, item.key)
    return True


def decided_severity(severity: Severity, *, confirmed: bool) -> Severity:
    """Give the severity after a decision; only a confirmation makes critical what is high.

    >>> decided_severity("high", confirmed=True), decided_severity("critical", confirmed=False)
    ('critical', 'high')
    """
    if confirmed:
        return "critical" if severity == "high" else severity
    return "high" if severity == "critical" else severity


def _shuts_gate(item: Item) -> bool:
    return item.status == "confirmed" and item.severity == "critical"


def decide_values(
    profile: Profile, time_us: int, marks: list[int], disposition: Disposition | None
) -> None:
    """Apply a decision to values that an event of the case held back.

    Parameters
    ----------
    time_us
        Time of the event.
    disposition
        ``benign`` and ``expected_change`` learn them, ``malicious`` forgets them. None lets them
        wait again.
    """
    day = time_us // DAY_US
    for mark in marks:
        if disposition in ("benign", "expected_change"):
            profile.know(mark, day)
        elif disposition != "unclear":
            profile.forget(mark)
            if disposition is None:
                profile.hold(mark, day, days=2)
