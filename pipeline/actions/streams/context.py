"""What surrounds a command, and what of a syntax tree is still to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node

    from pipeline.actions.streams.invocation import Pipe


class Context(NamedTuple):
    """What surrounds a command.

    Attributes
    ----------
    stdin, out
        Where its input comes from, and where its output goes.
    arguments
        Name and arguments of the function, or of ``bash -c``, that the command is in.
    active
        Functions that the command is in: one within itself is not read again.
    """

    stdin: Pipe | None = None
    out: Pipe | None = None
    arguments: tuple[str, ...] = ()
    active: frozenset[str] = frozenset()


class Step(NamedTuple):
    """A node to read; or a statement whose redirections are to be read.

    Attributes
    ----------
    before
        Number of the commands before the statement; -1 for a node.
    """

    node: Node
    context: Context
    before: int = -1
