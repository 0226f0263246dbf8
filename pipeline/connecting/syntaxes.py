"""Read and change settings in JSON, TOML and YAML; comments and order stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import tomlkit
import tomlkit.exceptions
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from models.errors import ConfigError
from pipeline.connecting import json_text, yaml_text
from pipeline.formats.members import kind_of

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from pipeline.connecting.connector import Settings

Syntax = Literal["json", "toml", "yaml"]
_NAMES = {"json": "JSON", "toml": "TOML", "yaml": "YAML"}


def read(text: str, syntax: Syntax, path: object) -> Settings:
    """Read settings.

    Raises
    ------
    ConfigError
        The text has another syntax, or is no object.

    Examples
    --------
    >>> read("a = 1", "toml", "config.toml"), read("", "json", "settings.json")
    ({'a': 1}, {})
    """
    if not text.strip():
        return {}
    try:
        if syntax == "json":
            found = json_text.read(text)
        elif syntax == "toml":
            found = tomlkit.parse(text).unwrap()
        else:
            found = YAML(typ="safe", pure=True).load(text)
            found = {} if found is None else found  # comments alone
    except (ValueError, RecursionError, tomlkit.exceptions.ParseError, YAMLError) as error:
        raise ConfigError(
            f"{path}, line {_line_of(error)}: expected {_NAMES[syntax]}, and it cannot be read so; "
            "nothing was changed"
        ) from None
    if not isinstance(found, dict):
        raise ConfigError(
            f"{path}, line 1: expected one object of settings, got `{kind_of(found)}`; nothing was "
            "changed"
        )
    return found


def holds(text: str, settings: Settings, syntax: Syntax) -> bool:
    """Tell whether a text holds these settings.

    >>> holds("a = 1", {"a": 1}, "toml"), holds("a = ", {"a": 1}, "toml")
    (True, False)
    """
    try:
        return read(text, syntax, "") == settings
    except (ConfigError, RecursionError):  # an alias may be inside its own anchor
        return False


def edited(text: str, after: Settings, syntax: Syntax) -> str:
    r"""Give a text with other settings, as near to a text as it can be.

    Raises
    ------
    ConfigError
        A change in YAML would reach other members too, or its layout leaves no room for it.

    Examples
    --------
    >>> edited("# mine\na = 1\n", {"a": 1, "b": {"c": 2}}, "toml")
    '# mine\na = 1\n\n[b]\nc = 2\n'
    """
    if syntax == "json":
        return json_text.edited(text if text.strip() else "{}\n", after)
    if syntax == "toml":
        document = tomlkit.parse(text)
        _apply(document, after)
        return tomlkit.dumps(document)
    made = yaml_text.edited(text, read(text, "yaml", "settings"), after)
    if not holds(made, after, "yaml"):
        raise ConfigError(
            "the layout of this file leaves no room for the change; write its sections in lines of "
            "their own, or make the change by hand; nothing was changed"
        )
    return made


def _line_of(error: Exception) -> int:
    """Give the line of a fault, from 1 on."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    return int(getattr(error, "line", None) or getattr(error, "lineno", None) or 1)


def _apply(known: MutableMapping[str, Any], after: Settings) -> None:
    """Change a mapping in place; what is equal is not touched."""
    for key in [key for key in known if key not in after]:
        del known[key]
    for key, value in after.items():
        old = known.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _apply(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            _apply_list(old, value)
        elif key not in known or old != value:
            known[key] = value


def _apply_list(known: list[Any], after: list[Any]) -> None:
    """Change a list in place: remove what is gone, and add what is new at its end."""
    for place in reversed(range(len(known))):
        if known[place] not in after:
            del known[place]
    if list(known) != after[: len(known)]:
        known[:] = after
    else:
        known.extend(after[len(known) :])
