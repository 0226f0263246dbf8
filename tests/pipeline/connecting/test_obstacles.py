"""What keeps an agent from reporting is said with its key, its file and its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer

from models.errors import ConfigError
from pipeline.commands.connect import connect
from pipeline.connecting import claude_code

if TYPE_CHECKING:
    from pathlib import Path

API = "http://127.0.0.1:8765"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CLAUDE_CONFIG_DIR", "GEMINI_CLI_HOME", "HABITUS_LISTEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(claude_code, "_MANAGED", {claude_code.sys.platform: str(tmp_path / "m")})
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refused(name: str, **more: Any) -> str:
    with pytest.raises(ConfigError) as error:
        connect(name, **{"yes": True, "wait": 0.0, "api": API} | more)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "file", "settings", "key"),
    [
        ("claude-code", ".claude/settings.json", {"disableAllHooks": True}, "disableAllHooks"),
        ("claude-code", "m/managed-settings.json", {"disableAllHooks": True}, "disableAllHooks"),
        ("claude-code", "m/managed-settings.json", {"allowManagedHooksOnly": True},
         "allowManagedHooksOnly"),
        ("claude-code", ".claude/settings.json", {"allowedHttpHookUrls": ["https://x/*"]},
         "allowedHttpHookUrls"),
        ("claude-code", ".claude/settings.json", {"hooks": []}, "hooks must be an object"),
        ("claude-code", ".claude/settings.json", {"hooks": {"PreToolUse": {}}},
         "hooks.PreToolUse must be an array"),
        ("gemini", ".gemini/settings.json", {"hooks": []}, "hooks must be an object"),
        ("gemini", ".gemini/settings.json", {"hooksConfig": {"enabled": False}},
         "hooksConfig.enabled"),
        ("gemini", ".gemini/settings.json", {"hooksConfig": {"disabled": ["habitus"]}},
         "hooksConfig.disabled"),
    ],
)  # fmt: skip
def test_hooks_that_are_off_are_named_and_nothing_is_written(
    home: Path, name: str, file: str, settings: dict[str, Any], key: str
) -> None:
    path = write(home / file, settings)
    before = sorted(home.rglob("*"))
    said = refused(name)
    assert key in said
    assert str(path) in said
    assert json.loads(path.read_text()) == settings
    assert sorted(home.rglob("*")) == before


def test_variable_that_no_hook_may_read_is_named(home: Path) -> None:
    path = write(home / "m" / "managed-settings.json", {"httpHookAllowedEnvVars": []})
    assert f"httpHookAllowedEnvVars in {path} does not allow HABITUS_TOKEN" in refused(
        "claude-code", key=True
    )
    connect("claude-code", yes=True, wait=0.0, api=API)


def test_list_that_allows_the_address_stops_nothing(home: Path) -> None:
    write(home / ".claude" / "settings.json", {"allowedHttpHookUrls": ["https://x/*"]})
    write(home / "m" / "managed-settings.json", {"allowedHttpHookUrls": [f"{API}/*"]})
    connect("claude-code", yes=True, wait=0.0, api=API)
    assert "PreToolUse" in (home / ".claude" / "settings.json").read_text()


def test_project_that_switches_hooks_off_is_a_warning(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(home / "work" / ".claude" / "settings.local.json", {"disableAllHooks": True})
    connect("claude-code", yes=True, wait=0.0, api=API)
    said = capsys.readouterr().err
    assert f"warning: hooks are switched off by disableAllHooks in {path}" in said
    assert (home / ".claude" / "settings.json").exists()


def test_hooks_are_of_events_that_take_http() -> None:
    events = dict(claude_code.EVENTS)
    assert "SubagentStop" in events
    assert events.keys().isdisjoint({"SessionStart", "Setup"})


@pytest.mark.parametrize(
    "api",
    ["", "http://h/?x=1#f", "http://h/?x=1", "http://h/#f", "http://$(id)", "http://ana:pw@h",
     "http://ana@h:1", "http://", "http://h:99999", "http://h:0", "http://h:x", "http://[::1",
     "http://[zz]", "http://999.1.1.1", "http://h/a b", "http://h\n", " http://h", "http://h/`id`",
     "ftp://h", "h:8765", "http://-h", "http://h/'a'", "http://h\\x"],
)  # fmt: skip
def test_addresses_of_no_use_are_refused(home: Path, api: str) -> None:
    said = refused("claude-code", api=api)
    assert said.startswith("--api must be http(s)://HOST:PORT")
    assert "pw" not in said
    assert not (home / ".claude").exists()


@pytest.mark.parametrize(
    "api", ["http://h", "https://habitus.example.com/", "http://[::1]:8765", "http://h:1/a/b-c",
            "http://192.0.2.1:8765", "http://habitus_api:8765"],
)  # fmt: skip
def test_addresses_of_use_are_taken(home: Path, api: str) -> None:
    connect("claude-code", yes=True, wait=0.0, api=api)
    assert f'"{api.rstrip("/")}/v1/hooks' in (home / ".claude" / "settings.json").read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, " does not exist: no MCP servers, expected an object mcpServers or servers"),
        ("", ": no MCP servers, expected an object mcpServers or servers"),
        ('{"mcpServers": []}', ": no MCP servers, expected an object mcpServers or servers"),
        ('{\n  "mcpServers": {\n    "a": {,}\n  }\n}\n', ", line 3: expected JSON"),
        ('{\n"a": 1', ", line 2: expected JSON"),
        ("[]", ", line 1: expected one object of settings, got `array`"),
    ],
)
def test_errors_of_mcp_name_file_line_and_what_was_expected(
    home: Path, content: str | None, says: str
) -> None:
    path = home / "work" / ".mcp.json"
    if content is not None:
        write(path, content)
    assert refused("mcp").startswith(f"{path}{says}")


def test_no_is_an_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    with pytest.raises(typer.Abort):
        connect("claude-code", wait=0.0, api=API)
    assert not (home / ".claude").exists()
