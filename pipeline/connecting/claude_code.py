"""The hooks of Claude Code in its settings file."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from pipeline.connecting import json_text
from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target
from pipeline.connecting.hook_groups import with_hook, without_hook

PATH = "/v1/hooks/claude-code"
EVENTS = (
    ("UserPromptSubmit", ""), ("PreToolUse", "*"), ("PostToolUse", "*"),
    ("PostToolUseFailure", "*"), ("PermissionDenied", "*"), ("SubagentStart", ""),
    ("SubagentStop", ""), ("SessionEnd", ""),
)  # fmt: skip
"""Events with their matchers. `SessionStart` and `Setup` take no HTTP hooks."""
_MANAGED = {
    "darwin": "/Library/Application Support/ClaudeCode", "win32": r"C:\Program Files\ClaudeCode",
}  # fmt: skip
_OF_PROJECT = ("settings.json", "settings.local.json")
_OFF = "hooks are switched off by {} in {}, so Claude Code would report nothing"
TIMEOUT_S = 2
"""Seconds after which the agent continues without an answer."""


class ClaudeCode(FileConnector):
    """HTTP hooks in ``~/.claude/settings.json``; `CLAUDE_CONFIG_DIR` moves it.

    Examples
    --------
    >>> made = ClaudeCode().connected({"model": "opus"}, Target("http://127.0.0.1:8765"))
    >>> made["model"], made["hooks"]["PreToolUse"][0]["hooks"][0]["url"]
    ('opus', 'http://127.0.0.1:8765/v1/hooks/claude-code')
    >>> ClaudeCode().disconnected(made, {})
    {'model': 'opus'}
    """

    name = agent = "claude-code"

    def settings_file(self, client: str | None) -> Path:
        """Give the settings file of the person."""
        del client
        folder = os.environ.get("CLAUDE_CONFIG_DIR")
        return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Add one hook for each event."""
        hook: dict[str, Any] = {"type": "http", "url": target.url(PATH), "timeout": TIMEOUT_S}
        if target.key:
            hook |= {"headers": {"Authorization": f"Bearer ${TOKEN}"}, "allowedEnvVars": [TOKEN]}
        return with_hook(settings, hook, EVENTS, _is_ours)

    def obstacles(self, settings: Settings, target: Target) -> list[str]:
        """Find what switches hooks off: here, in managed settings, or in those of this project."""
        own = Path(target.file).absolute()
        rules = [(own, settings), *((path, _read(path)) for path in _managed())]
        for path, found in rules:
            keys = ("disableAllHooks", *(("allowManagedHooksOnly",) if path != own else ()))
            for key in keys:
                if found.get(key) is True:
                    raise ConfigError(_OFF.format(key, path))
        _check_allowed(rules, "allowedHttpHookUrls", target.url(PATH))
        if target.key:
            _check_allowed(rules, "httpHookAllowedEnvVars", TOKEN)
        projects = [Path(".claude", name).absolute() for name in _OF_PROJECT]
        return [
            _OFF.format("disableAllHooks", path)
            for path in projects
            if path != own and _read(path).get("disableAllHooks") is True
        ]

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Take these hooks away."""
        del before
        return without_hook(settings, _is_ours)


def _managed() -> list[Path]:
    """Give the files of an administrator, the one for everything first."""
    folder = Path(_MANAGED.get(sys.platform, "/etc/claude-code"))
    return [folder / "managed-settings.json", *sorted(folder.glob("managed-settings.d/*.json"))]


def _read(path: Path) -> Settings:
    """Read settings of others; a file that is absent, or no settings, says nothing."""
    try:
        found = json_text.read(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_allowed(rules: list[tuple[Path, Settings]], key: str, value: str) -> None:
    """Refuse what the lists of a key do not allow; the lists of all files count together."""
    lists = [(path, found[key]) for path, found in rules if isinstance(found.get(key), list)]
    patterns = [".*".join(map(re.escape, str(one).split("*"))) for _, each in lists for one in each]
    if lists and not any(re.fullmatch(pattern, value) for pattern in patterns):
        raise ConfigError(f"{key} in {lists[0][0]} does not allow {value}; add it there")


def _is_ours(hook: dict[str, Any]) -> bool:
    return str(hook.get("url", "")).endswith(PATH)
