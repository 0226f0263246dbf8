"""Tools of coding agents and browsers: which of their arguments is a path, a URL or a command.

The table is data (``pipeline/data/tools.toml``). The operation of a tool by its name alone is in
`pipeline.enrichment.operations`; this table has what is missing or wrong there.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from models.errors import ConfigError
from models.event import Operation  # noqa: TC001 - msgspec reads it
from pipeline.files.toml_file import read_toml

SHIPPED = Path(__file__).parents[1] / "data" / "tools.toml"
_PREFIX = re.compile(r".*(?:__|[:/.])(?=.)")
_LONGEST = 256
_MAX_VALUES = 20


class Tool(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the table: names of arguments, by what they are."""

    names: str
    operation: Operation | None = None
    by: str = ""
    values: dict[Operation, str] = {}
    path: str = ""
    moves: str = ""
    url: str = ""
    command: str = ""
    patch: str = ""
    sql: str = ""

    def operation_of(self, arguments: dict[str, Any]) -> Operation | None:
        """Give the operation of a call; None where the table has none.

        >>> editor = tool_of("str_replace_editor")
        >>> editor.operation_of({"command": "view", "path": "a.py"})
        'read'
        """
        value = arguments.get(self.by) if self.by else None
        if isinstance(value, str):
            for operation, values in self.values.items():
                if value in values.split():
                    return operation
        return self.operation


def load(path: Path = SHIPPED) -> dict[str, Tool]:
    """Read a table of tools.

    Raises
    ------
    ConfigError
        The file cannot be read, or an entry is invalid.
    """
    try:
        entries = msgspec.convert(read_toml(path).get("tool", []), list[Tool])
    except (OSError, ValueError) as error:
        raise ConfigError(f"table of tools {path} cannot be read: {error}") from error
    found: dict[str, Tool] = {}
    for tool in entries:
        for name in tool.names.split():
            if name in found:
                raise ConfigError(f"{path}: tool {name!r} has two entries")
            found[name] = tool
    return found


_table = cache(load)


@cache
def _words(names: str) -> tuple[str, ...]:
    """Give the names of an entry of the table, of which there are few."""
    return tuple(names.split())


@lru_cache(maxsize=4_096)
def tool_of(name: str) -> Tool | None:
    """Give the entry of a tool; of a prefixed name the last part counts.

    >>> tool_of("mcp__files__read_file") is tool_of("read_file"), tool_of("frobnicate")
    (True, None)
    """
    table = _table()
    return table.get(name) or table.get(_PREFIX.sub("", name[:_LONGEST]))


def texts_of(arguments: dict[str, Any], names: str) -> list[str]:
    """Give the texts of the first argument that a call has; a list gives each of its texts.

    >>> texts_of({"urls": ["https://a.example", 7]}, "url urls")
    ['https://a.example']
    """
    for name in _words(names):
        value = arguments.get(name)
        if isinstance(value, str) and value:
            return [value]
        if isinstance(value, list):
            return [one for one in value[:_MAX_VALUES] if isinstance(one, str) and one]
    return []
