"""A table by whole numbers, stored as a copy and the rows changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.codec.change_log import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Any, list[tuple[int, Any]]]).decode


class KeyedTable:
    """Writes and reads one table.

    Parameters
    ----------
    name
        Name of the part in the store.

    Attributes
    ----------
    changed
        Keys of the rows that changed since the last call of `write`.
    replaced
        Whether the whole table changed since then.

    Examples
    --------
    >>> stored, rows = KeyedTable("ages"), {7: 1}
    >>> stored.changed.add(7)
    >>> parts = dict(stored.write("head", rows))
    >>> again = KeyedTable("ages")
    >>> again.read(parts), stored.write("head", rows)
    (('head', {7: 1}), [])
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.changed: set[int] = set()
        self.replaced = False
        self._journal = Journal()

    def write(
        self, head: Any, rows: Mapping[int, Any], *, whole: bool = False
    ) -> list[tuple[str, bytes]]:
        """Give name and bytes of what changed since the last call, none without a change."""
        if not (whole or self.replaced or self.changed):
            return []

        def encode(generation: int, everything: bool) -> bytes:
            keys = sorted(rows if everything else self.changed)
            return _encode((generation, head, [(key, rows.get(key)) for key in keys]))

        found = self._journal.write(self.name, encode, whole=whole, replaced=self.replaced)
        self.changed.clear()
        self.replaced = False
        return [found]

    def read(self, parts: Mapping[str, bytes]) -> tuple[Any, dict[int, Any]] | None:
        """Give head and rows of the parts that `write` gave; None where there are none."""
        if self.name not in parts:
            return None
        head: Any = None
        rows: dict[int, Any] = {}

        def apply(blob: bytes, wanted: int) -> int:
            nonlocal head
            generation, found, changed = _decode(blob)
            if not wanted or generation == wanted:
                head = found
                for key, row in changed:
                    if row is None:
                        rows.pop(key, None)
                    else:
                        rows[key] = row
            return generation

        self._journal.read(self.name, parts, apply)
        return head, rows
