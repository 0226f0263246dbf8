"""Current trust of all agents, computed from the store in the same way as in the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.event import rfc3339
from models.trust.response import Answer, trust_answer
from models.trust.state import registered_of, seen_of
from models.units import SECOND_US
from pipeline.commands.doctor.last_event import quiet_in_words
from pipeline.commands.terminal import now_us
from pipeline.configuration.derived import trust_policy_of
from pipeline.enrichment import inventory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.trust.state import TrustState
    from pipeline.settings import Settings
    from pipeline.store import PipelineStatus, Store

_PAGE = 1000
_KEPT = ("level", "gate", "state", "score", "lower", "recovers")
"""Members of an answer that a row has."""


class CurrentTrust:
    """All agents of a store and their trust at one instant.

    Parameters
    ----------
    store
        The store; read by the constructor.
    settings
        Hold the clock for trust, and the staleness bound.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._policy = trust_policy_of(settings, store.configs.promoted())
        self._now_us = now_us()
        self._status = store.status()
        on_event_time = settings.clock == "event" and self._status.watermark_us is not None
        self._at_us = (self._status.watermark_us or 0) if on_event_time else self._now_us
        self._lag_us = lag_us(self._status, self._now_us, settings.clock)
        self._quiet_us = 0 if settings.clock == "event" else self._status.quiet_us(self._now_us)
        self.agents: dict[str, list[TrustState]] = {}
        self.inventory = registered = inventory.load(settings.inventory)
        seq = 0
        while page := store.changes(seq, _PAGE):
            for seq, state in page:  # noqa: B007  # the next page begins after the last one
                self.agents.setdefault(state.agent_id, []).append(registered.settled(state))

    @property
    def at_us(self) -> int:
        """Time of evaluation, microseconds since 1970."""
        return self._at_us

    @property
    def stale(self) -> bool:
        """Whether the lag, or the silence of a live source, exceeds the bound."""
        return self._late_us is None or self._late_us > self._policy.stale_after_s * SECOND_US

    @property
    def _late_us(self) -> int | None:
        return None if self._lag_us is None else max(self._lag_us, self._quiet_us)

    @property
    def pipeline(self) -> dict[str, Any]:
        """Give the state of the pipeline, for programs."""
        beat = self._status.heartbeat_us
        return {
            "state": self._status.state,
            "heartbeat": None if beat is None else rfc3339(beat),
            "lag_s": None if self._lag_us is None else self._lag_us / SECOND_US,
            "as_of": rfc3339(self._at_us),
            "stale": self.stale,
            "last_event": {
                name: None if one.event_us is None else rfc3339(one.event_us)
                for name, one in self._status.last_events.items()
            },
        }

    @property
    def sentence(self) -> str:
        """Describe the state of the pipeline for people."""
        if self._lag_us is None:
            return "no pipeline has judged into this store yet"
        late = f"{self._lag_us / SECOND_US:.0f} s behind"
        behind = self._lag_us > self._policy.stale_after_s * SECOND_US
        hint = ", so answers are stale (start habitus run)" if behind else self._quiet()
        return f"as of {rfc3339(self._at_us)[:19]}Z, pipeline {self._status.state}, {late}{hint}"

    def _quiet(self) -> str:
        """Describe the silent live sources, if answers are stale because of them."""
        if not self.stale:
            return ""
        bound = self._policy.stale_after_s * SECOND_US
        return f", {quiet_in_words(self._status, self._now_us, bound)}, so answers are stale"

    def answer(
        self, agent_id: str, states: Sequence[TrustState], mode: str | None = None
    ) -> Answer:
        """Give the trust answer of an agent over all modes, or for one mode."""
        return trust_answer(
            states,
            agent_id,
            self._at_us,
            self._now_us,
            self._policy,
            stale=self.stale,
            lag_us=self._late_us or 0,
            mode=mode,
        )

    def rows(self) -> list[dict[str, Any]]:
        """Give one row per agent, the least trusted first."""
        rows = [self.row(agent_id) for agent_id in self.agents]
        return sorted(rows, key=lambda row: (row["gate"] == "open", row["lower"], row["agent_id"]))

    def row(self, agent_id: str) -> dict[str, Any]:
        """Give the row of a known agent."""
        states = self.agents[agent_id]
        answer = msgspec.to_builtins(self.answer(agent_id, states))
        latest = max(states, key=lambda state: state.last_seen_us)
        return {
            "agent_id": agent_id,
            "role": latest.role,
            "owner": latest.owner,
            "version": latest.version,
            "registered": registered_of(states),
            "claims": latest.claims,
            **{name: answer[name] for name in _KEPT},
            "modes": sorted(state.mode for state in states),
            "events": sum(state.events for state in states),
            **seen_of(states),
            "top_reason": answer["reasons"][0] if answer["reasons"] else None,
            **self._of_entry(agent_id),
        }

    def unseen_row(self, agent_id: str) -> dict[str, Any]:
        """Give the row of a registered agent without events."""
        answer = msgspec.to_builtins(self.answer(agent_id, []))
        entry = self.inventory.get(agent_id)
        return {
            "agent_id": agent_id,
            "role": entry.role if entry else None,
            "owner": entry.owner if entry else None,
            "version": None,
            "registered": entry is not None,
            "claims": {},
            **{name: answer[name] for name in _KEPT},
            "modes": [],
            "events": 0,
            "first_seen": None,
            "last_seen": None,
            "top_reason": None,
            **self._of_entry(agent_id),
        }

    def _of_entry(self, agent_id: str) -> dict[str, Any]:
        entry = self.inventory.get(agent_id)
        review = entry.review_date if entry else None
        return {
            "sponsor": entry.sponsor if entry else None,
            "review_date": review.isoformat() if review else None,
        }


def lag_us(status: PipelineStatus, at_us: int, clock: str) -> int | None:
    """Give the lag of the store in microseconds; None if unknown.

    The lag of a stopped pipeline grows with the wall clock. Time stops only over a completely
    judged recording.
    """
    if status.state == "none" or status.heartbeat_us is None:
        return None
    stored_us = status.lag_us or 0
    if clock == "event" and status.state == "drained":
        return stored_us
    return stored_us + max(0, at_us - status.heartbeat_us)
