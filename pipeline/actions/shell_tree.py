"""Parse a command line to a syntax tree of tree-sitter-bash, within bounds.

Some inputs cost the parser quadratic time, so it reads a bounded number of bytes and does a bounded
number of steps. Both bounds are counts: no clock is read, and equal lines give equal results.

Two defects of the libraries are avoided here. tree-sitter-bash 0.25.1 reads outside of a table for
some characters that are not ASCII (issue 337), and may crash. py-tree-sitter 0.26.1 never releases
what the function returns that gives it the text.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING

import tree_sitter_bash
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_BYTES = 64 << 10
_MAX_STEPS = 400
"""Most steps of the parser, each of 100 operations."""
_MAX_EXPANSIONS, _MAX_PIPES = 200, 400
_CHUNK = 256
_LANGUAGE = Language(tree_sitter_bash.language())
# All that is neither printable ASCII nor white space is part of a word for the shell.
_OTHER = re.compile(rb"[^\t\n\r\x20-\x7e]")
# Returned in turn and never released by the library: one buffer for each length of a piece.
_BUFFERS = [bytearray(length) for length in range(_CHUNK + 1)]
_lock = Lock()


def tree_of(line: str) -> Node | None:
    """Give the root of the syntax tree of a line; None where a bound is exceeded.

    Positions in the tree are those of the line in UTF-8.

    >>> root = tree_of("ls; date")
    >>> [child.type for child in root.named_children], root.has_error
    (['command', 'command'], False)
    >>> tree_of("a|" * 10_000) is None
    True
    """
    source = line.encode("utf-8", "replace")
    if len(source) > MAX_BYTES:
        return None
    if source.count(b"${") > _MAX_EXPANSIONS or source.count(b"|") > _MAX_PIPES:
        return None
    with _lock:  # the buffers are shared
        return _parse(_OTHER.sub(b"x", source))


def _parse(source: bytes) -> Node | None:
    steps, read = 0, 0
    limit = 8 * len(source) + 32_768

    def piece(offset: int, _: object) -> bytearray:
        nonlocal read
        read += _CHUNK
        text = source[offset : offset + _CHUNK] if read <= limit else b""
        buffer = _BUFFERS[len(text)]
        buffer[:] = text
        return buffer

    def is_spent(*_: object) -> bool:
        nonlocal steps
        steps += 1
        return steps > _MAX_STEPS or read > limit

    try:
        tree = Parser(_LANGUAGE).parse(piece, progress_callback=is_spent)
    except ValueError:  # stopped by `is_spent`
        return None
    return None if tree is None or read > limit else tree.root_node
