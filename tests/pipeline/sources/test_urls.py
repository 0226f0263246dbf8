"""URLs of sources and sinks: what is understood, and one sentence for what is not."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.publishing import SINKS, open_sink
from pipeline.publishing.folder import Discard, Folder
from pipeline.sources import SOURCES, open_source
from pipeline.sources.kafka.address import parse
from pipeline.sources.stdin import Stdin

if TYPE_CHECKING:
    from pathlib import Path


def test_every_scheme_of_the_contract_is_registered() -> None:
    assert set(SOURCES) >= {"-", "file", "kafka"}
    assert set(SINKS) >= {"none", "file", "kafka"}


@pytest.mark.parametrize("slashes", ["", "//", "//localhost"])
def test_absolute_paths_may_be_written_as_file_urls(tmp_path: Path, slashes: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    (batch,) = open_source(f"file:{slashes}{tmp_path}", clock_us=lambda: 0).batches()
    assert batch.records[0].value == b"{}"


def test_a_minus_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        def fileno(self) -> int:
            return 0

    monkeypatch.setattr("sys.stdin", Input())
    assert isinstance(open_source("-", clock_us=lambda: 0), Stdin)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("events.jsonl", "unknown source 'events.jsonl', expected one of: -, file:PATH"),
        ("file", "unknown source 'file'"),
        ("file:", "no path in 'file:'"),
        ("file://elsewhere.example.com/a", "another host"),
        ("file:a?follow=yes", "follow must be 0 or 1, got 'yes'"),
        ("kafka://127.0.0.1:9092", "expected one topic in kafka://HOST:PORT/TOPIC"),
        ("kafka:///t", "expected kafka://HOST:PORT"),
        ("kafka://127.0.0.1/t", "expected kafka://HOST:PORT"),
        ("kafka://127.0.0.1:9092/a/b", "expected one topic"),
        ("kafka://127.0.0.1:9092/t?groop=x", "unknown parameter 'groop'"),
        ("kafka://127.0.0.1:9092/t?group=x&group=y", "a parameter occurs twice in"),
        ("kafka://[::1/t?group=x", "expected kafka://HOST:PORT"),
        ("kafka://127.0.0.1:9092/t?lost=ok", "lost must be stop or skip, got 'ok'"),
        ("kafka://127.0.0.1:9092/t?config=absent.toml", "'absent.toml' cannot be read"),
    ],
)
def test_invalid_source_is_reported_in_a_sentence(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        open_source(url, clock_us=lambda: 0)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nowhere", "unknown sink 'nowhere', expected one of: none, file:FOLDER"),
        ("none:x", "unknown sink 'none:x'"),
        ("file", "unknown sink 'file'"),
        ("-", "unknown sink '-'"),
        ("kafka://127.0.0.1:9092/t", "a sink takes no topic"),
        ("kafka://[::1", "expected kafka://HOST:PORT"),
        ("kafka://127.0.0.1:9092?group=g", "unknown parameter 'group'"),
    ],
)
def test_invalid_sink_is_reported_in_a_sentence(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        open_sink(url)


@pytest.mark.parametrize("scheme", ["kafka", "kaffka"])
@pytest.mark.parametrize(
    "rest",
    [
        "//me:hunter2@127.0.0.1:9092/t",
        "//me:hun/hunter2@127.0.0.1:9092/t",
        "me:hunter2@127.0.0.1:9092/t",
        "//127.0.0.1:9092/t?group=g&sasl_plain_password=hunter2",
    ],
)
def test_a_password_in_a_url_is_never_repeated(scheme: str, rest: str) -> None:
    for opened in (open_sink, partial(open_source, clock_us=lambda: 0)):
        with pytest.raises(ConfigError) as caught:
            opened(f"{scheme}:{rest}")
        assert "hunter2" not in str(caught.value)


def test_long_url_is_cut_and_control_characters_are_visible() -> None:
    with pytest.raises(ConfigError, match=r"unknown sink 'x{60}…', expected"):
        open_sink("x" * 500)
    with pytest.raises(ConfigError, match=r"unknown source '\\x1b\[2J', expected"):
        open_source("\x1b[2J", clock_us=lambda: 0)


def test_client_options_come_from_a_file_and_only_those_for_safety(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text('security_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\n')
    address = parse(f"kafka://a:1,b:2/t?group=g&config={file}", topic=True)
    assert address.brokers == ["a:1", "b:2"]
    assert address.client == {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}
    file.write_text("enable_auto_commit = true\n")
    with pytest.raises(ConfigError, match="unknown key 'enable_auto_commit'"):
        parse(f"kafka://a:1/t?config={file}", topic=True)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('security_protocol = "TLS"', "must be one of PLAINTEXT, .*, got 'TLS'"),
        ('session_timeout_ms = "abc"', "must be a number of milliseconds, got 'abc'"),
        ("session_timeout_ms = true", "must be a number of milliseconds, got True"),
        ("ssl_check_hostname = 1", "must be true or false, got 1"),
        ('client_id = ["a"]', r"must be a text, got \['a'\]"),
        ("sasl_plain_password = 4711", "must be a text, got int$"),
    ],
)
def test_option_of_the_wrong_type_is_reported_without_password(
    tmp_path: Path, line: str, fault: str
) -> None:
    file = tmp_path / "client.toml"
    file.write_text(line)
    with pytest.raises(ConfigError, match=fault):
        parse(f"kafka://a:1/t?config={file}", topic=True)


def test_sinks_are_made_for_their_scheme(tmp_path: Path) -> None:
    assert isinstance(open_sink("none"), Discard)
    assert isinstance(open_sink(f"file:{tmp_path}/out"), Folder)
    assert (tmp_path / "out").is_dir()
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot create the folder"):
        open_sink(f"file:{tmp_path}/taken")


def test_a_batch_has_at_least_one_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        open_source(f"file:{tmp_path}", batch_size=0, clock_us=lambda: 0)
