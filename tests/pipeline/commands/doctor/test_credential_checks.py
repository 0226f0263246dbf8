"""What `habitus doctor` says of the credential stores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.commands.doctor.credential_checks import fault_or_note
from pipeline.credentials.entries import make_key
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

KEY_SET = {
    "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]
}
FREE = "tokens of every subject may report every agent"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (None, True),
        ([], True),
        ([{"id": "shop", "subject": "shop-*", "agents": ["{subject}"]}], False),
    ],
)
def test_tokens_that_may_report_every_agent_are_named(
    tmp_path: Path, entries: list[dict[str, Any]] | None, expected: bool
) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(KEY_SET))
    settings: dict[str, Any] = {
        "jwks": str(tmp_path / "jwks.json"), "jwt_issuer": "https://id.example.com",
        "jwt_audience": "habitus",
    }  # fmt: skip
    if entries is not None:
        key = msgspec.to_builtins(make_key("desk", ["trust:read"])[1])
        (tmp_path / "keys.json").write_text(json.dumps([key, *entries]))
        settings["api_keys_file"] = tmp_path / "keys.json"
    found, todo = fault_or_note(Settings(**settings), 0)
    assert (FREE in found, "subject" in todo) == (expected, expected)


@pytest.mark.parametrize(
    ("scopes", "named"),
    [(["admin"], True), (["actions:write"], True), (["trust:read", "anomaly:write"], False)],
)
def test_keys_that_may_report_every_agent_are_named(
    tmp_path: Path, scopes: list[str], named: bool
) -> None:
    key = msgspec.to_builtins(make_key("ops", scopes)[1])
    (tmp_path / "keys.json").write_text(json.dumps([key]))
    found, _ = fault_or_note(Settings(api_keys_file=tmp_path / "keys.json"), 0)
    assert ("these keys may report every agent: 'ops'" in found) == named
