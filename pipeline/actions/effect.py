"""What one command does, while its words are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from pipeline.actions.hosts import socket_in
from pipeline.actions.patches import changes_of

if TYPE_CHECKING:
    from models.event import Operation

_DISCARDED = frozenset(
    {"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty", "-", ""}
)
_DEVICE = re.compile(r"/dev/(?:[shvx]v?d[a-z]|nvme|mmcblk|r?disk|md\d|dm-|mapper/|loop\d)")
"""A disk: what is written to it replaces all that it has."""
_FILE = re.compile(r"(?!\+)(?=.*[\w.*?~/$])(?!.*(?:\(…\)|\{\}))", re.DOTALL)
"""No sign alone, no option such as ``+F`` of a pager, no output of a command."""


class Effect(Struct):
    """What one command does, while its words are read.

    Attributes
    ----------
    base
        Operation of the program with its subcommand.
    operations
        Operations of options, files and redirections.
    statements
        SQL text. Its operation replaces `base`.
    nested
        Commands within its arguments: words, or the text of a command line.
    arguments
        What ``$0``, ``$1``, … are in these commands.
    sign
        What is in place of the input in its arguments, as ``{}`` for ``xargs -I{}``.
    is_emptied
        Whether it reads ``/dev/null``, so that what it writes may be empty.
    """

    base: Operation = "unknown"
    operations: list[Operation] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    destinations: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    nested: list[list[str] | str] = field(default_factory=list)
    arguments: tuple[str, ...] = ()
    sign: str = ""
    is_emptied: bool = False

    def file(self, path: str, into: list[str]) -> bool:
        """Add a file, or the destination that a network file of bash is.

        Returns
        -------
        bool
            Whether the word is a file that is kept.
        """
        address = socket_in(path)
        if address is not None:
            self.destinations.append(address)
            self.operations.append("send")
        elif path not in _DISCARDED and _FILE.match(path):
            into.append(path)
            return True
        if path == "/dev/null" and into is self.reads:
            self.is_emptied = True
        return False

    def write(self, path: str, operation: Operation = "write") -> None:
        """Add a file that is written or deleted; a write to a disk deletes what is there."""
        if self.file(path, self.writes):
            self.operations.append("delete" if _DEVICE.match(path) else operation)

    def patch(self, text: str) -> None:
        """Add the files of a patch."""
        for change in changes_of(text):
            self.operations.append("delete" if change.kind == "delete" else "write")
            if change.kind == "update":
                self.file(change.path, self.reads)
            self.file(change.path, self.writes)
