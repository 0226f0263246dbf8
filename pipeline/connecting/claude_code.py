"""The hooks of Claude Code in its settings file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target
from pipeline.connecting.hook_groups import with_hook, without_hook

PATH = "/v1/hooks/claude-code"
EVENTS = (
    ("UserPromptSubmit", ""), ("PreToolUse", "*"), ("PostToolUse", "*"),
    ("PostToolUseFailure", "*"), ("PermissionDenied", "*"), ("SubagentStart", ""),
    ("SessionStart", ""), ("SessionEnd", ""),
)  # fmt: skip
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

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Take these hooks away."""
        del before
        return without_hook(settings, _is_ours)


def _is_ours(hook: dict[str, Any]) -> bool:
    return str(hook.get("url", "")).endswith(PATH)
