"""Schemas of liveness and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class SourceSeen(BaseModel):
    """Time of the last event of a source; `age_s` is null before the first.

    A `live` source is `quiet` if that event is older than the staleness bound. The silence of a
    source without events counts from the newest event of all sources.
    """

    source: str
    feed: Literal["live", "batch"]
    last_event: str | None
    age_s: float | None
    quiet: bool


class Health(BaseModel):
    """Liveness and readiness of the process."""

    status: Literal["ok", "loading"]
    pipeline: Literal["running", "drained", "stopped", "none"] | None = None
    stale: bool | None = None
    lag_s: float | None = None
    as_of: str | None = None
    sources: list[SourceSeen] | None = None
