"""Several agents anomalous under one trace within an hour: a cascade."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from models.units import HOUR_US

NAME = "traces"
WITHIN_US = HOUR_US
MIN_AGENTS = 3
_MAX = 2_048
_MAX_RELEASES = 1_000
_SOME_DEPLOYMENTS = 3


class Trace(Struct, array_like=True):
    """A trace with anomalies: when it was last seen, and whose they were."""

    last_us: int
    agents: list[str]


class _Stored(Struct, array_like=True):
    deployments: int
    open: list[tuple[str, Trace]]
    naming: int
    brought: list[tuple[str, list[str]]]


_stored = msgspec.msgpack.Decoder(_Stored).decode


class Traces:
    """Open traces of a stream, and what its deployments say.

    Examples
    --------
    >>> traces = Traces()
    >>> [len(traces.add("t-1", agent, 0)) for agent in ("a", "b", "b", "c")]
    [1, 2, 2, 3]
    """

    __slots__ = ("_brought", "_changed", "_deployments", "_naming", "_open")

    def __init__(self) -> None:
        self._open: dict[str, Trace] = {}
        self._deployments = self._naming = 0
        self._brought: dict[str, list[str]] = {}
        self._changed = False

    @property
    def announces(self) -> bool:
        """Whether deployments are announced in this stream: some were."""
        return self._deployments >= _SOME_DEPLOYMENTS

    @property
    def names_tools(self) -> bool:
        """Whether deployments of this stream say which tools they bring: some did."""
        return self._naming >= _SOME_DEPLOYMENTS

    def brought(self, release: str) -> list[str]:
        """Give the tools that deployments said a release brings; none where none said so."""
        return list(self._brought.get(release, ()))

    def ever_brought(self, role: str) -> list[str]:
        """Give the tools that deployments said any release of a role brings, the newest last."""
        releases = (
            tools for name, tools in self._brought.items() if name.startswith(f"{role}\x1f")
        )
        return list(dict.fromkeys(tool for tools in releases for tool in tools))

    def deployed(self, release: str, tools: list[str]) -> None:
        """Take in a deployment that was announced.

        Parameters
        ----------
        release
            What was rolled out; empty where that was not said.
        tools
            That it was said to bring.
        """
        deployments = min(_SOME_DEPLOYMENTS, self._deployments + 1)
        named = min(_SOME_DEPLOYMENTS, self._naming + bool(tools))
        self._changed |= (deployments, named) != (self._deployments, self._naming)
        self._deployments, self._naming = deployments, named
        if tools and release and self._brought.get(release) != tools:
            self._brought.pop(release, None)
            self._brought[release] = tools  # the newest last
            if len(self._brought) > _MAX_RELEASES:
                del self._brought[next(iter(self._brought))]
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
        while len(self._open) > _MAX:
            del self._open[next(iter(self._open))]
        self._changed = True
        return trace.agents

    def dump(self, now_us: int) -> list[tuple[str, bytes]]:
        """Write them where they changed; those that are over are forgotten."""
        if not self._changed:
            return []
        self._changed = False
        self._open = {k: t for k, t in self._open.items() if now_us - t.last_us <= WITHIN_US}
        brought = list(self._brought.items())
        stored = _Stored(self._deployments, list(self._open.items()), self._naming, brought)
        return [(NAME, msgspec.msgpack.encode(stored))]

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        raw = shared.get(NAME)
        if raw is not None:
            stored = _stored(raw)
            self._deployments, self._naming = stored.deployments, stored.naming
            self._open, self._brought = dict(stored.open), dict(stored.brought)
