"""Shared state as occasional whole copies, and the changes in between.

A part is stored under its name. Its changes are stored under ``+K:name``, with K from 0. Each has
the generation of its copy, and those of an older copy are ignored. So nothing need be deleted.
A write of the whole state restarts the count, and the store then deletes all changes. So equal
states give equal bytes for any batches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHANGES = 64  # blobs of changes beside one copy
Encode = Callable[[int, bool], bytes]  # takes a generation and whether everything is wanted
Apply = Callable[[bytes, int], int]  # takes bytes and the generation wanted, 0: any


class Journal:
    """Decides for one part whether its changes or a whole copy are written next.

    A copy is due once the changes are as large as the last copy. So the total written is at most
    about twice the changes.
    """

    __slots__ = ("changes", "generation", "size", "whole_size")

    def __init__(self) -> None:
        self.generation = self.changes = self.size = self.whole_size = 0

    def write(
        self, name: str, encode: Encode, *, whole: bool = False, replaced: bool = False
    ) -> tuple[str, bytes]:
        """Give the name and the bytes to store; `encode` takes a generation and `whole`.

        With `replaced` it is always a copy: the part was replaced.
        """
        if not (whole or replaced) and self.generation and self.changes < MAX_CHANGES:
            blob = encode(self.generation, False)
            if self.size + len(blob) <= self.whole_size:
                self.size += len(blob)
                self.changes += 1
                return f"+{self.changes - 1}:{name}", blob
        self.generation = 1 if whole else self.generation + 1
        blob = encode(self.generation, True)
        self.changes, self.size, self.whole_size = 0, 0, len(blob)
        return name, blob

    def read(self, name: str, shared: Mapping[str, bytes], apply: Apply) -> None:
        """Apply a copy and the changes that belong to it.

        `apply` takes bytes and the generation wanted (0: any), and gives that of the bytes; it
        leaves bytes of another one alone.
        """
        copy = shared[name]
        self.generation, self.whole_size = apply(copy, 0), len(copy)
        self.changes = self.size = 0
        while (blob := shared.get(f"+{self.changes}:{name}")) is not None:
            if apply(blob, self.generation) != self.generation:
                break
            self.changes += 1
            self.size += len(blob)
