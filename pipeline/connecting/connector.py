"""What `habitus connect` asks of each agent that it knows."""

from __future__ import annotations

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
    """One agent, gateway or framework.

    Attributes
    ----------
    name
        Word in ``habitus connect NAME``.
    agent
        Kind of its agents, whose first event is awaited; empty for any agent.
    syntax
        Of its settings file; None where there is no file, and `instructions` say what to do.
    then
        What a person does next, so that an event comes.
    """

    name: ClassVar[str]
    agent: ClassVar[str] = ""
    syntax: ClassVar[Literal["json", "toml", "yaml"] | None] = "json"
    then: ClassVar[str] = "restart it, then use it once"

    def settings_file(self, client: str | None) -> Path:
        """Give the settings file of the person; `client` names one where there are several."""
        raise NotImplementedError

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Give settings that report to the API; those of others stay.

        Raises
        ------
        ConfigError
            The settings leave no room for it.
        """
        raise NotImplementedError

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Give settings that do not report; `before` are those of before the change."""
        raise NotImplementedError

    def instructions(self, target: Target) -> list[str]:
        """Give lines that a person uses by hand."""
        del target
        return []


def without_empty(settings: Settings, name: str) -> Settings:
    """Leave a member out where nothing is in it.

    >>> without_empty({"hooks": {}, "model": "x"}, "hooks")
    {'model': 'x'}
    """
    return {key: value for key, value in settings.items() if key != name or value}
