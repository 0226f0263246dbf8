"""Words of a command line while they are read, and what they are before they have values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.actions.streams.invocation import MAX_WORD, Invocation, Output, Pipe

if TYPE_CHECKING:
    from tree_sitter import Node

READING = frozenset({"read", "mapfile", "readarray"})
"""Programs that put what they read into variables."""
_BRACES = re.compile(r"""-[^={'"]*\{[^}]*(?:,|\.\.)|\{(?:[^}]*,)?["'{]*-""")
"""Braces that may become an option; those after another beginning do not."""
_INDEXED = re.compile(r"\w\[[^\n]*(?:\$\((?!…)|`)|^'(?:\$\(|`)")
_LIST = re.compile(r"\$\{?!?(?:[@*]|\w+\[[@*])")
_OF_LIST = re.compile(r"\$\{?[!#]?(\w+)")


class Inner(NamedTuple):
    """Commands within a word.

    Attributes
    ----------
    marker
        What is in their place in the word.
    pipe
        Their output, or their input for ``>(…)``.
    node
        The commands; None for those of a variable, which are read where it is assigned.
    sign
        First character: ``$`` for a text, ``<`` and ``>`` for a file.
    """

    marker: str
    pipe: Pipe
    node: Node | None
    sign: str


class Word(NamedTuple):
    """A word that is being read.

    Attributes
    ----------
    parts
        Its text.
    inner
        Commands within it whose output or input is known.
    nodes
        Other nodes within it that may have commands.
    lists
        Expansions within it that are several words.
    """

    parts: list[str]
    inner: list[Inner]
    nodes: list[Node]
    lists: list[str]

    @property
    def text(self) -> str:
        """The word."""
        return "".join(self.parts)[:MAX_WORD]


def is_split(node: Node) -> bool:
    """Check for a value without quotes, which the shell splits into words."""
    only = node.named_children[0] if node.type == "command_name" else node
    return only.type in ("simple_expansion", "expansion", "command_substitution")


def escaped(found: re.Match[str]) -> str:
    """Give the character after a backslash; a line break after it is left out."""
    return "" if found[1] == "\n" else found[1]


def is_indexed(text: str) -> bool:
    """Check for a name of a variable with an index in quotes that runs a command.

    >>> is_indexed("a[$(rm x)]=1"), is_indexed("a[1]"), is_indexed("now: $(date)")
    (True, False, False)
    """
    return _INDEXED.search(text) is not None


def is_optional(text: str) -> bool:
    """Check for braces that may become an option, as written.

    >>> [is_optional(text) for text in ("{-delete,}", "-{x,z}f", "src/{a,b}", "--exclude={a,b}")]
    [True, True, False, False]
    """
    return _BRACES.match(text) is not None


def is_list(text: str, several: set[str]) -> bool:
    """Check for an expansion to several words, or of a name that has several values.

    >>> is_list("${a[@]}", set()), is_list("$a", {"a"}), is_list("$a", set())
    (True, True, False)
    """
    found = _OF_LIST.match(text)
    return _LIST.match(text) is not None or (found is not None and found[1] in several)


def name_in(text: str) -> str:
    """Give the name of the variable of an expansion.

    >>> name_in("${a%.*}"), name_in("$b")
    ('a', 'b')
    """
    found = _OF_LIST.match(text)
    return found[1] if found else ""


def made_of(word: Word) -> Pipe:
    """Give what bash makes of a word with outputs, as the output of a command with this word."""
    outputs = [Output(1, one.marker, one.pipe, file=True) for one in word.inner]
    return Pipe(writers=[Invocation(words=["expr", word.text], outputs=outputs)])


def part_of(pipe: Pipe) -> Pipe:
    """Give a part of a value, as of ``${x%.*}``: its text is not followed."""
    return Pipe(writers=[Invocation(words=["expr"], stdin=pipe)])
