"""What `habitus connect` asks of each agent that it knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path

Settings = dict[str, Any]
TOKEN = "HABITUS_TOKEN"  # noqa: S105 - the name of a variable
"""Variable with the key; settings name it, and never hold the key itself."""


class Target(Struct, frozen=True):
    """Where an agent reports.

    Attributes
    ----------
    api
        Address of the API, such as ``http://127.0.0.1:8765``.
    key
        Whether a key is sent, from the variable ``HABITUS_TOKEN``.
    file
        Settings file that is changed.
    """

    api: str
    key: bool = False
    file: str = ""

    def url(self, path: str) -> str:
        """Give the address of a route."""
        return self.api.rstrip("/") + path


class Connector:
    """One agent, gateway or framework; without a settings file, a person follows instructions.

    Attributes
    ----------
    name
        Word in ``habitus connect NAME``.
    agent
        Kind of its agents, whose first event is awaited; empty for any agent.
    then
        What a person does next, so that an event comes.
    """

    name: ClassVar[str]
    agent: ClassVar[str] = ""
    then: ClassVar[str] = "restart it, then use it once"

    def instructions(self, target: Target) -> list[str]:
        """Give lines that a person uses by hand."""
        del target
        return []


class FileConnector(Connector, ABC):
    """One with a settings file.

    Attributes
    ----------
    syntax
        Of the file.
    """

    syntax: ClassVar[Literal["json", "toml", "yaml"]] = "json"

    @abstractmethod
    def settings_file(self, client: str | None) -> Path:
        """Give the settings file of the person; `client` names one where there are several."""

    @abstractmethod
    def connected(self, settings: Settings, target: Target) -> Settings:
        """Give settings that report to the API; those of others stay.

        Raises
        ------
        ConfigError
            The settings leave no room for it.
        """

    @abstractmethod
    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Give settings that do not report; `before` are those of before the change."""

    def obstacles(self, settings: Settings, target: Target) -> list[str]:
        """Say what in these or other settings keeps the agent from reporting.

        Raises
        ------
        ConfigError
            It would never report.
        """
        del settings, target
        return []


def with_empty(after: Settings, found: Settings, before: Settings) -> Settings:
    """Give back the empty members of before, which a change filled and its end left out.

    >>> with_empty({"a": 1}, {"a": 1, "hooks": {"Stop": [7]}}, {"hooks": {}})
    {'a': 1, 'hooks': {}}
    >>> with_empty({}, {"hooks": {"Stop": [7], "Setup": [7]}}, {"hooks": {"Stop": []}})
    {'hooks': {'Stop': []}}
    >>> with_empty({"a": 1}, {"a": 1}, {"hooks": {}})
    {'a': 1}
    """
    out = dict(after)
    for name in found.keys() & before.keys():
        was, now = before[name], after.get(name, {})
        if name not in after and not was:
            out[name] = was
        elif isinstance(was, dict) and isinstance(now, dict) and isinstance(found[name], dict):
            inner = with_empty(now, found[name], was)
            if inner or name in after:
                out[name] = inner
    return out


def without_empty(settings: Settings, name: str) -> Settings:
    """Leave a member out where nothing is in it.

    >>> without_empty({"hooks": {}, "model": "x"}, "hooks")
    {'model': 'x'}
    """
    return {key: value for key, value in settings.items() if key != name or value}
