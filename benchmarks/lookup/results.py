"""What was measured of trust look-ups."""

from __future__ import annotations

from typing import NamedTuple


class Result(NamedTuple):
    """What was seen of one server.

    Attributes
    ----------
    rate, cpu_rate
        Requests a second, and by the server's processor second.
    p50_ms, p99_ms
        Until the answer, by the wall's clock.
    quiet_p99_ms
        The same in the round with the least: where other work disturbed least.
    turn_p99_ms
        How long the server itself makes callers wait, by processor time: see
        `benchmarks.lookup.turns`.
    """

    rate: float
    cpu_rate: float
    p50_ms: float
    p99_ms: float
    quiet_p99_ms: float
    turn_p99_ms: float = 0.0


class Measured(NamedTuple):
    """Look-ups by server; questions for 1,000 agents: when none is encoded yet, then again."""

    lookups: dict[str, Result]
    first_batch_ms: float
    batch_p50_ms: float
    batch_p99_ms: float
