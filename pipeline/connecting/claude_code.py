"""The hooks of Claude Code in its settings file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

NAME = "claude-code"
PATH = "/v1/hooks/claude-code"
TOKEN = "HABITUS_TOKEN"  # noqa: S105 - the name of a variable
EVENTS = (
    "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied",
    "SubagentStart", "SessionStart", "SessionEnd",
)  # fmt: skip
TIMEOUT_S = 2
"""Seconds after which the agent continues without an answer."""
_OF_TOOLS = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied")


def settings_file() -> Path:
    """Give the settings file of the person; `CLAUDE_CONFIG_DIR` moves it."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"


def connected(settings: dict[str, Any], api: str, *, key: bool) -> dict[str, Any]:
    """Give settings with hooks that report to the API; those of others stay.

    Parameters
    ----------
    api
        Address of the API, such as ``http://127.0.0.1:8765``.
    key
        Whether a key is sent, from the variable ``HABITUS_TOKEN``.

    Examples
    --------
    >>> made = connected({"model": "opus"}, "http://127.0.0.1:8765", key=False)
    >>> made["model"], made["hooks"]["PreToolUse"][0]["hooks"][0]["url"]
    ('opus', 'http://127.0.0.1:8765/v1/hooks/claude-code')
    >>> disconnected(made)
    {'model': 'opus'}
    """
    out = disconnected(settings)
    hook: dict[str, Any] = {"type": "http", "url": api.rstrip("/") + PATH, "timeout": TIMEOUT_S}
    if key:
        hook |= {"headers": {"Authorization": f"Bearer ${TOKEN}"}, "allowedEnvVars": [TOKEN]}
    hooks = dict(out.get("hooks") or {})
    for event in EVENTS:
        group: dict[str, Any] = {"matcher": "*"} if event in _OF_TOOLS else {}
        hooks[event] = [*hooks.get(event, []), group | {"hooks": [hook]}]
    return out | {"hooks": hooks}


def disconnected(settings: dict[str, Any]) -> dict[str, Any]:
    """Give settings without the hooks that report to Habitus."""
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict):
        return dict(settings)
    kept = {event: left for event, groups in hooks.items() if (left := _others(groups))}
    rest = {name: value for name, value in settings.items() if name != "hooks"}
    return rest | ({"hooks": kept} if kept else {})


def _others(groups: Any) -> Any:
    if not isinstance(groups, list):
        return groups
    found = []
    for group in groups:
        hooks = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(hooks, list):
            found.append(group)
            continue
        left = [hook for hook in hooks if not _is_ours(hook)]
        if left:
            found.append(group | {"hooks": left})
    return found


def _is_ours(hook: Any) -> bool:
    return isinstance(hook, dict) and str(hook.get("url", "")).endswith(PATH)
