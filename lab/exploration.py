"""A recording and its learned baselines as tables, for notebooks."""

from __future__ import annotations

from collections import Counter
from math import expm1, log2
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from lab.evaluation.truth.planted import Planted
from models.baseline.frequency_model import FrequencyModel
from models.baseline.volume_baseline import quantities
from models.errors import ConfigError
from models.event import Origin
from models.features.extraction import day_name, extract, hour_name
from models.features.feature_slots import slots_of
from models.ranked import STATISTICS
from pipeline.clock import clock_us
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import REPLAY_SECRET, in_order, judge_all, learn_history
from pipeline.publishing.outputs import replay_line
from pipeline.sources.recordings import records_of
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.features.feature_slots import FeatureSlot
    from models.result import Result
    from pipeline.processing.stream_types import RawRecord
    from pipeline.processing.worker import Worker
    from pipeline.settings import Settings

_BINS = 8  # of a score window, per bit
_WEEK = 7
_HOURS = 24


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
        ``resource`` (its class), ``purpose``, ``bytes_in``, ``bytes_out``, ``records``, ``spent``,
        ``reason`` (feature of the first reason), ``held``, ``day`` and ``hour``.
    subjects
        Final state by (agent, mode).
    """

    def __init__(
        self, files: Sequence[str], *, fmt: str, settings: Settings, history: Sequence[str] = ()
    ) -> None:
        self.agent_states: dict[tuple[str, str], AgentState] = {}
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
        self.slots = {slot.name: slot for slot in slots_of(self.worker.engine.hasher)}
        self.events = pd.DataFrame(self._rows)
        self._rows = []

    def agent(self, agent_id: str, mode: str | None = None) -> Portrait:
        """Give the baseline of one agent, by default in its most frequent mode."""
        modes = [m for name, m in self.agent_states if name == agent_id]
        if mode is None and modes:
            mode = max(modes, key=lambda m: self.agent_states[agent_id, m].profile.facts.events)
        if mode is None or (agent_id, mode) not in self.agent_states:
            raise ConfigError(f"no agent {agent_id!r} in these recordings, in mode {mode}")
        return Portrait(self, agent_id, mode)

    def _observe(
        self, record: RawRecord, event: Event, result: Result, agent_state: AgentState
    ) -> None:
        del record
        self.agent_states[result.agent_id, result.mode] = agent_state
        previous = self._last.get((event.agent.id, event.session), "START")
        self._last[event.agent.id, event.session] = event.tool
        if self.worker.engine.trusted_history or event.kind != "action":
            return
        x = extract(event, Origin(), previous, result.time_us)
        row = replay_line(result, agent_state, self.worker.policy)
        trust = row.pop("trust")
        amounts = dict(
            zip(("bytes_in", "bytes_out", "records", "spent"), quantities(event), strict=True)
        )
        time = pd.Timestamp(event.time)
        self._rows.append(
            row
            | amounts
            | {
                "time": time,
                "day": time.date(),
                "hour": time.hour,
                "role": agent_state.trust.role,
                "tool": event.tool,
                "previous_tool": previous,
                "resource": x.get("resource"),
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


class Portrait:
    """Baseline of one agent in one mode, as tables.

    Parameters
    ----------
    explored
        The recordings of the baseline.
    """

    def __init__(self, explored: Explored, agent_id: str, mode: str) -> None:
        self.agent_id, self.mode = agent_id, mode
        agent_state = explored.agent_states[agent_id, mode]
        assert agent_state.view is not None  # noqa: S101 - the engine has judged its events
        self._profile, self._view = agent_state.profile, agent_state.view
        self._slots, self._config = explored.slots, explored.worker.config
        events = explored.events
        self.events = events[(events.agent_id == agent_id) & (events["mode"] == mode)]

    def hours(self) -> pd.DataFrame:
        """Give the probability of each hour on workdays and weekends, for the agent and its peers.

        On weekends several hours share one probability.
        """
        rows = []
        for hours in range(_WEEK * _HOURS):
            name = hour_name(hours)
            at = {"days": day_name(hours), "hour": hours % _HOURS}
            rows.append(at | self._steps("hour", name))
        table = pd.DataFrame(rows).drop_duplicates(["days", "hour"])
        return table.sort_values(["days", "hour"], ascending=[False, True], ignore_index=True)

    def values(self, feature: str) -> pd.DataFrame:
        """Give all known values of a category (``tool``, ``resource``, …), the most frequent first.

        ``bits`` is its surprise, ``peer_bits`` its surprise under the peers only, and ``share`` its
        share of the agent's recent events.
        """
        slot = self._slot(feature)
        names = set(self._view.names(slot.index).values())
        if feature in self.events:
            names |= set(self.events[feature].dropna())
        total = max(1, self._profile.baseline.total_of(slot))
        rows = [
            {
                feature: name,
                "share": self._profile.baseline.count_of(slot, name) / total,
            }
            | self._steps(feature, name)
            for name in sorted(names)
        ]
        return pd.DataFrame(rows).sort_values("bits", ignore_index=True, kind="stable")

    def transitions(self) -> pd.DataFrame:
        """Give each pair of consecutive tools with its frequency and expectation."""
        pairs = Counter(zip(self.events.previous_tool, self.events.tool, strict=True))
        rows = [
            {
                "previous_tool": before,
                "tool": tool,
                "events": count,
                "probability": self._path("tool", tool, previous_tool=before)[-1][1],
            }
            for (before, tool), count in sorted(pairs.items())
        ]
        return pd.DataFrame(rows)

    def windows(self) -> pd.DataFrame:
        """Give the typical hourly sum of each quantity: median and upper bound, own and mixed."""
        rows = []
        for name, level in sorted(self._profile.baseline.volumes.items()):
            mean, spread, weight = level.expected(self._view.volume(name))
            rows.append(
                {
                    "quantity": name,
                    "windows": level.n,
                    "median": expm1(mean),
                    "upper": expm1(mean + 2 * spread),
                    "weight": weight,
                }
            )
        return pd.DataFrame(rows, columns=["quantity", "windows", "median", "upper", "weight"])

    def scores(self) -> pd.DataFrame:
        """Give the histogram of past scores for ranking: bits and counts, by statistic."""
        frequency_model = FrequencyModel.load(self._profile.frequency_model.dump(), self._config)
        rows = [
            {"statistic": statistic, "bits": cell / _BINS, "events": count}
            for statistic, window in zip(STATISTICS, frequency_model.windows, strict=True)
            for part in (window.old, window.new)
            for cell, count in zip(part.bins, part.counts, strict=True)
        ]
        table = pd.DataFrame(rows, columns=["statistic", "bits", "events"])
        return table.groupby(["statistic", "bits"], as_index=False).sum()

    def _slot(self, feature: str) -> FeatureSlot:
        if feature not in self._slots:
            raise ConfigError(f"no feature {feature!r}, expected one of {', '.join(self._slots)}")
        return self._slots[feature]

    def _path(self, feature: str, value: str, **context: str) -> list[tuple[str, float]]:
        return self._profile.baseline.path(self._slot(feature), {feature: value, **context})

    def _steps(self, feature: str, value: str) -> dict[str, float]:
        """Give the probability of a value by level, and its bits for the agent."""
        steps = dict(self._path(feature, value))
        own = steps["agent"]
        peers = steps["peers"]
        return {
            "probability": own, "peers": peers, "bits": -log2(own), "peer_bits": -log2(peers),
        }  # fmt: skip
