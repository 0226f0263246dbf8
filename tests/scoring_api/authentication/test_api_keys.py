"""Hashed API keys from a file: who has which scope, and until when."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from models.errors import ConfigError
from pipeline.credentials.entries import make_key, read_credentials
from scoring_api.authentication.authenticator import Authenticator
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError


def write(path, *entries):
    path.write_bytes(msgspec.json.encode(entries))
    return path


@pytest.fixture
def keys(tmp_path):
    made = {
        name: make_key(name, scopes)
        for name, scopes in {
            "pdp": ["trust:read"],
            "analyst": ["anomaly:read"],
            "producer": ["actions:write"],
            "ops": ["admin"],
        }.items()
    }
    path = write(tmp_path / "keys.json", *(entry for _, entry in made.values()))
    return path, {name: secret for name, (secret, _) in made.items()}


def test_each_route_wants_its_scope(installation, keys):
    path, secrets = keys
    event = {"id": "1", "time": "2026-01-05T08:00:00Z", "agent": {"id": "a"}, "tool": "t"}
    calls = {
        "pdp": [("GET", "/v1/agents/a/trust"), ("GET", "/v1/agents"), ("POST", "/v1/trust/query")],
        "analyst": [("GET", "/v1/anomalies")],
        "producer": [("POST", "/v1/actions")],
    }
    bodies = {"/v1/trust/query": {"agents": ["a"]}, "/v1/actions": event}
    with installation.client(api_keys_file=path) as client:
        for caller, secret in secrets.items():
            for owner, routes in calls.items():
                for method, route in routes:
                    response = client.request(
                        method, route, headers={"X-API-Key": secret}, json=bodies.get(route)
                    )
                    allowed = caller in (owner, "ops")
                    assert (response.status_code < 300) is allowed, (caller, route)
                    assert allowed or response.status_code == 403


def test_a_key_comes_in_either_header(installation, keys):
    path, secrets = keys
    with installation.client(api_keys_file=path) as client:
        for headers in (
            {"X-API-Key": secrets["pdp"]},
            {"Authorization": f"Bearer {secrets['pdp']}"},
            {"Authorization": f"bearer {secrets['pdp']}"},
        ):
            assert client.get("/v1/agents/a/trust", headers=headers).status_code == 200
        for headers in (
            {},
            {"X-API-Key": "hbt_wrong"},
            {"Authorization": f"Basic {secrets['pdp']}"},
        ):
            assert client.get("/v1/agents/a/trust", headers=headers).status_code == 401


def test_life_and_the_empty_console_need_no_key(installation, keys):
    with installation.client(api_keys_file=keys[0]) as client:
        for path in ("/livez", "/readyz", "/console/", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200


async def scopes(auth, secret):
    return (await auth.authenticate([(b"x-api-key", secret.encode())])).scopes


def test_a_key_that_has_expired_is_refused(tmp_path):
    secret, entry = make_key("old", ["admin"])
    for ends, good in ((timedelta(minutes=1), True), (timedelta(minutes=-1), False)):
        dated = msgspec.structs.replace(entry, expires=datetime.now(UTC) + ends)
        auth = Authenticator(ApiConfig(api_keys_file=write(tmp_path / "k.json", dated)))
        if good:
            assert asyncio.run(scopes(auth, secret)) == {"admin"}
        else:
            with pytest.raises(ProblemError):
                asyncio.run(scopes(auth, secret))


def test_the_file_may_be_toml(tmp_path):
    secret, entry = make_key("gateway", ["trust:read"])
    path = tmp_path / "keys.toml"
    path.write_text(
        f'[[key]]\nid = "gateway"\nsha256 = "{entry.sha256}"\nscopes = ["trust:read"]\n'
        "expires = 2999-01-01T00:00:00Z\n"
    )
    assert [key.id for key in read_credentials(path).entries] == ["gateway"]
    assert secret not in path.read_text()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[", "not a list of keys"),
        ("", "holds no credential"),
        (" \n", "holds no credential"),
        ("[]", "holds no credential"),
        ('{"id":"a"}', "not a list of keys"),
        ('[{"id":"a","sha256":"secret","scopes":[]}]', "not a list of keys"),
        (json.dumps([{"id": "a", "sha256": "0" * 64, "scopes": ["trust:write"]}]), "trust:write"),
        (json.dumps([{"id": "a", "sha256": "0" * 64, "scopes": []}] * 2), "twice"),
    ],
)
def test_a_file_with_a_fault_stops_the_start_and_shows_no_hash(tmp_path, content, fault):
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=fault) as error:
        Authenticator(ApiConfig(api_keys_file=path))
    assert "secret" not in str(error.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_credentials(tmp_path / "absent.json")
