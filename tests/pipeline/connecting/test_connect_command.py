"""``habitus connect``: shows, asks, writes as a whole, takes back, and waits for an event."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from benchmarks.measuring.ports import free_port, wait_for
from pipeline.cli import app
from pipeline.connecting import CONNECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Run = tuple[int, str, str]
ROOT = Path(__file__).parents[3]
CODEX = '# mine\nmodel = "gpt-5"   # which\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("HABITUS_", "CODEX", "CLAUDE"))]:
        monkeypatch.delenv(name)
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    monkeypatch.chdir(found)
    return found


@pytest.fixture
def connect(
    home: Path,  # noqa: ARG001  # where it works
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Run]:
    def run(*args: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            app(["connect", *args])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def written(home: Path, text: str = CODEX, mode: int = 0o640) -> Path:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(mode)
    return path


def test_change_is_shown_written_and_taken_back_to_the_letter(
    home: Path, connect: Callable[..., Run]
) -> None:
    path = written(home)
    code, out, err = connect("codex", "--yes", "--wait", "0")
    assert (code, f"written: {path}" in err) == (0, True)
    assert '+endpoint = "http://127.0.0.1:8765/v1/logs"' in out.replace("'", '"')
    assert "# which" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.with_name("config.toml.before-habitus").read_text() == CODEX
    assert connect("codex", "--yes", "--wait", "0")[2].startswith("nothing to change")
    assert connect("codex", "--undo", "--yes")[0] == 0
    assert path.read_text() == CODEX
    assert not list(path.parent.glob(".config*")), "no temporary file is left"


def test_later_changes_stay_after_undo(home: Path, connect: Callable[..., Run]) -> None:
    path = written(home)
    connect("codex", "--yes", "--wait", "0")
    path.write_text(path.read_text().replace("gpt-5", "gpt-6"))
    connect("codex", "--undo", "--yes")
    assert path.read_text().startswith(CODEX.replace("gpt-5", "gpt-6"))
    assert "otel" not in path.read_text()


def test_nothing_is_written_until_a_yes(
    home: Path, connect: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(home)
    monkeypatch.setattr("sys.stdin", StringIO(""))
    assert connect("codex", "--wait", "0")[0] == 1
    assert path.read_text() == CODEX
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_new_file_can_be_read_by_its_owner_alone(home: Path, connect: Callable[..., Run]) -> None:
    assert connect("claude-code", "--yes", "--wait", "0", "--key")[0] == 0
    path = home / ".claude" / "settings.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PreToolUse" in json.loads(path.read_text())["hooks"]


def test_link_is_followed_within_home_and_never_out_of_it(
    home: Path, connect: Callable[..., Run], tmp_path: Path
) -> None:
    inside, outside = home / "dotfiles.toml", tmp_path / "outside.toml"
    for target in (inside, outside):
        target.write_text(CODEX)
    link = home / ".codex" / "config.toml"
    link.parent.mkdir()
    link.symlink_to(outside)
    code, _, err = connect("codex", "--yes", "--wait", "0")
    assert (code, "outside of" in err) == (2, True)
    assert outside.read_text() == CODEX
    link.unlink()
    link.symlink_to(inside)
    assert connect("codex", "--yes", "--wait", "0")[0] == 0
    assert link.is_symlink()
    assert "otel" in inside.read_text()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nobody",), "unknown agent 'nobody'"),
        (("codex", "--api", "ftp://x"), "--api must be http"),
        (("codex", "--client", "cursor"), "--client is for mcp alone"),
        (("mcp", "--client", "nobody"), "unknown client 'nobody'"),
        (("codex", "--file", "."), "is no file"),
        (("codex", "--file", "broken.toml"), "broken.toml, line 1: expected TOML"),
    ],
)
def test_wrong_use_is_one_line(
    home: Path, connect: Callable[..., Run], args: tuple[str, ...], says: str
) -> None:
    (home / "broken.toml").write_text("a = ")
    code, _, err = connect(*args, "--yes", "--wait", "0")
    assert (code, says in err) == (2, True), err
    assert (home / "broken.toml").read_text() == "a = "


@pytest.mark.parametrize("name", ["openai-agents", "otel"])
def test_clients_that_have_no_file_get_lines(connect: Callable[..., Run], name: str) -> None:
    code, out, _ = connect(name, "--wait", "0", "--api", "https://habitus.example.com")
    assert code == 0
    assert "https://habitus.example.com" in out
    if name == "openai-agents":
        compile(out, name, "exec")


def test_servers_of_a_client_run_behind_the_tap(home: Path, connect: Callable[..., Run]) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    text = '{"mcpServers": {"mail": {"command": "npx", "args": ["mail"]}}} // mine\n'
    path.write_text(text)
    assert connect("mcp", "--client", "cursor", "--yes", "--wait", "0")[0] == 0
    assert path.read_text().endswith("// mine\n")
    server = json.loads(path.read_text().removesuffix("// mine\n"))["mcpServers"]["mail"]
    assert server["args"][-4:] == ["mail", "--", "npx", "mail"]
    assert connect("mcp", "--client", "cursor", "--yes", "--undo")[0] == 0
    assert path.read_text() == text


# ---------------------------------------------------------------------- the first event


@pytest.fixture
def api(home: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "serve"], cwd=home,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HABITUS_LISTEN": f"127.0.0.1:{port}",
                          "HABITUS_STORE": f"sqlite:{home / 'habitus.db'}"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def post(url: str, payload: object) -> None:
    httpx.post(url, json=payload, timeout=30).raise_for_status()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("claude-code", "PreToolUse", "PostToolUse"), ("gemini", "BeforeTool", "AfterTool")],
)
def test_first_event_is_awaited_and_named(
    connect: Callable[..., Run], api: str, name: str, before: str, after: str
) -> None:
    agent = CONNECTORS[name].agent
    call = {
        "session_id": "s-1", "tool_name": "run", "tool_use_id": "toolu_0123456789",
        "timestamp": "2026-10-05T08:00:00Z", "tool_input": {"a": 1}, "tool_response": {"b": "c"},
    }  # fmt: skip
    if name == "claude-code":
        del call["timestamp"]

    reported = {
        "id": "e-1", "time": "2026-10-05T07:00:00Z", "agent": {"id": f"{agent}/reported"},
        "kind": "security_event", "tool": "ssf:credential-change",
    }  # fmt: skip
    post(f"{api}/v1/actions", reported)

    def use() -> None:
        for event in (before, after):
            post(f"{api}/v1/hooks/{agent}", call | {"hook_event_name": event})

    later = threading.Timer(2.0, use)
    later.start()
    code, _, err = connect(name, "--yes", "--api", api, "--wait", "60")
    later.join()
    assert (code, f"the first event came, of agent {agent}" in err) == (0, True), err


@pytest.mark.slow
def test_event_that_never_comes_is_a_failure_that_says_so(
    connect: Callable[..., Run], api: str
) -> None:
    code, _, err = connect("otel", "--api", api, "--wait", "1")
    assert (code, "no event came within 1 s" in err) == (1, True)
