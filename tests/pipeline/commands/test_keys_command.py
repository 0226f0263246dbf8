"""``habitus keys``: a key is shown once, its file is edited whole, and faults are one line."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import app
from pipeline.credentials.edits import add_entry
from pipeline.credentials.entries import make_key, read_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

Run = tuple[int, str, str]
COMMENTED = """# Who may call us.
[[key]]
id = "old"  # the first one
sha256 = "{digest}"
scopes = ["trust:read"]
"""


@pytest.fixture
def keys(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", "keys.toml")

    def run(*args: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            app(["keys", *args])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.mark.parametrize("name", ["keys.toml", "keys.json"])
def test_a_key_is_shown_once_and_kept_as_a_hash(
    keys: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", name)
    code, out, err = keys(
        "add", "gateway", "--scope", "actions:write", "--scope", "trust:read", "--expires", "90d",
        "--agent", "support-*", "--agent", "spiffe://example.com/ns/shop/*",
    )  # fmt: skip
    secret = out.strip()
    assert (code, secret[:4]) == (0, "hbt_")
    path = Path(name)
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in path.read_text() + err
    found = read_credentials(path)
    entry = found.key(secret)
    assert entry is not None
    assert (entry.id, entry.scopes) == ("gateway", ("actions:write", "trust:read"))
    assert entry.agents == ("support-*", "spiffe://example.com/ns/shop/*")
    assert entry.expires is not None
    assert timedelta(days=89) < entry.expires - datetime.now(UTC) <= timedelta(days=90)
    code, out, _ = keys("list")
    assert code == 0
    for part in ("gateway", "active", "actions:write, trust:read", "support-*"):
        assert part in out
    assert secret not in out
    assert hashlib.sha256(secret.encode()).hexdigest() not in out + keys("list", "--json")[1]


def test_a_revoked_key_stays_listed_and_is_not_in_force(keys: Callable[..., Run]) -> None:
    secret = keys("add", "one", "--scope", "admin")[1].strip()
    assert keys("revoke", "one")[0] == 0
    assert keys("revoke", "one") == (0, "", "'one' was revoked before\n")
    entry = read_credentials(Path("keys.toml")).key(secret)
    assert entry is not None
    assert entry.ended(time.time_ns() // 1000) == "revoked"
    (shown,) = json.loads(keys("list", "--json")[1])["keys"]
    assert (shown["id"], shown["state"]) == ("one", "revoked")
    code, _, err = keys("add", "one", "--scope", "admin")
    assert (code, err.count("\n")) == (2, 1)
    assert "already has a credential 'one'" in err


def test_comments_and_order_of_a_toml_file_stay(keys: Callable[..., Run]) -> None:
    path = Path("keys.toml")
    path.write_text(COMMENTED.format(digest=make_key("x", [])[1].sha256))
    keys("add", "new", "--scope", "admin")
    keys("revoke", "old")
    text = path.read_text()
    assert text.startswith("# Who may call us.")
    assert "# the first one" in text
    assert [entry.id for entry in read_credentials(path).entries] == ["old", "new"]
    assert [entry.revoked is not None for entry in read_credentials(path).entries] == [True, False]


@pytest.mark.parametrize("content", ["", "\n", "[]"])
def test_first_key_is_added_to_a_file_without_keys(
    keys: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", "keys.json")
    Path("keys.json").write_text(content)
    assert keys("add", "one", "--scope", "admin")[0] == 0
    assert len(read_credentials(Path("keys.json")).entries) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a", "--scope", "trust:raed"), "did you mean trust:read?"),
        (("add", "a", "--scope", "everything"), "expected some of: trust:read"),
        (("add", "a"), "--scope"),
        (("add", "a b", "--scope", "admin"), "white space"),
        (("add", "a\x1b[2J", "--scope", "admin"), "control characters"),
        (("add", "a", "--scope", "admin", "--expires", "soon"), "--expires must be a span"),
        (("add", "a", "--scope", "admin", "--expires", "2020-01-01"), "in the future"),
        (("add", "a", "--scope", "admin", "--expires", "0d"), "in the future"),
        (("add", "a", "--scope", "admin", "--expires", "2027-13-01"), "--expires must be a span"),
        (("add", "a", "--scope", "actions:write", "--agent", "a[0-9]"), "its one wildcard is *"),
        (("add", "a", "--scope", "actions:write", "--agent", "{subject}"), "its one wildcard is *"),
        (("add", "a", "--scope", "trust:read", "--agent", "a"), "--agent needs the scope"),
        (("revoke", "kep"), "did you mean 'kept'?"),
    ],
)
def test_wrong_use_is_one_line_and_changes_nothing(
    keys: Callable[..., Run], arguments: tuple[str, ...], said: str
) -> None:
    keys("add", "kept", "--scope", "admin")
    before = Path("keys.toml").read_bytes()
    code, out, err = keys(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert "\x1b" not in err
    assert Path("keys.toml").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["keys.toml"]


def test_a_broken_file_is_not_overwritten(keys: Callable[..., Run]) -> None:
    Path("keys.toml").write_text("[[key")
    for arguments in (("add", "a", "--scope", "admin"), ("revoke", "a"), ("list",)):
        code, _, err = keys(*arguments)
        assert (code, err.count("\n")) == (2, 1)
    assert Path("keys.toml").read_text() == "[[key"


def test_error_without_a_key_file_names_the_setting(
    keys: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HABITUS_API_KEYS_FILE")
    code, _, err = keys("add", "a", "--scope", "admin")
    assert (code, "HABITUS_API_KEYS_FILE names no credential file" in err) == (2, True)
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", "absent/keys.json")
    assert keys("add", "a", "--scope", "admin")[0] == 2
    secret = make_key("a", [])[0]
    monkeypatch.setenv("HABITUS_API_KEYS_FILE", secret)
    code, _, err = keys("add", "a", "--scope", "admin")
    assert (code, "not a key" in err, secret in err) == (2, True, False)


def test_second_writer_waits_and_both_entries_are_kept(keys: Callable[..., Run]) -> None:
    folder = os.open(".", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    timer = threading.Timer(0.5, os.close, [folder])
    timer.start()
    started = time.monotonic()
    assert keys("add", "a", "--scope", "admin")[0] == 0
    assert time.monotonic() - started > 0.4
    timer.join()


def test_writers_at_once_lose_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    made = [make_key(f"key-{number}", ["admin"])[1] for number in range(12)]
    threads = [threading.Thread(target=add_entry, args=(path, entry)) for entry in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.id for entry in read_credentials(path).entries} == {one.id for one in made}
    assert [one.name for one in tmp_path.iterdir()] == ["keys.toml"]


def test_error_names_a_lock_that_is_held_too_long(
    keys: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.credentials.edits._WAIT_S", 0.1)
    folder = os.open(".", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    code, _, err = keys("add", "a", "--scope", "admin")
    os.close(folder)
    assert (code, "edited by another process" in err) == (2, True)
    assert not Path("keys.toml").exists()


def test_a_file_keeps_who_may_read_it_and_loses_who_may_write_it(keys: Callable[..., Run]) -> None:
    keys("add", "a", "--scope", "admin")
    Path("keys.toml").rename("real.toml")
    Path("keys.toml").symlink_to("real.toml")
    Path("real.toml").chmod(0o666)
    err = keys("add", "b", "--scope", "admin")[2]
    assert "other users of this machine can read the credential file" in err
    assert Path("real.toml").stat().st_mode & 0o777 == 0o644
    assert Path("keys.toml").is_symlink()


def test_doctor_names_keys_that_may_report_every_agent(
    keys: Callable[..., Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")

    def doctor() -> dict[str, str]:
        with pytest.raises(SystemExit):
            app(["doctor", "--json"])
        checks = json.loads(capsys.readouterr().out)["checks"]
        found: dict[str, str] = next(one for one in checks if one["name"] == "credentials")
        return found

    keys("add", "bound", "--scope", "actions:write", "--agent", "support-*")
    assert doctor()["state"] == "ok"
    keys("add", "free", "--scope", "actions:write")
    found = doctor()
    assert (found["state"], "'free'" in found["found"]) == ("optional", True)
    assert "'bound'" not in found["found"]
    for name in ("free", "bound"):
        keys("revoke", name)
    assert "every key has expired or is revoked" in doctor()["found"]
    Path("keys.toml").unlink()
    assert doctor()["state"] == "missing"
