"""Join what several events or shards say of one key."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Joinable(Protocol):
    """A value that another one of the same key can be added to, in any order."""

    def join(self, other: Self) -> None:
        """Add another value of the same key."""


_Value = TypeVar("_Value", bound=Joinable)


def join_into(table: dict[int, _Value], values: Iterable[tuple[int, _Value]]) -> None:
    """Add values to a table; a key that it has joins them."""
    for key, value in values:
        known = table.get(key)
        if known is None:
            table[key] = copy(value)
        else:
            known.join(value)
