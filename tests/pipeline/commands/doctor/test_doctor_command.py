"""habitus doctor names what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.usefixtures("clean_environment")
Run = tuple[int, str, str]


def test_doctor_accepts_the_defaults_and_names_missing_parts(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("events.jsonl").write_text("{}\n")
    monkeypatch.setenv("HABITUS_SOURCE", "file:events.jsonl")
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    code, out, _ = habitus("doctor", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["ok"]
    assert {check["name"] for check in found["checks"]} >= {"store", "source", "sink", "intel"}
    monkeypatch.setenv("HABITUS_SOURCE", "kafka://127.0.0.1:1/agent.actions?group=g")
    monkeypatch.setenv("HABITUS_LISTEN", "0.0.0.0:0")
    monkeypatch.setenv("HABITUS_STORE", "sqlite:/nowhere/habitus.db")
    monkeypatch.setenv("HABITUS_FORMAT", "nativ")
    code, out, err = habitus("doctor")
    assert code == 1
    assert err == "error: missing: format, store, source, credentials\n"
    assert "no Kafka broker answers" in out


@pytest.mark.parametrize(
    ("setting", "content", "name"),
    [
        ("HABITUS_PARAMETERS", "no TOML", "model"),
        ("HABITUS_API_KEYS_FILE", '{"not": "keys"}', "credentials"),
        ("HABITUS_JWKS", "no JSON", "credentials"),
    ],
)
def test_doctor_reads_the_files_that_a_start_would_read(
    habitus: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    content: str,
    name: str,
) -> None:
    Path("events.jsonl").write_text("{}\n")
    Path("file").write_text(content)
    monkeypatch.setenv("HABITUS_SOURCE", "file:events.jsonl")
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("HABITUS_JWT_ISSUER", "https://issuer.example.com")
    monkeypatch.setenv("HABITUS_JWT_AUDIENCE", "habitus")
    monkeypatch.setenv(setting, "file")
    code, _, err = habitus("doctor")
    assert code == 1
    assert err == f"error: missing: {name}\n"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("MAX_CONNECTIONS_PER_ADDRESS", "1024", "max_connections_per_address must be below"),
        ("MAX_TARGET_BYTES", "20000", "max_target_bytes must be at most max_header_bytes"),
        ("TLS_CERT", "events.jsonl", "HABITUS_TLS_KEY must be set when HABITUS_TLS_CERT is"),
    ],
)
def test_doctor_reports_settings_that_serve_refuses(
    habitus: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    said: str,
) -> None:
    Path("events.jsonl").write_text("{}\n")
    monkeypatch.setenv("HABITUS_SOURCE", "file:events.jsonl")
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv(f"HABITUS_{setting}", value)
    code, out, err = habitus("doctor", "--json")
    assert (code, err) == (1, "error: missing: server\n")
    (check,) = (one for one in json.loads(out)["checks"] if one["state"] == "missing")
    assert check["found"].startswith(said)
    code, _, err = habitus("serve")
    assert code == 2
    assert said in err
