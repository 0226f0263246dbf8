"""Results of the trust look-up benchmark."""

from __future__ import annotations

from typing import NamedTuple


class Result(NamedTuple):
    """Result of one server.

    Attributes
    ----------
    rate, cpu_rate
        Requests per second, and per processor second of the server.
    p50_ms, p99_ms
        Latency by wall time.
    quiet_p99_ms
        Smallest p99 of all rounds, the least disturbed one.
    turn_p99_ms
        Wait caused by the server itself, in processor time; see `benchmarks.lookup.turns`.
    """

    rate: float
    cpu_rate: float
    p50_ms: float
    p99_ms: float
    quiet_p99_ms: float
    turn_p99_ms: float = 0.0


class Measured(NamedTuple):
    """Look-ups by server, and batches of 1,000 agents without and with encoded answers."""

    lookups: dict[str, Result]
    first_batch_ms: float
    batch_p50_ms: float
    batch_p99_ms: float
