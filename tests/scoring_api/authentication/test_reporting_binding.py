"""An agent of one credential does not write for another."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from models.errors import ConfigError
from pipeline.credentials.entries import Credentials, make_key, read_credentials

SHOP = "spiffe://example.com/ns/shop"
ISSUER, AUDIENCE = "https://issuer.example.com", "habitus"


def event(agent_id, number=1):
    return {
        "id": f"e-{number}",
        "time": "2026-01-05T08:00:00Z",
        "agent": {"id": agent_id},
        "tool": "mail.send",
    }


def kept(installation):
    return [json.loads(value) for _, value, _ in installation.store.inbox_batch(0, 10_000)]


def bound_key(path, **more):
    secret, entry = make_key("support", ["actions:write"], **more)
    path.write_bytes(msgspec.json.encode([entry]))
    return secret


def test_events_of_other_agents_are_refused_one_by_one(installation, tmp_path):
    path = tmp_path / "keys.json"
    secret = bound_key(path, agents=["support-*", f"{SHOP}/*"])
    ids = ["support-4", "payments-1", f"{SHOP}/refunds", f"{SHOP}/sa/refunds", "support-5"]
    with installation.client(api_keys_file=path, key=secret) as client:
        answer = client.post("/v1/actions", json=[event(one, n) for n, one in enumerate(ids)])
        page = client.get("/metrics").text
    assert answer.status_code == 202
    found = answer.json()["results"]
    assert [one["status"] for one in found] == [
        "accepted", "rejected", "accepted", "rejected", "accepted",
    ]  # fmt: skip
    assert {one["reason"] for one in found} == {None, "not_permitted"}
    assert found[1]["detail"] == "the credential may not report this agent, expected one of its own"
    assert [one["agent"]["id"] for one in kept(installation)] == [ids[0], ids[2], ids[4]]
    assert 'habitus_api_actions_total{reason="not_permitted",status="rejected"} 2.0' in page


def test_a_key_without_a_binding_reports_all_and_an_empty_one_none(installation, tmp_path):
    for agents, status in ((None, "accepted"), ([], "rejected")):
        path = tmp_path / f"{status}.json"
        secret = bound_key(path, agents=agents)
        with installation.client(api_keys_file=path, key=secret) as client:
            answer = client.post("/v1/actions", json=[event("a"), {"id": "no event"}])
            results = answer.json()["results"]
            assert [one["status"] for one in results] == [status, "rejected"]


def test_the_agent_that_is_checked_is_the_agent_that_is_judged(installation, tmp_path):
    """A second `agent` member of the same object must not smuggle another one in."""
    path = tmp_path / "keys.json"
    secret = bound_key(path, agents=["support-*"])
    start = '{"id":"e","time":"2026-01-05T08:00:00Z","tool":"t","agent":{"id":"support-4"'
    smuggled = [
        start + '},"agent":{"id":"victim"}}',
        start + ',"id":"victim"}}',
        start + '},"\\u0061gent":{"id":"victim"}}',
    ]
    with installation.client(api_keys_file=path, key=secret) as client:
        for body in smuggled:
            client.post("/v1/actions", content=body, headers={"Content-Type": "application/json"})
    assert kept(installation) == []


@pytest.fixture(scope="module")
def signing():
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@pytest.fixture
def tokens(installation, tmp_path, signing):
    """Give what the results are of a token's events, by its claims and the credential file."""
    key_set = tmp_path / "jwks.json"
    key_set.write_text(json.dumps({"keys": [signing.as_dict(private=False)]}))

    def report(entries, agent_ids, **more):
        config = {"jwks": str(key_set), "issuer": ISSUER, "audience": AUDIENCE}
        if entries:
            config["api_keys_file"] = tmp_path / "credentials.json"
            config["api_keys_file"].write_text(json.dumps(entries))
        claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300, **more}
        claims["scope"] = "actions:write"
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, signing)
        with installation.client(key=token, **config) as client:
            answer = client.post("/v1/actions", json=[event(one) for one in agent_ids])
        if answer.status_code == 401:
            return answer.json()["detail"]
        return [one["status"] != "rejected" for one in answer.json()["results"]]

    return report


def test_the_subject_of_a_token_is_bound_by_the_credential_file(tokens):
    entries = [
        {"id": "gateway", "subject": "gateway", "agents": ["support-*"]},
        {"id": "shop", "subject": f"{SHOP}/**", "agents": ["{subject}"]},
        {"id": "ops", "subject": "ops"},
    ]
    ids = ["support-4", f"{SHOP}/sa/refunds", f"{SHOP}/sa/orders", "*"]
    assert tokens(entries, ids, sub="gateway") == [True, False, False, False]
    assert tokens(entries, ids, sub=f"{SHOP}/sa/refunds") == [False, True, False, False]
    assert tokens(entries, ids, sub="ops") == [True] * 4
    assert tokens([], ids, sub="gateway") == [True] * 4


def test_token_of_an_unbound_subject_reports_no_agent_if_others_are_bound(tokens):
    entries = [{"id": "gateway", "subject": "gateway", "agents": ["support-*"]}]
    assert tokens(entries, ["support-4"], sub="stranger") == [False]
    assert tokens(entries, ["support-4"]) == [False]


def test_the_issuer_can_narrow_a_token_further(tokens):
    entries = [{"id": "gateway", "subject": "gateway", "agents": ["support-*"]}]
    ids = ["support-4", "support-5", "payments-1"]
    claim = {"sub": "gateway", "habitus_agents": ["support-4", "payments-*"]}
    assert tokens([], ids, **claim) == [True, False, True]
    assert tokens(entries, ids, **claim) == [True, False, False]
    for broken in ("support-4", ["a*b*c"], [1], {}):
        assert "habitus_agents" in tokens([], ids, sub="gateway", habitus_agents=broken)


def test_revoked_subject_is_refused_despite_other_entries(tokens):
    entries = [
        {"id": "all", "subject": "**"},
        {"id": "left", "subject": "gateway", "revoked": "2026-01-01T00:00:00Z"},
    ]
    assert "revoked" in tokens(entries, ["a"], sub="gateway")
    assert tokens(entries, ["a"], sub="other") == [True]


KEY = {"id": "a", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"id": "a"}, "credential 'a' must have one of: sha256, subject, certificate"),
        ({**KEY, "subject": "b"}, "must have one of"),
        ({**KEY, "agents": ["a*b*c"]}, "agent pattern 'a*b*c' may have one *"),
        ({**KEY, "agents": ["{subject}"]}, "is the name in a token"),
        ({"id": "a", "subject": "b", "scopes": ["admin"]}, "a token has its own"),
        ({"id": "a", "subject": "b?"}, "its one wildcard is *"),
        ({**KEY, "scopes": ["trust:raed"]}, "did you mean trust:read?"),
        ({**KEY, "id": "a b"}, "white space"),
        ({**KEY, "certificate": "spiffe://example.com/a"}, "must have one of"),
        ({**KEY, "certificates": "spiffe://example.com/a"}, "unknown field"),
    ],
)
def test_an_entry_with_a_fault_is_refused_by_its_name(tmp_path, entry, fault):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(ConfigError) as error:
        read_credentials(path)
    assert fault in str(error.value)
    assert "0" * 64 not in str(error.value)


def test_a_hash_or_an_id_is_used_once():
    (_, one), (_, two) = make_key("one", []), make_key("two", [])
    for twice in ([one, one], [one, msgspec.structs.replace(two, sha256=one.sha256)]):
        with pytest.raises(ConfigError, match="twice"):
            Credentials.of(twice)
