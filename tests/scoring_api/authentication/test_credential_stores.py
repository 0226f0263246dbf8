"""A credential store that cannot be used lets nobody in, says so, and recovers."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import threading
import time

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from models.errors import ConfigError
from pipeline.credentials.entries import make_key
from pipeline.logs import JsonLines, Repeats
from scoring_api.authentication.authenticator import Authenticator
from scoring_api.authentication.credential_store import CredentialStore
from scoring_api.authentication.jwks import KeySource
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError

TRUST = "/v1/agents/a/trust"
ISSUER, AUDIENCE = "https://issuer.example.com", "habitus"
TOKENS = {"issuer": ISSUER, "audience": AUDIENCE}
WITHIN_S = 5


def remove(path):
    path.unlink()


def empty(path):
    path.write_text("")


def no_entry(path):
    path.write_text("key = []" if path.suffix == ".toml" else "[]")


def break_it(path):
    path.write_text("[")


def folder(path):
    path.unlink()
    path.mkdir()


def pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [remove, empty, no_entry, break_it, folder, pipe])
def test_unusable_credential_file_admits_no_caller_until_it_is_repaired(
    installation, tmp_path, until, spoil, caplog
):
    secret, entry = make_key("ops", ["admin"])
    path = tmp_path / "keys.json"
    good = msgspec.json.encode([entry])
    path.write_bytes(good)
    asked = {"headers": {"X-API-Key": secret}}
    with installation.client(api_keys_file=path) as client:
        assert client.get(TRUST, **asked).status_code == 200
        assert client.get("/v1/agents", **asked).status_code == 200
        spoil(path)
        until(lambda: client.get(TRUST, **asked).status_code == 503, seconds=WITHIN_S)
        refused = client.get("/v1/agents", **asked)
        assert refused.status_code == 503
        assert "credential file cannot be used" in refused.json()["detail"]
        assert refused.headers["retry-after"] == "5"
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["detail"]) == (503, refused.json()["detail"])
        assert client.get("/livez").status_code == 200
        gauge = 'habitus_api_credentials_usable{store="file"}'
        until(lambda: f"{gauge} 0.0" in client.get("/metrics").text)
        said = [record for record in caplog.records if record.message == "credentials_unusable"]
        assert len(said) == 1
        assert str(tmp_path) not in said[0].fault
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        path.write_bytes(good)
        until(lambda: client.get(TRUST, **asked).status_code == 200, seconds=WITHIN_S)
        assert client.get("/readyz").status_code == 200
        until(lambda: f"{gauge} 1.0" in client.get("/metrics").text)


def test_a_key_that_leaves_the_file_is_refused_and_the_others_stay(installation, tmp_path, until):
    (first, one), (second, two) = make_key("one", ["admin"]), make_key("two", ["admin"])
    path = tmp_path / "keys.json"
    path.write_bytes(msgspec.json.encode([one, two]))
    with installation.client(api_keys_file=path) as client:

        def asked(secret):
            return client.get(TRUST, headers={"X-API-Key": secret}).status_code

        assert (asked(first), asked(second)) == (200, 200)
        before = path.stat()
        # As long as before, and with the same time: only the content tells.
        path.write_bytes(msgspec.json.encode([make_key("new", ["admin"])[1], two]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        until(lambda: asked(first) == 401, seconds=WITHIN_S)
        assert asked(second) == 200


def test_a_file_that_gives_no_answer_counts_as_unreadable(tmp_path, monkeypatch):
    secret, entry = make_key("ops", ["admin"])
    path = tmp_path / "keys.json"
    path.write_bytes(msgspec.json.encode([entry]))
    auth = Authenticator(ApiConfig(api_keys_file=path))
    stuck = threading.Event()

    def hanging(_):
        stuck.wait(10)
        return path.read_bytes()

    monkeypatch.setattr("scoring_api.authentication.credential_store.READ_S", 0.05)
    monkeypatch.setattr("scoring_api.authentication.credential_store.read_bytes", hanging)

    async def story():
        headers = [(b"x-api-key", secret.encode())]
        await auth.authenticate(headers)
        following = asyncio.create_task(auth.follow())
        await asyncio.sleep(0.5)
        with pytest.raises(ProblemError) as error:
            await auth.authenticate(headers)
        assert error.value.status == 503
        stuck.set()
        end = time.monotonic() + WITHIN_S
        while auth.fault and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert (await auth.authenticate(headers)).subject == "ops"
        following.cancel()

    asyncio.run(story())


@pytest.mark.parametrize("content", ["", "[]", "[", None])
def test_api_does_not_start_without_a_valid_credential_file(installation, tmp_path, content):
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="HABITUS_API_KEYS_FILE"):
        installation.app(api_keys_file=path)


@pytest.fixture(scope="module")
def signing():
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@pytest.fixture
def key_set(tmp_path, signing):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [signing.as_dict(private=False)]}))
    return path


def token(key, **more):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "gateway", "exp": int(time.time()) + 9000}
    return jwt.encode({"alg": "RS256", "kid": "k1"}, {**claims, "scope": "admin", **more}, key)


@pytest.mark.parametrize("spoil", [remove, empty, break_it, lambda p: p.write_text('{"keys":[]}')])
def test_a_key_set_file_that_cannot_be_used_lets_no_token_in(
    installation, key_set, signing, until, spoil
):
    good = key_set.read_text()
    asked = {"headers": {"Authorization": f"Bearer {token(signing)}"}}
    with installation.client(jwks=str(key_set), **TOKENS) as client:
        assert client.get(TRUST, **asked).status_code == 200
        spoil(key_set)
        until(lambda: client.get(TRUST, **asked).status_code == 503, seconds=WITHIN_S)
        assert "key set" in client.get("/readyz").json()["detail"]
        assert 'usable{store="jwks"} 0.0' in client.get("/metrics").text
        key_set.write_text(good)
        until(lambda: client.get(TRUST, **asked).status_code == 200, seconds=WITHIN_S)


def test_lost_key_set_does_not_affect_api_keys(installation, key_set, signing, tmp_path, until):
    secret, entry = make_key("ops", ["admin"])
    path = tmp_path / "keys.json"
    path.write_bytes(msgspec.json.encode([entry]))
    bearer = {"Authorization": f"Bearer {token(signing)}"}
    with installation.client(api_keys_file=path, jwks=str(key_set), **TOKENS) as client:
        assert client.get(TRUST, headers=bearer).status_code == 200
        key_set.unlink()
        until(lambda: client.get(TRUST, headers=bearer).status_code == 503, seconds=WITHIN_S)
        assert client.get(TRUST, headers={"X-API-Key": secret}).status_code == 200
        assert client.get("/readyz").status_code == 200
        path.unlink()
        until(lambda: client.get("/readyz").status_code == 503, seconds=WITHIN_S)


class Keys(http.server.BaseHTTPRequestHandler):
    served: bytes | None = None

    def do_GET(self):
        self.send_response(200 if self.served is not None else 500)
        self.end_headers()
        self.wfile.write(self.served or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def key_server():
    Keys.served = None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks"
        server.shutdown()
        thread.join()


async def answer(auth, bearer):
    try:
        await auth.authenticate([(b"authorization", b"Bearer " + bearer.encode())])
    except ProblemError as error:
        return error.status
    return 200


@pytest.mark.parametrize("served", [None, b"", b"no json", b"[]", b'{"keys":[]}', b'{"keys":[1]}'])
def test_unavailable_key_set_admits_no_caller(key_server, signing, served):
    Keys.served = served
    auth = Authenticator(ApiConfig(jwks=key_server, **TOKENS))
    assert asyncio.run(answer(auth, token(signing))) == 503
    assert "key set" in auth.fault


def test_keys_are_valid_for_an_hour_without_an_answer_of_the_issuer(
    key_server, key_set, signing, monkeypatch, caplog
):
    Keys.served = key_set.read_bytes()
    bearer = token(signing)
    auth = Authenticator(ApiConfig(jwks=key_server, **TOKENS))
    now = wall_us()

    async def look():
        following = asyncio.create_task(auth.follow())
        await asyncio.sleep(0.5)
        following.cancel()

    def later(seconds):
        for place in ("authenticator", "jwks"):
            monkeypatch.setattr(
                f"scoring_api.authentication.{place}.wall_us",
                lambda: now + int(seconds * 1_000_000),
            )

    async def story():
        assert await answer(auth, bearer) == 200
        Keys.served = None
        later(3500)
        await look()
        assert await answer(auth, bearer) == 200
        assert [record.message for record in caplog.records] == ["jwks_unreadable"]
        later(3650)  # remembered until 3500 + 300 by itself
        assert await answer(auth, bearer) == 503
        await look()
        assert caplog.records[-1].message == "jwks_unusable"
        Keys.served = key_set.read_bytes()
        later(3700)
        assert await answer(auth, bearer) == 200

    asyncio.run(story())


def test_withdrawal_of_all_keys_takes_effect_immediately(key_server, key_set, signing, monkeypatch):
    Keys.served = key_set.read_bytes()
    monkeypatch.setattr("scoring_api.authentication.jwks.COOL_DOWN_US", 0)
    monkeypatch.setattr("scoring_api.authentication.jwks.REFRESH_US", 0)
    auth = Authenticator(ApiConfig(jwks=key_server, **TOKENS))

    async def story():
        assert await answer(auth, token(signing)) == 200
        Keys.served = b'{"keys":[]}'
        following = asyncio.create_task(auth.follow())
        await asyncio.sleep(0.5)
        assert await answer(auth, token(signing)) == 503
        following.cancel()

    asyncio.run(story())


def test_a_key_set_file_that_gives_no_answer_lets_no_token_in(key_set, signing, monkeypatch):
    auth = Authenticator(ApiConfig(jwks=str(key_set), **TOKENS))
    stuck = threading.Event()
    raw = key_set.read_bytes()

    def hanging(*_):
        stuck.wait(10)
        return raw

    async def story():
        assert await answer(auth, token(signing)) == 200
        monkeypatch.setattr("scoring_api.authentication.jwks.FILE_S", 0.05)
        monkeypatch.setattr("scoring_api.authentication.jwks.read_regular", hanging)
        await asyncio.sleep(0.6)
        following = asyncio.create_task(auth.follow())
        await asyncio.sleep(0.5)
        assert await answer(auth, token(signing)) == 503
        stuck.set()
        end = time.monotonic() + WITHIN_S
        while auth.fault and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert await answer(auth, token(signing)) == 200
        following.cancel()

    asyncio.run(story())


def test_a_known_key_is_given_without_waiting_for_the_issuer(key_server, key_set):
    Keys.served = key_set.read_bytes()
    source = KeySource(key_server)

    async def story():
        assert await source.find("k1") is not None
        async with source._lock:  # somebody else waits for the issuer
            assert await asyncio.wait_for(source.find("k1"), 1) is not None

    asyncio.run(story())


def test_api_does_not_start_with_an_empty_key_set(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text('{"keys":[]}')
    with pytest.raises(ConfigError, match="no public signature key"):
        KeySource(str(path)).examine()


def test_a_second_outage_within_seconds_is_logged_too(tmp_path, caplog):
    path = tmp_path / "keys.json"
    good = msgspec.json.encode([make_key("ops", ["admin"])[1]])
    path.write_bytes(good)
    caplog.handler.addFilter(repeats := Repeats())
    try:
        store = CredentialStore(path)
        for _ in range(2):
            path.unlink()
            asyncio.run(store.check())
            assert not store.usable
            path.write_bytes(good)
            asyncio.run(store.check())
            assert store.usable
    finally:
        caplog.handler.removeFilter(repeats)
    said = [record.getMessage() for record in caplog.records]
    assert said.count("credentials_unusable") == 2
    assert "state_change" not in JsonLines().format(caplog.records[0])
