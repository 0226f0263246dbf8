"""Infer the operation of a tool from its name, for events without an operation.

The rules are data (``pipeline/data/operations.toml``); the first match decides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from models.errors import ConfigError
from models.event import Operation
from pipeline.files.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHIPPED = Path(__file__).parents[1] / "data" / "operations.toml"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PREFIX = re.compile(r"[.:/]")
_KEYS = {"operation", "any", "first", "all", "service"}


def words(name: str) -> list[str]:
    """Split a name at camelCase and at all characters except letters and digits.

    >>> words("s3:GetObject"), words("send_money"), words("HTTPPost2")
    (['s', '3', 'get', 'object'], ['send', 'money'], ['http', 'post', '2'])
    """
    return [word.lower() for word in _WORD.findall(name)]


class Rule:
    """One rule: an operation, and the words that select it.

    Parameters
    ----------
    operation
        Operation of the tool if the rule matches.
    first
        Words that count only as the first word after the service prefix.
    anywhere
        Words that count anywhere.
    together
        Groups of words; a group counts only if all its words are present.
    service
        Words that count only in the service prefix.
    """

    def __init__(
        self,
        operation: Operation,
        first: list[str],
        anywhere: list[str],
        together: list[list[str]],
        service: list[str],
    ) -> None:
        self.operation = operation
        self._first = frozenset(first)
        self._any = frozenset(anywhere)
        self._together = tuple(frozenset(group) for group in together)
        self._service = frozenset(service)

    def matches(self, service: list[str], first: str, found: frozenset[str]) -> bool:
        """Return whether the rule matches a name with these words."""
        return (
            first in self._first
            or not self._any.isdisjoint(found)
            or any(group <= found for group in self._together)
            or not self._service.isdisjoint(service)
        )


def load(path: Path = SHIPPED) -> Callable[[str], Operation]:
    """Read a table of rules and give the function from tool to operation.

    Parameters
    ----------
    path
        A TOML file of ``[[rule]]`` tables with `operation` and one or more of `first`, `any`,
        `all`, `service`.

    Returns
    -------
    Callable[[str], Operation]
        Maps a tool name to its operation, ``"unknown"`` if no rule matches; caches 4,096 tools.

    Raises
    ------
    ConfigError
        The file cannot be read, or a rule is invalid.

    Examples
    --------
    >>> infer = load()
    >>> infer("s3:GetObject"), infer("send_money"), infer("frobnicate")
    ('read', 'pay', 'unknown')
    """
    try:
        table = read_toml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"table of operations {path} cannot be read: {error}") from error
    rules = [_rule(path, number, entry) for number, entry in enumerate(table.get("rule", []), 1)]

    @lru_cache(maxsize=4096)
    def infer(tool: str) -> Operation:
        prefix, _, name = _PREFIX.sub(":", tool).rpartition(":")
        service, parts = words(prefix), words(name)
        first, found = parts[0] if parts else "", frozenset(parts)
        for rule in rules:
            if rule.matches(service, first, found):
                return rule.operation
        return "unknown"

    return infer


def _rule(path: Path, number: int, entry: Mapping[str, object]) -> Rule:
    given = entry.get("operation")
    operation = next((known for known in get_args(Operation) if known == given), None)
    if operation is None:
        raise ConfigError(
            f"{path}, rule {number}: unknown operation {given!r}, expected one of: "
            + ", ".join(get_args(Operation))
        )
    if unknown := set(entry) - _KEYS:
        raise ConfigError(f"{path}, rule {number}: unknown key {min(unknown)!r}")
    return Rule(
        operation,
        _strings(path, number, entry.get("first", [])),
        _strings(path, number, entry.get("any", [])),
        [_strings(path, number, group) for group in _list(path, number, entry.get("all", []))],
        _strings(path, number, entry.get("service", [])),
    )


def _list(path: Path, number: int, value: object) -> list[object]:
    if not isinstance(value, list):
        raise ConfigError(f"{path}, rule {number}: expected a list, got {type(value).__name__}")
    return value


def _strings(path: Path, number: int, value: object) -> list[str]:
    found = [word for word in _list(path, number, value) if isinstance(word, str)]
    if len(found) != len(_list(path, number, value)):
        raise ConfigError(f"{path}, rule {number}: expected words in quotes")
    return found
