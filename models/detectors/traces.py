"""Cascade: several agents with rare sessions under one trace within an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.session import Subject
from models.codec.stable_id import stable_id
from models.constants import CASCADE_BITS
from models.features.families import CASCADE
from models.peers.joining import join_into
from models.units import HOUR_US

if TYPE_CHECKING:
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment

MIN_OTHERS = 2
"""Other agents under the trace from which on it is a cascade."""
MAX_AGENTS = 32
_SERIES = stable_id(CASCADE)


class Trace(Struct, array_like=True):
    """A trace with rare sessions: when it was last seen, and the marks of the agents."""

    last_us: int
    agents: list[int]

    def join(self, other: Trace) -> None:
        """Add what another shard has seen."""
        self.last_us = max(self.last_us, other.last_us)
        self.agents = sorted({*self.agents, *other.agents})[:MAX_AGENTS]


class Traces:
    """Traces under which agents had rare sessions; they count at the next publication.

    Attributes
    ----------
    open
        Published: mark of a trace -> what is known of it.
    pending
        Rare sessions since the last publication.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.open: dict[int, Trace] = {}
        self.pending: dict[int, Trace] = {}

    def score(self, at: Moment, trace_id: str | None) -> None:
        """Raise the bits of a session under whose trace other agents had rare sessions."""
        trace = self.open.get(self._hasher.of(f"trace\x1f{trace_id}")) if trace_id else None
        if trace is None or at.time_us - trace.last_us > HOUR_US:
            return
        others = len(set(trace.agents) - {at.profile.mark})
        if others >= MIN_OTHERS:
            bits = CASCADE_BITS * (others + 1)
            at.raise_bits(_SERIES, bits, Subject(bits, others, CASCADE, 0, f"{others + 1} agents"))

    def learn(self, at: Moment, trace_id: str | None) -> None:
        """Note a rare session under a trace."""
        if trace_id:
            mark = self._hasher.of(f"trace\x1f{trace_id}")
            join_into(self.pending, [(mark, Trace(at.time_us, [at.profile.mark]))])

    def apply(self, pending: dict[int, Trace]) -> None:
        """Add rare sessions, of this or another shard."""
        join_into(self.open, pending.items())

    def close(self, watermark_us: int) -> None:
        """Forget traces that nobody was rare under for an hour."""
        self.open = {
            mark: trace
            for mark, trace in self.open.items()
            if watermark_us - trace.last_us <= HOUR_US
        }
