"""The table of tools: its arguments are found, and it repeats nothing of operations.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError
from pipeline.actions.enrich import action_of
from pipeline.actions.tools import load, texts_of, tool_of
from pipeline.enrichment.operations import load as load_operations

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = load()
PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-a\n+b\n*** End Patch"


def test_table_repeats_no_operation_that_the_name_gives() -> None:
    infer = load_operations()
    repeated = [name for name, tool in TOOLS.items() if tool.operation == infer(name) != "unknown"]
    assert not repeated


@pytest.mark.parametrize(
    ("tool", "arguments", "operation", "resource"),
    [
        ("Read", {"file_path": "/a.py"}, "read", ("/a.py", "file")),
        ("Write", {"file_path": "/a.py", "content": "x"}, "write", ("/a.py", "file")),
        ("Edit", {"file_path": "/a.py", "old_string": "x"}, "write", ("/a.py", "file")),
        ("MultiEdit", {"file_path": "/a.py", "edits": []}, "write", ("/a.py", "file")),
        ("NotebookEdit", {"notebook_path": "/a.ipynb"}, "write", ("/a.ipynb", "file")),
        ("Glob", {"pattern": "**", "path": "src"}, "read", ("src", "file")),
        ("Grep", {"pattern": "x"}, "read", None),
        ("LS", {"path": "/srv"}, "read", ("/srv", "file")),
        ("WebFetch", {"url": "https://a.example/b?c=1"}, "read", ("https://a.example/b", "url")),
        ("WebSearch", {"query": "x"}, "read", None),
        ("Task", {"prompt": "x"}, "execute", None),
        ("BashOutput", {"bash_id": "1"}, "read", None),
        ("apply_patch", {"input": PATCH}, "write", ("a.py", "file")),
        ("shell", {"command": ["bash", "-lc", "rm -r out"]}, "delete", ("out", "file")),
        ("exec_command", {"cmd": "ls src"}, "read", ("src", "file")),
        ("execute_bash", {"command": "make"}, "execute", None),
        ("str_replace_editor", {"command": "view", "path": "a"}, "read", ("a", "file")),
        ("str_replace_editor", {"command": "create", "path": "a"}, "write", ("a", "file")),
        ("str_replace_editor", {"command": "frobnicate", "path": "a"}, "unknown", ("a", "file")),
        ("memory", {"command": "delete", "path": "/m/a"}, "delete", ("/m/a", "file")),
        ("execute_ipython_cell", {"code": "1"}, "execute", None),
        ("browser.goto", {"url": "https://example.com"}, "read", ("https://example.com", "url")),
        ("browser_navigate", {"url": "https://a.example"}, "read", ("https://a.example", "url")),
        ("computer", {"action": "left_click"}, "execute", None),
        ("run_shell_command", {"command": "cat a"}, "read", ("a", "file")),
        ("write_file", {"file_path": "a"}, "write", ("a", "file")),
        ("replace", {"file_path": "a"}, "write", ("a", "file")),
        ("run_in_terminal", {"command": "git push"}, "send", None),
        ("replace_string_in_file", {"filePath": "a"}, "write", ("a", "file")),
        ("fetch_webpage", {"urls": ["https://a.example"]}, "read", ("https://a.example", "url")),
        ("mcp__files__read_file", {"path": "a"}, "read", ("a", "file")),
        ("mcp__files__move_file", {"source": "a", "destination": "b"}, "write", ("b", "file")),
        ("mcp__pg__query", {"sql": "select * from a.b"}, "read", ("a.b", "table")),
        ("execute_sql", {"query": "drop table a.b"}, "delete", ("a.b", "table")),
        ("developer__shell", {"command": "ls"}, "read", None),
    ],
)  # fmt: skip
def test_tool_of_an_agent(
    tool: str, arguments: dict[str, Any], operation: str, resource: tuple[str, str] | None
) -> None:
    action = action_of(tool, arguments)
    by_name = load_operations()(tool)
    assert (action.operation if action.operation != "unknown" else by_name) == operation
    assert action.resource == resource


def test_prefix_of_a_server_does_not_hide_a_tool() -> None:
    assert tool_of("mcp__github__fetch") == TOOLS["fetch"]
    assert tool_of("functions.shell") == TOOLS["shell"]
    assert tool_of("crm:Read") == TOOLS["Read"]
    assert tool_of("Reader") is None


def test_wrong_types_of_arguments_are_missing() -> None:
    assert texts_of({"path": 7, "paths": [None, "a", ""]}, "path paths") == ["a"]
    assert texts_of({"path": {}}, "path") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[tool]]\nnames = "a"\noperation = "steal"', "steal"),
        ('[[tool]]\nnames = "a a"', "'a' has two entries"),
        ("[[tool", "cannot be read"),
    ],
)
def test_invalid_table_is_a_configuration_error(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "tools.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load(path)
