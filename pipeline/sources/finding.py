"""The result of a check of a source or a sink, for `habitus doctor`."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "optional", "missing"]


class Finding(NamedTuple):
    """Result of one check; `todo` is empty if no action is needed."""

    state: State
    found: str
    todo: str = ""
