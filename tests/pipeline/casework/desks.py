"""A store, its worker, and a person who decides about cases and agents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from models.event import rfc3339
from models.trust.agent_evidence import ledger_in
from models.trust.disposition import case_key
from models.trust.opinion import opinion
from models.trust.response import DEFAULT_OBLIGATIONS
from models.units import DAY_US
from pipeline.casework import suppressions
from pipeline.casework.desk import Desk
from pipeline.casework.scope import Scope
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.store.registers.audit import Entry

if TYPE_CHECKING:
    from pipeline.casework.in_force import Suppression
    from pipeline.store import Commit, Store

GHOST, OTHER = "ghost-1", "ghost-2"
ARRIVED_US = 1_798_761_600_000_000
DECIDED_US = 1_798_761_700_000_000
SHADOW = {"credential": {"id": "c-9"}}


def decision(case: dict[str, Any], disposition: Any) -> Entry:
    """Give a decision about the newest version of a case."""
    return Entry(
        action="undo" if disposition is None else "disposition",
        object=case["case_id"],
        version=case["version"],
        by="ops",
        at_us=DECIDED_US,
        reason="looked at it",
        agent_id=case["agent_id"],
        disposition=disposition,
    )


class WorkingDesk:
    """A store, its worker, and what a person does; `now_us` is the wall time of both."""

    def __init__(self, settings: Any, store: Store) -> None:
        self.settings, self.store = settings, store
        self.now_us = DECIDED_US
        self.restart()

    def judge(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Judge events; give the messages of cases."""
        out = self.worker.judge(
            [
                RawRecord(json.dumps(one).encode(), "stdin", n, ARRIVED_US)
                for n, one in enumerate(events)
            ]
        )
        return self._committed(out)

    def beat(self) -> list[dict[str, Any]]:
        """Commit without events, as an idle worker does."""
        return self._committed(self.worker.flush())

    def _committed(self, out: Commit) -> list[dict[str, Any]]:
        self.store.commit(out)
        self.answers = [json.loads(one.value) for one in out.outbox if one.topic == "agent.trust"]
        return [json.loads(one.value) for one in out.outbox if one.topic == "agent.cases"]

    def decide(self, disposition: Any, case: dict[str, Any] | None = None) -> Entry:
        made = decision(case or self.case, disposition)
        assert self.store.audit.add(made)
        return made

    def restart(self) -> None:
        """Continue as a worker that reads the store anew."""
        self.worker = build_worker(self.settings, self.store)
        self.worker._clock = lambda: self.now_us

    @property
    def person(self) -> Desk:
        policy = self.worker.policy
        return Desk(self.store, policy, DEFAULT_OBLIGATIONS, "ops", self.now_us)

    def suppress(self, days: float = 1, **scope: str) -> Suppression:
        until_us = self.now_us + int(days * DAY_US)
        return suppressions.suppress(self.person, Scope(**scope), "expected", until_us)

    @property
    def case(self) -> dict[str, Any]:
        (found,) = self.store.cases(sort="last", limit=1)
        return found

    def ids(self, status: Any) -> list[str]:
        return [one["case_id"] for one in self.store.cases(sort="last", status=status)]

    def item(self, agent_id: str = GHOST) -> Any:
        (state,) = self.store.states(agent_id)
        return state.ledger.items[case_key(agent_id, "delegated", self.case["case_id"])]

    def score(self, agent_id: str = GHOST) -> dict[str, int]:
        (state,) = self.store.states(agent_id)
        found = opinion(ledger_in(state, [state], self.worker.policy), state.last_seen_us)
        return {"score": round(found.score), "lower": int(found.lower)}

    def gate(self, agent_id: str = GHOST) -> str:
        (state,) = self.store.states(agent_id)
        return state.level_state.gate


def an_event(name: str, agent: str = GHOST, minute: int = 0, **more: Any) -> dict[str, Any]:
    """Give an event of an agent that is in no inventory; `day` moves it."""
    day = more.pop("day", 0)
    begun_us = 1_772_445_600_000_000  # 2026-03-02T10:00:00Z
    return (
        {
            "id": name,
            "time": rfc3339(begun_us + day * DAY_US + minute * 60_000_000),
            "agent": {"id": agent},
            "tool": "mail.send",
            "mode": "delegated",
            "session": f"s-{agent}",
        }
        | SHADOW
        | more
    )
