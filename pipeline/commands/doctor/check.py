"""The result of one check of `habitus doctor`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["ok", "optional", "missing"]


class Check(Struct, frozen=True):
    """Result of one check; `todo` is empty if no action is needed."""

    name: str
    state: State
    found: str
    todo: str = ""
