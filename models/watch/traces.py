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


class _Stored(Struct, array_like=True):
    deployments: int
    open: list[tuple[str, Trace]]
    naming: int = 0


_stored = msgspec.msgpack.Decoder(_Stored).decode


class Traces:
    """Open traces of a stream, and what its deployments say.

    Examples
    --------
    >>> traces = Traces()
    >>> [len(traces.add("t-1", agent, 0)) for agent in ("a", "b", "b", "c")]
    [1, 2, 2, 3]
    """

    __slots__ = ("_changed", "_deployments", "_naming", "_open")

    def __init__(self) -> None:
        self._open: dict[str, Trace] = {}
        self._deployments = self._naming = 0
        self._changed = False

    @property
    def announces(self) -> bool:
        """Whether deployments are announced in this stream: some were."""
        return self._deployments >= _SOME_DEPLOYMENTS

    @property
    def names_tools(self) -> bool:
        """Whether deployments of this stream say which tools they bring: some did."""
        return self._naming >= _SOME_DEPLOYMENTS

    def deployed(self, *, naming: bool) -> None:
        """Count a deployment that was announced; `naming` where it named tools it brings."""
        deployments = min(_SOME_DEPLOYMENTS, self._deployments + 1)
        named = min(_SOME_DEPLOYMENTS, self._naming + naming)
        self._changed |= (deployments, named) != (self._deployments, self._naming)
        self._deployments, self._naming = deployments, named

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
        stored = _Stored(self._deployments, list(self._open.items()), self._naming)
        return [(NAME, msgspec.msgpack.encode(stored))]

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        raw = shared.get(NAME)
        if raw is not None:
            stored = _stored(raw)
            self._deployments, self._naming = stored.deployments, stored.naming
            self._open = dict(stored.open)
