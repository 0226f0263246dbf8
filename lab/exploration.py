"""A recording and its learned baselines as tables, for notebooks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from lab.evaluation.truth.planted import Planted
from lab.portrait import Portrait, uses_of
from models.errors import ConfigError
from models.event import Origin
from models.features.fields import read_fields
from models.native_scoring import reference_of
from pipeline.clock import clock_us
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, in_order, judge_all, learn_history
from pipeline.publishing.outputs import replay_line
from pipeline.sources.recordings import records_of
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.portrait import Key, Uses
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.result import Result
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings

_AMOUNTS = ("bytes_in", "bytes_out", "records", "tokens")


class Explored:
    """Recordings judged like a stream, with all judgements and baselines.

    Parameters
    ----------
    files
        Recordings, judged in order of event time, with reasons for each event.
    history
        Trusted history, learned first; not in `events`.

    Attributes
    ----------
    events
        One row per judged event, with the columns of `habitus replay` (``trust`` is the score,
        ``level`` a separate column). Further columns are ``role``, ``tool``, ``previous_tool``,
        ``resource``, ``purpose``, ``bytes_in``, ``bytes_out``, ``records``, ``tokens``,
        ``reason`` (feature of the first reason), ``held``, ``day`` and ``hour``.
    agent_states
        Final state by (agent, mode).
    uses
        Values that each (agent, mode) has used, history included.
    """

    def __init__(
        self, files: Sequence[str], *, fmt: str, settings: Settings, history: Sequence[str] = ()
    ) -> None:
        self.agent_states: dict[Key, AgentState] = {}
        self.uses: dict[Key, Uses] = {}
        self._rows: list[dict[str, Any]] = []
        self._last: dict[tuple[str, str | None], str] = {}
        with open_store("sqlite::memory:", secret=REPLAY_SECRET) as store:
            self.worker: Worker = build_worker(
                settings, store, fmt=fmt, publish=False, explain_all=True, observer=self._observe
            )
            now_us = clock_us()
            if history:
                learn_history(self.worker, in_order(history, self.worker.wire, now_us=now_us))
            judge_all(self.worker, in_order(files, self.worker.wire, now_us=now_us))
        self.events = pd.DataFrame(self._rows)
        self._rows = []

    def agent(self, agent_id: str, mode: str | None = None) -> Portrait:
        """Give the baseline of one agent, by default in its most frequent mode."""
        modes = [m for name, m in self.agent_states if name == agent_id]
        if mode is None and modes:
            mode = max(modes, key=lambda m: self.agent_states[agent_id, m].profile.events)
        if mode is None or (agent_id, mode) not in self.agent_states:
            raise ConfigError(f"no agent {agent_id!r} in these recordings, in mode {mode}")
        events = self.events
        own = events[(events.agent_id == agent_id) & (events["mode"] == mode)]
        judged = self.agent_states[agent_id, mode].profile
        scorer, profile = reference_of(self.worker.engine.scorer, judged)
        peers = sum(
            (
                uses
                for key, uses in self.uses.items()
                if key[0] != agent_id and self.agent_states[key].profile.role == profile.role
            ),
            Counter(),
        )
        return Portrait(scorer, profile, own, self.uses[agent_id, mode], peers)

    def _observe(
        self, record: RawRecord, event: Event, result: Result, agent_state: AgentState
    ) -> None:
        del record
        key = (result.agent_id, result.mode)
        self.agent_states[key] = agent_state
        previous = self._last.get((event.agent.id, event.session), "START")
        self._last[event.agent.id, event.session] = event.tool
        if event.kind != "action":
            return
        x = read_fields(event, Origin(), previous, result.time_us)
        self.uses.setdefault(key, Counter()).update(uses_of(x))
        if self.worker.engine.trusted_history:
            return
        row = replay_line(result, agent_state, self.worker.policy)
        trust = row.pop("trust")
        time = pd.Timestamp(event.time)
        self._rows.append(
            row
            | {name: x.numbers.get(name) for name in _AMOUNTS}
            | {
                "time": time,
                "day": time.date(),
                "hour": time.hour,
                "role": agent_state.trust.role,
                "tool": event.tool,
                "previous_tool": previous,
                "resource": x.single.get("resource"),
                "purpose": event.purpose,
                "reason": result.reasons[0].feature if result.reasons else None,
                "trust": trust["score"],
                "level": trust["level"],
                "held": result.held is not None,
            }
        )


def planted(truth: str) -> pd.DataFrame:
    """Give the events of a truth file: ``event_id``, ``case``, ``kind``, ``type``.

    Raises
    ------
    ConfigError
        The file is missing, or a line is not a planted case.
    """
    rows = [
        {"event_id": event_id, "case": case.id, "kind": case.kind, "type": case.type}
        for record in records_of([truth], now_us=clock_us())
        for case in [_case(truth, record.value)]
        for event_id in case.event_ids
    ]
    return pd.DataFrame(rows, columns=["event_id", "case", "kind", "type"])


def _case(truth: str, raw: bytes) -> Planted:
    try:
        return msgspec.json.decode(raw, type=Planted)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ConfigError(f"{truth} has a line that is no planted case") from None
