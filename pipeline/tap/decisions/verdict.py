"""The answer of a decision point."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct


class Verdict(Struct, frozen=True):
    """A decision; `allowed` is None where there was none, and `reason` says why."""

    allowed: bool | None
    reason: str = ""


Ask = Callable[[dict[str, Any]], Verdict]
AskLater = Callable[[dict[str, Any]], Awaitable[Verdict]]
