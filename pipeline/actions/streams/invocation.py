"""One simple command as written, and where its input comes from."""

from __future__ import annotations

from msgspec import Struct, field

MAX_WORD = 64 << 10
"""Most characters of a word; the rest is left out."""
SUBSTITUTED = "$(…)"
"""What is in a word in place of the output of commands."""
MAX_WORDS = 256 << 10
"""Most characters of all words together, after variables and outputs have their values."""


class Pipe(Struct, eq=False):
    """What commands write to standard output: for another command, or in place of ``$(…)``.

    Attributes
    ----------
    writers
        Commands that write to it.
    text
        What they write, where it follows from the line; see `literal_output.text_of`.
    is_read
        Whether `text` has been computed.
    is_revealing
        Whether it may have content of this machine; None where that has not been computed.
    cut
        Whether a limit left out a part of `text`.
    """

    writers: list[Invocation] = field(default_factory=list)
    text: str | None = None
    is_read: bool = False
    is_revealing: bool | None = None
    cut: bool = False


class Output(Struct, eq=False):
    """The output of commands within a word.

    Attributes
    ----------
    word
        Number of the word.
    marker
        What is in its place in the word, ``$(…)`` or the variable.
    pipe
        The output.
    split
        Whether the shell splits it into words.
    file
        Whether the word is a file with this output, as of ``<(…)``.
    """

    word: int
    marker: str
    pipe: Pipe
    split: bool = False
    file: bool = False


class Invocation(Struct, eq=False):
    """One simple command as written.

    Attributes
    ----------
    words
        Program and arguments without their quotes. ``$(…)`` is in place of an inner command.
    reads, writes
        Targets of redirections.
    replaces
        Whether a redirection replaces the content of a file.
    lists
        Words in place of several that the line does not say, as ``"${a[@]}"``.
    text
        Text on standard input, of a here-document or a here-string.
    stdin
        The commands whose output is standard input; None without a pipe.
    outputs
        Outputs of commands within the words.
    cut
        Whether a limit left out a part of the words.
    """

    words: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    replaces: bool = False
    lists: list[str] = field(default_factory=list)
    text: str | None = None
    stdin: Pipe | None = None
    outputs: list[Output] = field(default_factory=list)
    cut: bool = False
