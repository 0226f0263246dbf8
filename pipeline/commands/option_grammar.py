"""Extended command line grammar: options with several words, and options with a default word."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

_MANY = frozenset({"--history", "--without"})
_ALONE = {"--ablate": "all"}  # value of an option without a word


class Spread(TyperCommand):
    """A command whose ``--history`` takes one or more words: ``FILE --history A B``.

    Its ``--ablate`` takes one word or none.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Expand the options, then parse."""
        return super().parse_args(ctx, spread(completed(args)))


def spread(args: list[str]) -> list[str]:
    """Repeat an option for each word after it, if the files of the command come first.

    On a line that starts with an option, each option takes one word. Otherwise files after
    ``--history`` would count as history.

    >>> spread(["new.jsonl", "--history", "old.jsonl", "older.jsonl", "--out", "o"])
    ['new.jsonl', '--history', 'old.jsonl', '--history', 'older.jsonl', '--out', 'o']
    >>> spread(["--history", "old.jsonl", "new.jsonl"])
    ['--history', 'old.jsonl', 'new.jsonl']
    """
    if not args or not _is_word(args[0]):
        return args
    option, words, taken = "", [], 0
    for arg in args:
        if not _is_word(arg):
            option, taken = arg, 0
        elif option in _MANY:
            taken += 1
            if taken > 1:
                words.append(option)
        words.append(arg)
    return words


def completed(args: list[str]) -> list[str]:
    """Add the default word to an option without one.

    >>> completed(["new.jsonl", "--ablate", "--json"])
    ['new.jsonl', '--ablate', 'all', '--json']
    >>> completed([])
    []
    >>> completed(["new.jsonl", "--ablate", "hour"])
    ['new.jsonl', '--ablate', 'hour']
    """
    words = []
    for arg, after in zip(args, [*args, "--"][1:], strict=True):
        words.append(arg)
        if arg in _ALONE and not _is_word(after):
            words.append(_ALONE[arg])
    return words


def _is_word(arg: str) -> bool:
    return arg == "-" or not arg.startswith("-")
