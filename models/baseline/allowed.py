"""Tools and scopes that the inventory allows an agent, and what an event uses beyond them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST = 3
"""Scopes that are named for one event."""


class Allowed(Struct, frozen=True):
    """Allowed names. A name that ends with ``*`` allows all names that begin so.

    Examples
    --------
    >>> tools = Allowed.of(["crm.read", "mail.*"])
    >>> "crm.read" in tools, "mail.send" in tools, "crm.delete" in tools
    (True, True, False)
    >>> "crm.read" in Allowed.of([])
    False
    """

    names: frozenset[str]
    beginnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Allowed:
        """Make it from names, some of which may end with ``*``."""
        given = sorted(set(names))
        beginnings = tuple(name[:-1] for name in given if name.endswith("*"))
        return cls(frozenset(name for name in given if not name.endswith("*")), beginnings)

    def __contains__(self, name: str) -> bool:
        """Return whether a name is allowed."""
        return name in self.names or name.startswith(self.beginnings)


def uses_outside(
    tool: str, scopes: Sequence[str], allowed_tools: Allowed | None, allowed_scopes: Allowed | None
) -> Iterator[tuple[str, str]]:
    """Give what an event uses beyond the allowed tools and scopes: the kind, and its name.

    Parameters
    ----------
    allowed_tools, allowed_scopes
        None where the inventory names none, so that all are allowed.

    Examples
    --------
    >>> list(uses_outside("pay", ["a", "b"], Allowed.of(["read"]), Allowed.of(["a"])))
    [('tool', 'pay'), ('scope', 'b')]
    >>> list(uses_outside("pay", ["a"], None, None))
    []
    """
    if allowed_tools is not None and tool not in allowed_tools:
        yield "tool", tool
    if allowed_scopes is not None:
        beyond = (scope for scope in scopes if scope not in allowed_scopes)
        for scope, _ in zip(beyond, range(_MOST), strict=False):
            yield "scope", scope
