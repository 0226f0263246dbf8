"""Whether a call changes the settings of a coding agent: its hooks, its telemetry, its questions.

The table is data (``pipeline/data/agent_settings.toml``).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from models.errors import ConfigError
from pipeline.files.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable

SHIPPED = Path(__file__).parents[1] / "data" / "agent_settings.toml"
TYPE = "agent_settings"
"""Type of the resource of such a call, which the counter `settings` counts."""
_CHANGING = ("write", "delete", "admin")
_PIECE = re.compile(r"\*\*|\*|[^*]+")
_LONGEST = 2_048


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one agent: its files, and the programs that change them."""

    of: str
    files: list[str]
    programs: list[str] = []


class Table(Struct, frozen=True):
    """What is looked up: one pattern for all files, and the programs."""

    files: re.Pattern[str]
    programs: tuple[str, ...]


def load(path: Path = SHIPPED) -> Table:
    """Read a table of settings.

    Raises
    ------
    ConfigError
        The file cannot be read, or an entry is invalid.
    """
    try:
        entries = msgspec.convert(read_toml(path).get("settings", []), list[Entry])
    except (OSError, ValueError) as error:
        raise ConfigError(f"table of settings {path} cannot be read: {error}") from error
    files = "|".join(_pattern(file) for entry in entries for file in entry.files)
    programs = tuple(one for entry in entries for one in entry.programs)
    return Table(re.compile(rf"(?:.*/)?(?:{files or '(?!)'})", re.IGNORECASE), programs)


def _pattern(file: str) -> str:
    pieces = {"**": ".+", "*": "[^/]*"}
    return "".join(pieces.get(one) or re.escape(one) for one in _PIECE.findall(file))


_table = cache(load)


@lru_cache(maxsize=4_096)
def is_settings(path: str) -> bool:
    r"""Tell whether a path is a settings file.

    >>> is_settings("~/.claude/settings.json"), is_settings("C:\\Users\\a\\.codex\\config.toml")
    (True, True)
    >>> is_settings("docs/.claude/settings.json.md"), is_settings("src/settings.json")
    (False, False)
    """
    plain = re.sub(r"/(?:\./)*/*", "/", path[:_LONGEST].replace("\\", "/"))
    return _table().files.fullmatch(plain.strip()) is not None


def changed_by(event: dict[str, Any], operation: str) -> list[str]:
    """Give the settings that a call of an operation changes: paths, or programs that name none.

    >>> changed_by({"resource": {"id": ".mcp.json", "type": "file"}}, "write")
    ['.mcp.json']
    >>> changed_by({"resource": {"id": ".mcp.json", "type": "file"}}, "read")
    []
    """
    attributes = event.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    written = [one for one in _texts(attributes.get("files_written")) if is_settings(one)]
    if operation not in _CHANGING:
        return written
    resource = event.get("resource")
    if isinstance(resource, dict) and not attributes.get("programs"):
        written += [one for one in _texts([resource.get("id")]) if is_settings(one)]
    if operation == "admin":
        known = _table().programs
        written += [one for one in _texts(attributes.get("programs")) if one.startswith(known)]
    return list(dict.fromkeys(written))


def mark(event: dict[str, Any], operation: str) -> None:
    """Make a call that changes settings one on a resource of its own type, in place.

    >>> event = {"resource": {"id": "a/.mcp.json", "type": "file"}}
    >>> mark(event, "write")
    >>> event["resource"], event["attributes"]
    ({'id': 'a/.mcp.json', 'type': 'agent_settings'}, {'agent_settings': ['a/.mcp.json']})
    """
    if found := changed_by(event, operation):
        event["resource"] = {"id": found[0], "type": TYPE}
        event["attributes"] = (event.get("attributes") or {}) | {"agent_settings": found}


def _texts(values: Iterable[Any] | None) -> list[str]:
    return [one for one in values or () if isinstance(one, str)]
