"""``habitus connect NAME --undo``: the folder is as it was, to the byte, and to the last file."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import app
from pipeline.connecting import CONNECTORS
from pipeline.connecting.settings_file import BEFORE, RECORD
from tests.pipeline.connecting.test_connectors import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Connect = Callable[..., tuple[int, str]]

FILES = {
    "claude-code": ".claude/settings.json", "gemini": ".gemini/settings.json",
    "codex": ".codex/config.toml", "litellm": "config.yaml", "mcp": ".mcp.json",
}  # fmt: skip
HOOK = '{"hooks": [{"type": "command", "command": "check.sh"}]}'
SERVERS = '{"mcpServers": {"mail": {"command": "npx", "args": ["mail"]}}}'
BEGINNINGS: dict[str, list[str | None]] = {
    "claude-code": [
        None, "", "{}", "{}\n", '{"hooks": {}}', '{"hooks": null, "model": "opus"}',
        '{"hooks": {"PreToolUse": []}}', '{\r\n\t"model": "opus" // mine\r\n}\r\n',
        f'\ufeff{{"hooks": {{"PreToolUse": [{HOOK}], "Stop": [{HOOK}]}}}}',
    ],
    "gemini": [None, '{"ui": {}}', f'{{"hooks": {{"BeforeTool": [{HOOK}]}}}}'],
    "codex": [
        None, "# mine\n", "[otel]\n", 'model = "m"\n\n[otel]\nexporter = "none" # off\n',
        'otel = {environment = "dev", log_user_prompt = false}\r\n',
    ],
    "litellm": [
        None, "# mine\n", "litellm_settings:\n", "litellm_settings: {}\ncallback_settings: {}\n",
        "litellm_settings:\n    callbacks: prometheus   # one\n",
        "litellm_settings:\n  callbacks: []\n  drop_params: true\n",
        'litellm_settings:\n  callbacks: ["a", "b"]\n\n\ncallback_settings:\n  a: {x: 1}\n',
    ],
    "mcp": [
        SERVERS, SERVERS.replace('["mail"]', "[]"), SERVERS.replace('"npx"', '"npx" /* mine */'),
        '{"mcpServers": {}}', '{"mcpServers": {"web": {"url": "https://mcp.example.com"}}}',
        SERVERS.replace('"npx", "args": ["mail"]',
                        '"habitus", "args": ["tap", "--enforce", "http://p", "--", "npx"]'),
    ],
    "openai-agents": [None],
    "otel": [None],
}  # fmt: skip
ALL = [(name, text) for name, texts in BEGINNINGS.items() for text in texts]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("HABITUS_", "CODEX", "CLAUDE"))]:
        monkeypatch.delenv(name)
    (tmp_path / "kept").write_text("mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def connect(home: Path, capsys: pytest.CaptureFixture[str]) -> Connect:  # noqa: ARG001  # there
    def run(*args: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            app(["connect", *args, "--yes", *(() if "--undo" in args else ("--wait", "0"))])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Give each file and folder with its rights, and the digest of its bytes."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }


def begun(home: Path, name: str, text: str | None) -> Path:
    path = home / FILES.get(name, "none")
    if text is not None:
        path.parent.mkdir(exist_ok=True, mode=0o750)
        path.write_bytes(text.encode())
        path.chmod(0o640)
    return path


def test_each_name_is_undone_here() -> None:
    assert set(BEGINNINGS) == set(CONNECTORS)


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize(("name", "text"), ALL)
def test_folder_is_as_before(
    home: Path, connect: Connect, name: str, text: str | None, *, twice: bool
) -> None:
    path = begun(home, name, text)
    before = tree(home)
    for more in ((), ("--key", "--api", "https://habitus.example.com"))[: 1 + twice]:
        code, said = connect(name, *more)
        assert code == 0, said
    if name in FILES and text not in BEGINNINGS["mcp"][3:5]:
        assert tree(home) != before
        assert "habitus" in path.read_text("utf-8-sig") or "/v1/" in path.read_text("utf-8-sig")
    code, said = connect(name, "--undo")
    assert code == 0, said
    assert tree(home) == before


def test_additions_of_others_to_a_file_that_was_made_stay(home: Path, connect: Connect) -> None:
    connect("claude-code")
    path = home / FILES["claude-code"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "opus"}))
    (path.parent / "notes").write_text("mine")
    assert connect("claude-code", "--undo")[0] == 0
    assert json.loads(path.read_text()) == {"model": "opus"}
    assert sorted(one.name for one in path.parent.iterdir()) == ["notes", "settings.json"]


def test_folder_that_was_made_stays_with_what_others_put_in_it(
    home: Path, connect: Connect
) -> None:
    connect("claude-code")
    (home / ".claude" / "notes").write_text("mine")
    connect("claude-code", "--undo")
    assert [one.name for one in (home / ".claude").iterdir()] == ["notes"]


def test_list_of_callbacks_that_was_changed_between_keeps_the_change(
    home: Path, connect: Connect
) -> None:
    text = "# mine\nlitellm_settings:\n  callbacks: [a, b]   # both\n  drop_params: true\n"
    path = begun(home, "litellm", text)
    connect("litellm")
    path.write_text(path.read_text().replace("[a, b, habitus]", "[c, habitus, a]"))
    assert "[c, habitus, a]" in path.read_text()
    connect("litellm", "--undo")
    assert path.read_text().split() == text.replace("[a, b]", "[c, a]").split()
    assert sorted(tree(home)) == ["config.yaml", "kept"]


def test_comment_that_came_between_stays(home: Path, connect: Connect) -> None:
    path = begun(home, "codex", 'model = "m"\n')
    connect("codex")
    path.write_text("# new\n" + path.read_text())
    connect("codex", "--undo")
    assert path.read_text().rstrip() == '# new\nmodel = "m"'
    assert not list(path.parent.glob(f"*{BEFORE}")) + list(path.parent.glob(f"*{RECORD}"))


def test_change_between_two_connections_stays(home: Path, connect: Connect) -> None:
    path = begun(home, "claude-code", '{"model": "opus"}')
    connect("claude-code")
    path.write_text(path.read_text().replace("opus", "haiku"))
    connect("claude-code", "--key")
    connect("claude-code", "--undo")
    assert json.loads(path.read_text()) == {"model": "haiku"}


def test_undo_after_a_person_took_the_change_back_leaves_nothing_beside(
    home: Path, connect: Connect
) -> None:
    path = begun(home, "codex", 'model = "m"\n')
    connect("codex")
    path.write_text('model = "n"\n')
    assert "nothing to change" in connect("codex", "--undo")[1]
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]


def test_links_beside_the_file_are_not_followed(home: Path, connect: Connect) -> None:
    path = begun(home, "codex", 'model = "m"\n')
    connect("codex")
    (home / "secret").write_text('secret = "x"\n')
    for end in (BEFORE, RECORD):
        link = path.with_name(path.name + end)
        link.unlink()
        link.symlink_to(home / "secret")
    connect("codex", "--undo")
    assert path.read_text().rstrip() == 'model = "m"'
    assert (home / "secret").read_text() == 'secret = "x"\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [("claude-code", '{"hooks": {}}'), ("claude-code", '{"hooks": {"Stop": []}}'),
     ("gemini", '{"hooks": {}}'), ("codex", "[otel]\n"),
     ("litellm", "litellm_settings:\ncallback_settings: {}\n")],
)  # fmt: skip
def test_undo_of_nothing_changes_nothing(
    home: Path, connect: Connect, name: str, text: str
) -> None:
    begun(home, name, text)
    before = tree(home)
    assert "nothing to change" in connect(name, "--undo")[1]
    assert tree(home) == before


@pytest.mark.parametrize("name", sorted(FILES))
def test_comment_after_the_change_stays_and_the_rest_is_to_the_letter(
    home: Path, connect: Connect, name: str
) -> None:
    text = TEXTS[name].replace("\r\n", "\n")
    path = begun(home, name, text)
    comment = f"{'//' if path.suffix == '.json' else '#'} since\n"
    connect(name)
    path.write_text(path.read_text() + comment)
    connect(name, "--undo")
    assert path.read_text() == text + comment


@pytest.mark.parametrize(
    ("name", "settings"),
    [("claude-code", {"hooks": {"PreToolUse": []}}), ("claude-code", {"hooks": {"Stop": []}}),
     ("gemini", {"hooks": {"BeforeTool": []}}),
     ("mcp", {"mcpServers": {"mail": {"command": "npx", "args": []}}})],
)  # fmt: skip
def test_empty_members_stay_where_something_else_has_changed(
    home: Path, connect: Connect, name: str, settings: dict[str, object]
) -> None:
    path = begun(home, name, json.dumps(settings))
    connect(name)
    path.write_text(json.dumps({"more": 1} | json.loads(path.read_text())))
    connect(name, "--undo")
    assert json.loads(path.read_text()) == {"more": 1} | settings


@pytest.mark.parametrize("broken", ["os.fsync", "tempfile.mkstemp"])
@pytest.mark.parametrize("text", [None, "{}"])
def test_nothing_is_left_where_the_file_cannot_be_written(
    home: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch, broken: str, text: str | None
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    begun(home, "claude-code", text)
    before = tree(home)
    monkeypatch.setattr(broken, fail)
    code, said = connect("claude-code")
    assert (code, "cannot be written: No space left" in said) == (2, True), said
    assert tree(home) == before
