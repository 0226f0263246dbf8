"""The entries of a CSV or YAML inventory, with their lines."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import yaml

from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BAD_VALUES = (ValueError, LookupError, TypeError, RecursionError, AttributeError)

Entry = tuple[int, dict[str, Any]]
"""Line of an entry, and its columns."""


def entries(path: Path, text: str) -> Iterator[Entry]:
    """Give the entries of an inventory.

    Parameters
    ----------
    path
        Its suffix says whether it is YAML; else it is CSV.
    text
        Its content.

    Raises
    ------
    ConfigError
        The text is wrong; the message names file and line.
    """
    return yaml_entries(path, text) if is_yaml(path) else csv_entries(path, text)


def is_yaml(path: Path) -> bool:
    """Return whether the name of a file says that it is YAML."""
    return path.suffix.lower() in (".yaml", ".yml")


def csv_entries(path: Path, text: str) -> Iterator[Entry]:
    """Give the rows of a CSV inventory; errors as of `entries`."""
    rows = csv.DictReader(text.splitlines(keepends=True), restkey="", strict=True)
    try:
        header = [name.strip() for name in rows.fieldnames or []]
        if "agent_id" not in header:
            raise ConfigError(f"{path}, line 1: expected a column 'agent_id', got {header}")
        for row in rows:
            if "" in row:
                raise ConfigError(
                    f"{path}, line {rows.line_num}: more values than the {len(header)} columns"
                )
            yield rows.line_num, _named(row)
    except csv.Error as error:
        raise ConfigError(f"{path}, line {rows.reader.line_num}: {error}") from error


def yaml_entries(path: Path, text: str) -> Iterator[Entry]:
    """Give the entries of a YAML inventory; errors as of `entries`."""
    line = 1
    try:
        loader = yaml.SafeLoader(text)
        for line, agent_id, node in _nodes(path, loader.get_single_node()):
            entry = loader.construct_document(node) if node is not None else {}
            if not isinstance(entry, dict):
                raise ConfigError(f"{path}, line {line}: expected a mapping, such as role: support")
            yield line, _named(entry if agent_id is None else {"agent_id": agent_id, **entry})
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else line
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise ConfigError(f"{path}, line {line}: {problem}") from error
    except _BAD_VALUES as error:  # PyYAML passes on what a value's constructor raises
        problem = "a value is not what its form or tag says"
        raise ConfigError(f"{path}, line {line}: {problem}") from error


def _named(row: dict[Any, Any]) -> dict[str, Any]:
    """Give a row with its names as texts without spaces around them."""
    return {str(name).strip(): value for name, value in row.items()}


def _nodes(
    path: Path, root: yaml.Node | None
) -> Iterator[tuple[int, str | None, yaml.Node | None]]:
    """Give line, id (if it is the key) and node of each entry."""
    if isinstance(root, yaml.MappingNode) and len(root.value) == 1:
        key, inner = root.value[0]
        if key.value == "agents":
            root = None if _is_empty(inner) else inner
    if isinstance(root, yaml.SequenceNode):
        for node in root.value:
            yield node.start_mark.line + 1, None, node
    elif isinstance(root, yaml.MappingNode):
        for key, node in root.value:
            line = key.start_mark.line + 1
            yield line, str(key.value), None if _is_empty(node) else node
    elif root is not None:
        raise ConfigError(f"{path}, line 1: expected a list or mapping of agents")


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.value
