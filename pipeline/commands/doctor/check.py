"""The result of one check of `habitus doctor`."""

from __future__ import annotations

from msgspec import Struct

from pipeline.sources.finding import State  # noqa: TC001  # a struct reads its annotations


class Check(Struct, frozen=True):
    """Result of one check; `todo` is empty if no action is needed."""

    name: str
    state: State
    found: str
    todo: str = ""
