"""Several agents anomalous under one trace within an hour: a cascade."""

from __future__ import annotations

import msgspec
from msgspec import Struct

NAME = "traces"
WITHIN_US = 3_600_000_000
LEAST_AGENTS = 3
_MOST = 2_048
_SOME_DEPLOYMENTS = 3


class Trace(Struct, array_like=True):
    """A trace with anomalies: when it was last seen, and whose they were."""

    last_us: int
    agents: list[str]


_Stored = tuple[int, list[tuple[str, Trace]]]


class Traces:
    """Open traces of a stream.

    Examples
    --------
    >>> traces = Traces()
    >>> [len(traces.add("t-1", agent, 0)) for agent in ("a", "b", "b", "c")]
    [1, 2, 2, 3]
    """

    __slots__ = ("_changed", "_deployments", "_open")

    def __init__(self) -> None:
        self._open: dict[str, Trace] = {}
        self._deployments = 0
        self._changed = False

    @property
    def announces(self) -> bool:
        """Whether deployments are announced in this stream: some were."""
        return self._deployments >= _SOME_DEPLOYMENTS

    def deployed(self) -> None:
        """Count a deployment that was announced."""
        if self._deployments < _SOME_DEPLOYMENTS:
            self._deployments += 1
            self._changed = True

    def add(self, trace_id: str, agent_id: str, time_us: int) -> list[str]:
        """Note an anomaly; give the agents that had one under the trace, in order."""
        trace = self._open.pop(trace_id, None)
        if trace is None or time_us - trace.last_us > WITHIN_US:
            trace = Trace(time_us, [])
        trace.last_us = max(trace.last_us, time_us)
        if agent_id not in trace.agents:
            trace.agents.append(agent_id)
        self._open[trace_id] = trace  # the newest last
        while len(self._open) > _MOST:
            del self._open[next(iter(self._open))]
        self._changed = True
        return trace.agents

    def dump(self, now_us: int) -> list[tuple[str, bytes]]:
        """Write them where they changed; those that are over are forgotten."""
        if not self._changed:
            return []
        self._changed = False
        self._open = {k: t for k, t in self._open.items() if now_us - t.last_us <= WITHIN_US}
        stored = (self._deployments, list(self._open.items()))
        return [(NAME, msgspec.msgpack.encode(stored))]

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        raw = shared.get(NAME)
        if raw is not None:
            self._deployments, rows = msgspec.msgpack.decode(raw, type=_Stored)
            self._open = dict(rows)
