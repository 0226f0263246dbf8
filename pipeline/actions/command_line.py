"""What a command line does: its commands, with operation, files and network destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.event import Operation

GRAVITY: tuple[Operation, ...] = (
    "delete", "send", "pay", "admin", "execute", "unknown", "write", "read",
)  # fmt: skip
"""Operations, the gravest first.

An unknown program is graver than a write, because it may do anything. It is less grave than what
is known to delete, send, pay, administer or execute.
"""


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One command of a command line.

    Attributes
    ----------
    program
        Name without folders.
    subcommand
        For example ``remote add``; empty where the program has none.
    operation
        What the command does; `unknown` for a program that is not in the table.
    reads, writes
        Files and folders as written in the line. A deleted file is in `writes`.
    destinations
        Hosts with the port where the line has one, and buckets such as ``s3://backup``.
    tables
        Tables of SQL text, ``schema.table``.
    """

    program: str
    subcommand: str = ""
    operation: Operation = "unknown"
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Program with its subcommand.

        >>> Command(program="git", subcommand="push").name
        'git push'
        """
        return f"{self.program} {self.subcommand}".rstrip()


class CommandLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """All commands of a line, in the order of the text.

    Attributes
    ----------
    commands
        The commands, those within ``$(…)`` and ``bash -c`` included.
    complete
        False where a part of the line could not be parsed, or a limit was reached.
    cut
        Whether a limit was reached, so that what comes after it may do anything.
    """

    commands: tuple[Command, ...] = ()
    complete: bool = True
    cut: bool = False

    @property
    def operation(self) -> Operation:
        """Gravest operation of the commands.

        A line that was not parsed completely is at least `unknown`.
        """
        found: list[Operation] = [one.operation for one in self.commands]
        return gravest(found if self.complete and found else [*found, "unknown"])

    @property
    def gravest(self) -> Command | None:
        """The first command with the gravest operation."""
        return min(self.commands, key=lambda one: GRAVITY.index(one.operation), default=None)

    def all_of(self, member: str) -> list[str]:
        """Give the values of a member of all commands, each value once.

        >>> line = CommandLine(commands=(Command(program="a", reads=("x",)),) * 2)
        >>> line.all_of("reads")
        ['x']
        """
        return list(dict.fromkeys(value for one in self.commands for value in getattr(one, member)))


def gravest(operations: Iterable[Operation]) -> Operation:
    """Give the gravest of several operations.

    >>> gravest(["read", "delete", "write"]), gravest(["unknown", "read"])
    ('delete', 'unknown')
    """
    return min(operations, key=GRAVITY.index)
