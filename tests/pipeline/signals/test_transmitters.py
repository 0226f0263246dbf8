"""The file of trusted transmitters: all faults at once, and no secret in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import ConfigError
from pipeline.signals.transmitters import read_transmitters

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "name": "idp",
    "issuer": "https://idp.example.com",
    "audience": "habitus",
    "jwks": "https://idp.example.com/keys",
}
POLL = GOOD | {"delivery": "poll", "endpoint": "https://idp.example.com/poll"}
CLIENT = {
    "token_url": "https://idp.example.com/token",
    "client_id": "habitus",
    "client_secret_file": "secret",
}


def written(folder: Path, *tables: dict[str, object]) -> Path:
    (folder / "secret").write_text("s3cr3t-value\n")
    lines = []
    for table in tables:
        lines.append("[[transmitter]]")
        lines += [f"{name} = {value!r}" for name, value in table.items()]
    path = folder / "transmitters.toml"
    path.write_text("\n".join(lines))
    return path


def test_paths_are_those_beside_the_file(tmp_path: Path) -> None:
    (one,) = read_transmitters(written(tmp_path, POLL | CLIENT | {"jwks": "keys.json"}))
    assert one.client_secret_file == str(tmp_path / "secret")
    assert one.jwks == str(tmp_path / "keys.json")
    assert one.algorithms == ("RS256", "ES256")


def test_default_trusts_no_transmitter() -> None:
    assert read_transmitters(None) == ()


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (GOOD | {"issuer": "http://idp.example.com"}, "issuer must be an https URL"),
        (GOOD | {"jwks": "ftp://idp.example.com"}, "jwks must be an https URL"),
        (GOOD | {"name": "An IdP"}, "a name has small letters"),
        (GOOD | {"algorithms": ["HS256"]}, "algorithms must be some of"),
        (GOOD | {"algorithms": ["none"]}, "algorithms must be some of"),
        (GOOD | {"algorithms": []}, "algorithms must be some of"),
        (GOOD | {"colour": "red"}, "colour"),
        (GOOD | {"delivery": "poll"}, "endpoint must be set"),
        (POLL, "token_file or token_url must be set"),
        (POLL | {"token_url": "https://idp.example.com/token"}, "belong together"),
        (POLL | CLIENT | {"token_file": "secret"}, "exclude each other"),
        (POLL | {"token_file": "missing"}, "cannot be read"),
        (POLL | CLIENT | {"endpoint": "http://192.0.2.1/poll"}, "endpoint must be an https URL"),
    ],
)
def test_fault_is_named(tmp_path: Path, table: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault) as raised:
        read_transmitters(written(tmp_path, table))
    assert "s3cr3t" not in str(raised.value)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"endpoint must.*token_file or.*'idp' is there twice"):
        read_transmitters(written(tmp_path, GOOD | {"delivery": "poll"}, GOOD))


def test_file_without_a_transmitter_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \[\[transmitter\]\]"):
        read_transmitters(written(tmp_path))
