"""No credential is sent over plain http to another machine, unless a variable allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from habitus import Recorder
from models.errors import ConfigError
from pipeline.cli import app
from pipeline.connecting.arrival import Arrivals
from pipeline.plain_http import ALLOWING, check_carrier
from pipeline.tap.decisions.decision_point import DecisionPoint
from pipeline.tap.recording.targets import ApiTarget, EventTarget
from pipeline.tap.variables import API_TOKEN, ENFORCE_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAR = "http://192.0.2.1:8765"
FAULT = f"not sent over plain http to '192.0.2.1'.*{ALLOWING}=1"
SENDERS: dict[str, Callable[[str], object]] = {
    "recorder": lambda url: Recorder("bot", to=url),
    "tap --api": lambda url: ApiTarget(url, "key"),
    "events": lambda url: EventTarget(url, "key"),
    "tap --enforce": lambda url: DecisionPoint(url, "key"),
    "connect": lambda url: Arrivals(url, "claude-code"),
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_TOKEN, "key")
    monkeypatch.setenv(ENFORCE_TOKEN, "key")
    monkeypatch.delenv(ALLOWING, raising=False)


@pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS.keys())
def test_key_is_refused_for_another_machine(send: Callable[[str], object]) -> None:
    with pytest.raises(ConfigError, match=FAULT):
        send(FAR)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9"])
@pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS.keys())
def test_key_is_sent_to_this_machine(send: Callable[[str], object], url: str) -> None:
    assert send(url) is not None


@pytest.mark.parametrize("name", ["recorder", "tap --api", "events", "tap --enforce"])
def test_key_is_sent_where_a_variable_allows_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWING, "1")
    SENDERS[name](FAR)
    monkeypatch.setenv(ALLOWING, "0")
    with pytest.raises(ConfigError, match=FAULT):
        SENDERS[name](FAR)


def test_recorder_with_no_key_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError):
        Recorder("bot", to=FAR)
    monkeypatch.delenv(API_TOKEN)
    assert Recorder("bot", to=FAR).dropped == 0


@pytest.mark.parametrize(
    "url",
    ["HTTP://example.com", "http://127.0.0.1.example.com", "http://localhost.example.com",
     "http://127.0.0.1@example.com", "http://0.0.0.0", "http://[", "//example.com"],
)  # fmt: skip
def test_url_that_resembles_a_local_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        check_carrier(url, API_TOKEN)


@pytest.mark.parametrize(
    "arguments",
    [
        ("tap", "--api", FAR, "--", "true"),
        ("tap", "--enforce", FAR, "--out", "FILE", "--", "true"),
        ("connect", "claude-code", "--api", FAR, "--key", "--yes", "--wait", "0", "--file", "FILE"),
    ],
)
def test_command_names_the_variable(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    given = [str(file) if one == "FILE" else one for one in arguments]
    found = CliRunner().invoke(app, given)
    assert found.exit_code != 0
    assert isinstance(found.exception, ConfigError | SystemExit)
    assert ALLOWING in f"{found.exception}{found.output}"
    assert not file.exists()
