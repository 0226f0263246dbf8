"""A call that changes the settings of a coding agent says so; reading and other files do not."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import ConfigError
from pipeline.actions.agent_settings import is_settings, load
from pipeline.actions.enrich import enrich


def found(tool: str, arguments: dict[str, Any]) -> list[str] | None:
    event: dict[str, Any] = {"tool": tool, "arguments": arguments}
    enrich(event)
    changed: list[str] | None = (event.get("attributes") or {}).get("agent_settings")
    of_type = (event.get("resource") or {}).get("type") == "agent_settings"
    assert of_type == bool(changed)
    return changed


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("Write", {"file_path": "/srv/a/.claude/settings.json"}, "/srv/a/.claude/settings.json"),
        ("Edit", {"file_path": "~/.codex/config.toml"}, "~/.codex/config.toml"),
        ("write_file", {"file_path": ".gemini/settings.json"}, ".gemini/settings.json"),
        ("Bash", {"command": "echo '{}' > .claude/settings.local.json"},
         ".claude/settings.local.json"),
        ("Bash", {"command": "cd /tmp && rm -rf ~/.claude/hooks/audit.sh"},
         "~/.claude/hooks/audit.sh"),
        ("Bash", {"command": "sed -i s/a/b/ $HOME/.gemini/settings.json"},
         "$HOME/.gemini/settings.json"),
        ("Bash", {"command": "mv ./habitus.toml /tmp"}, "./habitus.toml"),
        ("Bash", {"command": "claude mcp add mail -- npx mail"}, "claude mcp add"),
        ("Bash", {"command": "habitus connect claude-code --undo"}, "habitus connect"),
        ("apply_patch", {"input": "*** Begin Patch\n*** Update File: .mcp.json\n@@\n-a\n+b\n"
                                  "*** End Patch"}, ".mcp.json"),
    ],
)  # fmt: skip
def test_change_of_settings_is_named(tool: str, arguments: dict[str, Any], expected: str) -> None:
    assert found(tool, arguments) == [expected]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Read", {"file_path": ".claude/settings.json"}),
        ("Bash", {"command": "cat ~/.claude/settings.json"}),
        ("Bash", {"command": "git diff -- .claude/settings.json"}),
        ("Bash", {"command": "claude mcp list"}),
        ("Bash", {"command": "claude -p 'fix the test'"}),
        ("Write", {"file_path": "src/settings.json"}),
        ("Write", {"file_path": "docs/claude/settings.json"}),
        ("Write", {"file_path": "notes/.claude/settings.json.md"}),
        ("Bash", {"command": "rm -rf build"}),
        ("crm.update", {"id": 7}),
    ],
)
def test_other_calls_are_left_alone(tool: str, arguments: dict[str, Any]) -> None:
    assert found(tool, arguments) is None


def test_resource_of_the_emitter_is_replaced_by_the_settings_file() -> None:
    event = {"tool": "fs.put", "operation": "write", "arguments": {"file_path": "x"},
             "resource": {"id": "a/.mcp.json", "type": "document"}}  # fmt: skip
    enrich(event)
    assert event["resource"] == {"id": "a/.mcp.json", "type": "agent_settings"}


@pytest.mark.parametrize(
    "path",
    [r"C:\Users\ana\.codex\config.toml", "/srv/a//.claude/./settings.json", ".CLAUDE/Settings.json",
     "/etc/codex/requirements.toml", "srv/x/habitus.db"],
)  # fmt: skip
def test_paths_are_compared_by_their_end(path: str) -> None:
    assert is_settings(path)


def test_hostile_paths_take_no_time() -> None:
    assert not is_settings("/" * 100_000 + ".claude/" * 10_000)
    assert not is_settings("\n.claude/settings.json\n" * 100)


@pytest.mark.parametrize("text", ["[[settings]]\nof = 1", "settings = 7", "x ="])
def test_broken_table_is_one_error(tmp_path: Any, text: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"table of settings .* cannot be read"):
        load(path)
