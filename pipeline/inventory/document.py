"""The inventory as a YAML document that people edit: comments, order and quotes stay."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from models.errors import ConfigError
from pipeline.inventory.reading import agents_of
from pipeline.inventory.registered import LISTS, words

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH = 1 << 16  # long lines stay as they are
_INDENTED = "\n  - "
_EMPTY = "agents:\n"


class InventoryDocument:
    r"""An inventory in memory.

    Parameters
    ----------
    path, text
        File and content; an empty text begins a new inventory.

    Raises
    ------
    ConfigError
        The text is no inventory.

    Examples
    --------
    >>> from pathlib import Path
    >>> document = InventoryDocument(Path("a.yaml"), "# ours\na: {role: clerk}  # night shift\n")
    >>> document.agent("a")["owner"] = text_scalar("ana@example.com")
    >>> print(document.text(), end="")
    # ours
    a: {role: clerk, owner: ana@example.com} # night shift
    """

    def __init__(self, path: Path, text: str) -> None:
        if text.strip():
            agents_of(path, text)  # the reader of inventories finds all faults
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = _WIDTH
        if _INDENTED in text:
            self._yaml.indent(mapping=2, sequence=4, offset=2)
        try:
            self._root = self._yaml.load(text.removeprefix("\ufeff")) if text.strip() else None
        except YAMLError as error:
            raise ConfigError(f"{path}: {getattr(error, 'problem', None) or 'not YAML'}") from None
        if self._root is None:
            self._root = self._yaml.load(_EMPTY)
        self._agents = self._container()
        self._by_id = {self._id(at): at for at in self._keys()}

    def __contains__(self, agent_id: str) -> bool:
        """Return whether an agent has an entry."""
        return agent_id in self._by_id

    def agent(self, agent_id: str) -> CommentedMap:
        """Give the entry of an agent; a new one is added at the end."""
        if agent_id not in self._by_id:
            self._add(agent_id)
        at = self._by_id[agent_id]
        if self._agents[at] is None:
            self._agents[at] = CommentedMap()
        found: CommentedMap = self._agents[at]
        return found

    def agents(self) -> list[str]:
        """Give the ids of all agents."""
        return list(self._by_id)

    def text(self) -> str:
        """Write the document."""
        out = io.StringIO()
        self._yaml.dump(self._root, out)
        return out.getvalue()

    def _container(self) -> Any:
        root = self._root
        if isinstance(root, CommentedMap) and list(root) == ["agents"]:
            if root["agents"] is None:
                root["agents"] = CommentedSeq()
            return root["agents"]
        return root

    def _keys(self) -> list[Any]:
        of_list = isinstance(self._agents, CommentedSeq)
        return list(range(len(self._agents))) if of_list else list(self._agents)

    def _id(self, at: Any) -> str:
        of_list = isinstance(self._agents, CommentedSeq)
        return str(self._agents[at]["agent_id"] if of_list else at).strip()

    def _add(self, agent_id: str) -> None:
        entry = CommentedMap()
        if isinstance(self._agents, CommentedSeq):
            entry["agent_id"] = text_scalar(agent_id)
            self._agents.append(entry)
            self._by_id[agent_id] = len(self._agents) - 1
        else:
            key = text_scalar(agent_id)
            self._agents[key] = entry
            self._by_id[agent_id] = key


def text_scalar(value: str) -> str:
    """Give a text that YAML reads as this text: quoted where it would be something else.

    >>> type(text_scalar("no")).__name__, type(text_scalar("crm.read")).__name__
    ('DoubleQuotedScalarString', 'str')
    """
    try:
        plain = yaml.safe_load(value) == value and value.isprintable()
    except (yaml.YAMLError, ValueError, LookupError, RecursionError):
        plain = False
    return value if plain else DoubleQuotedScalarString(value)


def scalar(column: str, value: str | list[str]) -> Any:
    """Give the value of a column for a document; only `LISTS` are lists there."""
    if isinstance(value, str):
        return text_scalar(value)
    if column not in LISTS:
        return text_scalar("; ".join(value))
    found = CommentedSeq([text_scalar(one) for one in value])
    found.fa.set_flow_style()
    return found


def plain_value(column: str, value: Any) -> str | list[str]:
    """Give what a document has in a column, as an import would have it.

    >>> plain_value("peers", "a; b"), plain_value("owner", 7)
    (['a', 'b'], '7')
    """
    if column in LISTS:
        return words(value) if isinstance(value, str) else [str(one) for one in value]
    return str(value).strip()
