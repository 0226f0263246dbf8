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
    """Settings of one agent: its files, and the programs that change them.

    Attributes
    ----------
    hooks, hook_programs
        Further files and programs: they decide what reports on agents.
    """

    of: str
    hooks: list[str] = []
    files: list[str] = []
    programs: list[str] = []
    hook_programs: list[str] = []


class Table(Struct, frozen=True):
    """What is looked up: one pattern for all files and one for hooks, and the programs."""

    files: re.Pattern[str]
    hooks: re.Pattern[str]
    programs: tuple[str, ...]
    hook_programs: tuple[str, ...]


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
    hooks = [file for entry in entries for file in entry.hooks]
    files = [*hooks, *(file for entry in entries for file in entry.files)]
    hook_programs = tuple(one for entry in entries for one in entry.hook_programs)
    programs = (*hook_programs, *(one for entry in entries for one in entry.programs))
    return Table(_any_of(files), _any_of(hooks), programs, hook_programs)


def _any_of(files: list[str]) -> re.Pattern[str]:
    patterns = "|".join(map(_pattern, files)) or "(?!)"
    return re.compile(rf"(?:.*/)?(?:{patterns})", re.IGNORECASE)


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
    return _table().files.fullmatch(_plain(path)) is not None


def reports_on_agents(changed: str) -> bool:
    """Tell whether changed settings, by path or program, decide what reports on agents.

    >>> reports_on_agents("~/.claude/settings.json"), reports_on_agents(".vscode/settings.json")
    (True, False)
    """
    table = _table()
    return changed.startswith(table.hook_programs) or bool(table.hooks.fullmatch(_plain(changed)))


def _plain(path: str) -> str:
    return re.sub(r"/(?:\./)*/*", "/", path[:_LONGEST].replace("\\", "/")).strip()


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
    >>> event = {"resource": {"id": ".codex/config.toml", "type": "file"}}
    >>> mark(event, "write")
    >>> event["attributes"]["changed_hooks"]
    '.codex/config.toml'
    """
    if found := changed_by(event, operation):
        event["resource"] = {"id": found[0], "type": TYPE}
        attributes = (event.get("attributes") or {}) | {"agent_settings": found}
        if hooks := next(filter(reports_on_agents, found), None):
            attributes["changed_hooks"] = hooks
        event["attributes"] = attributes


def _texts(values: Iterable[Any] | None) -> list[str]:
    return [one for one in values or () if isinstance(one, str)]
