"""Planted cases: the lines of a truth file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct, field

from models.errors import ConfigError
from pipeline.sources.recordings import records_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTACK = "attack"
# Features that reveal an injected instruction: a foreign value, or a tool that was not requested.
_INJECTED = ("provenance", "intent")


class Planted(Struct, frozen=True):
    """A line of a truth file: one planted case.

    Attributes
    ----------
    kind
        ``"attack"``, or ``"benign"`` for a novelty that should raise no alert.
    type
        The anomaly type, or the name of the novelty.
    cause, also
        Expected feature of the first reason, and equivalent ones; empty: no expectation.
    """

    id: str
    kind: Literal["attack", "benign"]
    type: str
    agent_id: str | None = None
    event_ids: list[str] = field(default_factory=list)
    cause: str | None = None
    also: list[str] = field(default_factory=list)

    @property
    def causes(self) -> tuple[str, ...]:
        """Features that count as correct."""
        return tuple(filter(None, [self.cause, *self.also]))


def read_planted(truth: str, now_us: int) -> Iterator[Planted]:
    """Read the cases of a truth file."""
    read = msgspec.json.Decoder(Planted).decode
    for number, record in enumerate(records_of([truth], now_us=now_us), 1):
        try:
            yield read(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ConfigError(
                f"line {number} of {truth} is not a planted case, expected id, kind (attack or "
                "benign), type, event_ids"
            ) from None


def causes_of(planted: Planted | None) -> tuple[str, ...]:
    """Give the expected features of the first reason of an attack."""
    return _INJECTED if planted is None else planted.causes
