"""Rows that tests commit."""

from __future__ import annotations

from models.trust.state import TrustState
from pipeline.store import Commit


def a_change(agent_id: str, events: int = 0) -> Commit:
    state = TrustState(agent_id=agent_id, mode="delegated", events=events)
    return Commit(profiles=[(agent_id, "delegated", b"p", state)])
