"""The hooks of Gemini CLI in its settings file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target
from pipeline.connecting.hook_groups import with_hook, without_hook

PATH = "/v1/hooks/gemini-cli"
EVENTS = (("BeforeAgent", ""), ("BeforeTool", ".*"), ("AfterTool", ".*"), ("SessionEnd", ""))
TIMEOUT_S = 2
_NAME = "habitus"
_CURL = f"curl -fsS -m {TIMEOUT_S} -H 'Content-Type: application/json'"


class Gemini(FileConnector):
    """Hooks in ``~/.gemini/settings.json``, each a command that posts what it reads.

    A hook of Gemini CLI is a command. Without an answer it says nothing and ends well, so Gemini
    continues. The key comes from the environment, and is on no command line.

    Examples
    --------
    >>> made = Gemini().connected({}, Target("http://127.0.0.1:8765"))
    >>> made["hooks"]["BeforeTool"][0]["hooks"][0]["name"]
    'habitus'
    >>> Gemini().disconnected(made, {})
    {}
    """

    name = "gemini"
    agent = "gemini-cli"

    def settings_file(self, client: str | None) -> Path:
        """Give the settings file of the person; `GEMINI_CLI_HOME` moves it."""
        del client
        folder = os.environ.get("GEMINI_CLI_HOME")
        return (Path(folder) if folder else Path.home()) / ".gemini" / "settings.json"

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Add one hook for each event."""
        hook = {
            "type": "command", "name": _NAME, "command": command_of(target),
            "timeout": (TIMEOUT_S + 1) * 1000,
        }  # fmt: skip
        return with_hook(settings, hook, EVENTS, _is_ours)

    def obstacles(self, settings: Settings, target: Target) -> list[str]:
        """Find what switches hooks off."""
        found = settings.get("hooksConfig")
        config = found if isinstance(found, dict) else {}
        off = config.get("disabled")
        for key, is_off in (
            ("enabled", config.get("enabled") is False),
            ("disabled", isinstance(off, list) and _NAME in off),
        ):
            if is_off:
                raise ConfigError(
                    f"hooks are switched off by hooksConfig.{key} in {target.file}, so Gemini CLI "
                    "would report nothing"
                )
        return []

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Take these hooks away."""
        del before
        return without_hook(settings, _is_ours)


def command_of(target: Target) -> str:
    """Give the command of a hook, for any POSIX shell.

    >>> command_of(Target("http://127.0.0.1:8765")).split(" ", 3)[:3]
    ['curl', '-fsS', '-m']
    """
    url = shlex.quote(target.url(PATH))
    if not target.key:
        return f"{_CURL} --data-binary @- {url} || true"
    header = f"""printf 'header = "Authorization: Bearer %s"' "${TOKEN}\""""
    return f"{{ {header} | {_CURL} -K - --data-binary @/dev/fd/3 {url}; }} 3<&0 || true"


def _is_ours(hook: dict[str, Any]) -> bool:
    return PATH in str(hook.get("command", ""))
