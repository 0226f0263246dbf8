"""Programs in a command line."""

from __future__ import annotations

import re
from functools import lru_cache

COMMANDS = frozenset({"command", "cmd", "script"})
"""Keys of arguments that hold a command line."""
_MAX_PROGRAMS = 6
_SEPARATOR = re.compile(  # white space is read once, from its beginning
    r"(?:(?<!\s)\s++)?+(?:\|\||&&|[|;])\s*+|(?<!\s)[^\S\n]*+\n\s*+"
)
_PREFIXES = frozenset({"sudo", "env", "time", "nohup", "xargs"})
_SUBCOMMAND = re.compile(r"[a-z-]{2,12}")


@lru_cache(maxsize=20_000)
def command_programs(text: str) -> tuple[str, ...]:
    """Give the programs of a command line, each with its subcommand.

    >>> command_programs("cd src && sudo git push origin | tee log")
    ('cd src', 'git push', 'tee log')
    """
    if " " not in text:
        return ()
    found = []
    for part in _SEPARATOR.split(text)[:_MAX_PROGRAMS]:
        words = [word for word in part.split() if "=" not in word]
        while words and words[0] in _PREFIXES:
            words = words[1:]
        if words:
            second = words[1] if len(words) > 1 and _SUBCOMMAND.fullmatch(words[1]) else ""
            found.append(f"{words[0].rpartition('/')[2]} {second}".rstrip())
    return tuple(found)
