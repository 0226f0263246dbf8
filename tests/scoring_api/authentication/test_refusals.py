"""Refused credentials are counted, logged within a budget, and slowed; good ones never are."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from pipeline.credentials.entries import make_key
from scoring_api.authentication import refusals
from scoring_api.authentication.principal import Principal, Refused
from scoring_api.authentication.refusals import BURST, MAX_SOURCES, Refusals
from scoring_api.requests.clients import source_of
from scoring_api.status.metrics import Metrics

TRUST = "/v1/agents/a/trust"
ISSUER, AUDIENCE = "https://issuer.example.com", "habitus"
LOGGED = ("authentication_failed", "scope_refused", "report_refused")


@pytest.fixture(scope="module")
def signing():
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@pytest.fixture
def stores(tmp_path, signing):
    """Keys that are good, expired, revoked and without the scope, and a key set."""
    past, soon = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    made = {
        "good": make_key("good", ["admin"], expires=soon),
        "old": make_key("old", ["admin"], expires=past),
        "gone": make_key("gone", ["admin"]),
        "narrow": make_key("narrow", ["anomaly:read"]),
        "support": make_key("support", ["actions:write"], agents=["support-*"]),
    }
    entries = [entry for _, entry in made.values()]
    entries[2] = msgspec.structs.replace(entries[2], revoked=past)
    path, key_set = tmp_path / "keys.json", tmp_path / "jwks.json"
    path.write_bytes(msgspec.json.encode(entries))
    key_set.write_text(json.dumps({"keys": [signing.as_dict(private=False)]}))
    config = {"api_keys_file": path, "jwks": str(key_set), "issuer": ISSUER, "audience": AUDIENCE}
    return config, {name: secret for name, (secret, _) in made.items()}


def token(key, kid="k1", **more):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "gateway", "exp": int(time.time()) + 300}
    return jwt.encode({"alg": "RS256", "kid": kid}, {**claims, **more}, key)


class Asked:
    """The application without a socket: requests from addresses of choice."""

    def __init__(self, app):
        self.app = app

    def __call__(self, secret, peer="192.0.2.7", path=TRUST, **more):
        async def asked():
            transport = httpx.ASGITransport(self.app, client=(peer, 5000))
            async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
                headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
                method = "POST" if more else "GET"
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(asked())


def said(caplog):
    """Give the fields of each line that the API logged about refusals."""
    names = ("client", "reason", "needs", "key_id", "token_kid", "token_sub", "subject", "events")
    return [
        {name: getattr(record, name) for name in names if hasattr(record, name)}
        for record in caplog.records
        if record.message in LOGGED
    ]


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("old", {"reason": "expired_key", "key_id": "old"}),
        ("gone", {"reason": "revoked_key", "key_id": "gone"}),
        ("narrow", {"reason": "insufficient_scope", "subject": "narrow"}),
        ("hbt_guess", {"reason": "unknown_key"}),
        (None, {"reason": "missing"}),
        ("a" * 20_000, {"reason": "malformed"}),
    ],
)
def test_a_refused_key_is_one_line_that_says_who_which_and_for_what(
    installation, stores, caplog, case, line
):
    config, secrets = stores
    asked = Asked(installation.app(**config))
    secret = secrets.get(case, case)
    answer = asked(secret)
    assert answer.status_code == (403 if case == "narrow" else 401)
    assert said(caplog) == [{"client": "192.0.2.7", "needs": "trust:read", **line}]
    assert secret is None or secret not in caplog.text + str([vars(r) for r in caplog.records])
    page = asked(secrets["good"], path="/metrics").text
    assert 'habitus_api_credentials_refused_total{reason="token_key"} 0.0' in page
    assert f'habitus_api_credentials_refused_total{{reason="{line["reason"]}"}} 1.0' in page


def test_a_bad_token_is_named_by_its_kid_and_subject_and_never_repeated(
    installation, stores, signing, caplog
):
    config, _ = stores
    asked = Asked(installation.app(**config))
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    cases = [
        (token(signing, exp=1), "token_expired", "k1"),
        (token(signing, aud="other"), "token_audience", "k1"),
        (token(other), "token_signature", "k1"),
        (token(signing, kid="k2"), "token_key", "k2"),
        (token(signing, kid="\x1b[2J" + "k" * 200), "token_key", "\ufffd[2J" + "k" * 124),
    ]
    for place, (bearer, reason, kid) in enumerate(cases):
        caplog.clear()
        assert asked(bearer, peer=f"192.0.2.{place}").status_code == 401
        (line,) = said(caplog)
        assert (line["reason"], line["token_kid"], line["token_sub"]) == (reason, kid, "gateway")
        assert bearer not in str([vars(record) for record in caplog.records])


def test_an_address_that_fails_too_often_gets_429_and_a_good_key_from_it_gets_in(
    installation, stores, until
):
    config, secrets = stores
    with installation.client(**config) as client:

        def ask(secret):
            return client.get(TRUST, headers={"X-API-Key": secret})

        found = [ask(f"hbt_guess{number}").status_code for number in range(BURST + 5)]
        assert found[:BURST] == [401] * BURST
        assert found[-3:] == [429] * 3
        slowed = ask("hbt_again")
        assert slowed.headers["content-type"] == "application/problem+json"
        assert 1 <= int(slowed.headers["retry-after"]) <= 3
        # Never seen before, from the same address, in the middle of it: checked first.
        assert ask(secrets["good"]).status_code == 200
        assert client.get("/v1/agents", headers={"X-API-Key": secrets["good"]}).status_code == 200
        assert ask(secrets["narrow"]).status_code == 403
        assert ask("hbt_again").status_code == 429
        until(lambda: ask("hbt_later").status_code == 401, seconds=5)
        page = client.get("/metrics").text
        assert 'route="/v1/agents/{agent_id}/trust",status="429"' in page


def test_another_address_is_not_slowed_and_a_network_of_64_bits_is_one(installation, stores):
    config, _ = stores
    asked = Asked(installation.app(**config))
    for number in range(BURST):
        assert asked("hbt_guess", peer=f"2001:db8::{number:x}").status_code == 401
    assert asked("hbt_guess", peer="2001:db8::ffff:1").status_code == 429
    assert asked("hbt_guess", peer="2001:db8:0:1::1").status_code == 401
    assert asked("hbt_guess", peer="192.0.2.8").status_code == 401
    for path in ("/v1/agents", "/metrics"):
        assert asked("hbt_guess", peer="2001:db8::1", path=path).status_code == 429
    assert source_of("::ffff:192.0.2.8") == source_of("192.0.2.8")


def test_refused_reports_are_logged_by_number_without_names(installation, stores, caplog):
    config, secrets = stores
    asked = Asked(installation.app(**config))
    event = {"time": "2026-01-05T08:00:00Z", "tool": "t"}
    batch = [{**event, "id": str(n), "agent": {"id": f"victim-{n}"}} for n in range(3)]
    answer = asked(secrets["support"], path="/v1/actions", json=batch)
    assert answer.status_code in (202, 422)
    assert said(caplog) == [
        {"client": "192.0.2.7", "reason": "not_permitted", "subject": "support", "events": "3"}
    ]
    assert "victim" not in str([vars(record) for record in caplog.records])


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_flood_writes_few_lines_and_hides_no_recognised_credential(caplog):
    clock, metrics = Clock(), Metrics()
    found = Refusals(metrics, clock)
    for number in range(50_000):
        clock.now = number / 1000
        address = f"198.51.{number % 256}.{number // 256 % 256}"
        found.failed(address, Refused("unknown_key", "no such key"), "trust:read")
    lines = len(said(caplog))
    assert lines <= refusals.LINES + 50 * refusals.LINES_PER_S + 1
    found.failed("192.0.2.1", Refused("revoked_key", "no", {"key_id": "gone"}), "trust:read")
    found.forbidden("192.0.2.2", Principal("narrow", frozenset()), "admin")
    assert [line["reason"] for line in said(caplog)[lines:]] == [
        "revoked_key",
        "insufficient_scope",
    ]
    assert metrics.refused.labels("unknown_key")._value.get() == 50_000
    assert len(found._buckets) <= MAX_SOURCES
    clock.now += 60
    found.failed("192.0.2.3", Refused("unknown_key", "no such key"), "trust:read")
    left_out = [int(getattr(record, "not_logged", 0)) for record in caplog.records]
    assert sum(left_out) == 50_000 - lines


def test_memory_of_addresses_is_bounded():
    clock = Clock()
    found = Refusals(Metrics(), clock)
    for number in range(MAX_SOURCES + 500):
        network = f"2001:db8:{number // 65536:x}:{number % 65536:x}::1"
        found.failed(network, Refused("unknown_key", "no"), "admin")
    assert len(found._buckets) == MAX_SOURCES


def test_cached_key_skips_all_refusal_checks(installation, stores, monkeypatch):
    config, secrets = stores
    with installation.client(**config) as client:
        headers = {"X-API-Key": secrets["good"]}
        assert client.get(TRUST, headers=headers).status_code == 200
        calls = []
        monkeypatch.setattr("scoring_api.authentication.authenticator.client_of", calls.append)
        monkeypatch.setattr(
            "scoring_api.authentication.authenticator.Authenticator.authorise", calls.append
        )
        assert client.get(TRUST, headers=headers).status_code == 200
        assert calls == []
