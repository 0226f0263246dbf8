"""An agent and an anomaly for the terminal."""

from __future__ import annotations

from typing import Any

CLERK = "spiffe://example.com/ns/shop/sa/clerk"


def an_anomaly(number: int, agent: str = CLERK, severity: str = "high") -> dict[str, Any]:
    return {
        "id": f"an-{number}",
        "agent_id": agent,
        "time": f"2026-01-05T08:0{number}:00.000000Z",
        "anomaly": "resource.new",
        "severity": severity,
        "rank": 9.4,
        "p": 0.0003,
        "p_pool": "role",
        "p_n": 812,
        "reasons": [
            {
                "feature": "resource",
                "bits": 9.4,
                "observed": "[payroll]",
                "expected": [["orders", 0.93]],
                "why": "Kind of resource [payroll]: never used by this role.",
            }
        ],
    }
