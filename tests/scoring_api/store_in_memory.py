"""A store of the shape the API reads, in memory, and builders of what it holds."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from models.event import microseconds
from models.ledger import Item, Ledger
from models.levels import Standing
from models.trust_policy import DAY_US
from models.trust_state import TrustState
from scoring_api.reading import PipelineStatus

REFUNDS = "spiffe://example.com/ns/shop/sa/refunds"


def us_of(time_: str) -> int:
    return microseconds(datetime.fromisoformat(time_))


def now_us() -> int:
    return time.time_ns() // 1000


def an_item(key: str = "k1", severity: str = "high", at_us: int | None = None) -> Item:
    return Item(
        key=key,
        id=f"a-{key}",
        at_us=now_us() - DAY_US if at_us is None else at_us,
        severity=severity,
        anomaly="resource.new",
        facet="data",
    )


def a_state(
    agent_id: str = REFUNDS,
    *,
    mode: str = "delegated",
    days: int = 60,
    items: tuple[Item, ...] = (),
    level: str = "trusted",
    at_us: int | None = None,
    **more: Any,
) -> TrustState:
    now = now_us() if at_us is None else at_us
    today = now // DAY_US
    ledger = Ledger(days=dict.fromkeys(range(today - days, today), 20))
    for item in items:
        ledger.add(item)
    kept = {"role": "refund-assistant", "owner": "shop@example.com", "state": "active", **more}
    return TrustState(
        agent_id=agent_id,
        mode=mode,
        version="3",
        registered=True,
        first_seen_us=now - days * DAY_US,
        last_seen_us=now,
        events=days * 20,
        ledger=ledger,
        standing=Standing(level=level),
        position="file@9",
        config_version="c1",
        **kept,
    )


def an_anomaly(number: int, *, agent_id: str = REFUNDS, severity: str = "high") -> dict[str, Any]:
    return {
        "id": f"anomaly-{number}",
        "agent_id": agent_id,
        "mode": "delegated",
        "session": "s-1",
        "event_id": f"e-{number}",
        "time": f"2026-01-05T08:{number % 60:02}:00.000000Z",
        "anomaly": "resource.new",
        "severity": severity,
        "p": 0.0003,
        "p_pool": "agent",
        "p_n": 812,
        "rank": 9.0 + number / 100,
        "session_p": 0.002,
        "bits": 31.2,
        "reasons": [
            {
                "feature": "provenance",
                "bits": 9.4,
                "observed": "payee from result:browse_webpage, new to the role",
                "expected": [["request", 0.93]],
                "why": "the payee came from a web page, and payees of this role come from requests",
            }
        ],
        "tags": {"owasp": ["ASI02"], "maestro": ["L2"], "attack": ["T1530"], "atlas": []},
        "position": f"file@{number}",
        "status": "open",
        "config_version": "c1",
        "trust": {"before": 91, "after": 73},
    }


class StoreInMemory:
    """Rows get a new sequence number with every change, as in a real store."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[int, TrustState]] = {}
        self.version = 0
        self.kept: list[bytes] = []
        self.found: list[dict[str, Any]] = []
        self.said = PipelineStatus("running", now_us(), now_us(), 0)
        self.fault: Exception | None = None

    def put(self, *states: TrustState) -> None:
        for state in states:
            self.version += 1
            self.rows[state.agent_id, state.mode] = (self.version, state)

    def say(self, status: PipelineStatus) -> None:
        self.said = status
        self.version += 1

    def data_version(self) -> int:
        if self.fault is not None:
            raise self.fault
        return self.version

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        return sorted(row for row in self.rows.values() if row[0] > after)[:limit]

    def status(self) -> PipelineStatus:
        return self.said

    def anomalies(
        self,
        *,
        agent_id: str | None,
        severity: str | None,
        kind: str | None,
        since_us: int | None,
        before: str | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        ids = [found["id"] for found in self.found]
        start = ids.index(before) + 1 if before in ids else 0
        return [
            found
            for found in self.found[start:]
            if agent_id in (None, found["agent_id"])
            and (since_us is None or us_of(found["time"]) >= since_us)
            and severity in (None, found["severity"])
            and kind in (None, found["anomaly"])
        ][:limit]

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        return next((found for found in self.found if found["id"] == anomaly_id), None)

    def inbox(self, values: list[bytes]) -> list[int]:
        if self.fault is not None:
            raise self.fault
        self.kept += values
        return list(range(len(self.kept) - len(values), len(self.kept)))
