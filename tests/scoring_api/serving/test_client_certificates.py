"""A verified client certificate is an identity; entries of the credential file give it scopes."""

from __future__ import annotations

import http.client
import json
import ssl
import time

import pytest

from pipeline.credentials.entries import make_key
from scoring_api.serving.peer import certificate_of

SHOP = "spiffe://example.com/ns/shop"
END = "Jan  5 09:34:43 2037 GMT"


def write_entries(path, *entries):
    written = path.with_suffix(".new")
    written.write_text(json.dumps(entries))
    written.replace(path)


@pytest.fixture
def request_as(authority, tmp_path):
    """Give the function that asks with a certificate of `issuer`; status and body."""

    def ask(server, method, path, body=None, *, issuer=authority, headers=None, **names):
        context = ssl.create_default_context(cafile=authority.file)
        if names:
            issuer.issue(tmp_path, "client", **names)
            context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
        client = http.client.HTTPSConnection("localhost", server.port, timeout=15, context=context)
        try:
            given = {"Content-Type": "application/json", **(headers or {})}
            client.request(method, path, body and json.dumps(body), given)
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            client.close()

    return ask


def event(agent_id):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"id": agent_id, "time": at, "agent": {"id": agent_id}, "tool": "mail.send"}


def test_a_certificate_may_do_what_its_entries_say(
    serve, authority, another_authority, request_as, tmp_path
):
    authority.issue(tmp_path, "server", dns="localhost")
    secret, key = make_key("reader", ["anomaly:read"])
    keys = tmp_path / "keys.json"
    shop = {
        "id": "shop",
        "certificate": f"{SHOP}/*",
        "scopes": ["actions:write"],
        "agents": ["{subject}"],
    }
    reads = {"id": "reads", "certificate": f"{SHOP}/refunds", "scopes": ["trust:read"]}
    gateway = {"id": "gateway", "certificate": "gateway-*.example.com", "scopes": ["trust:read"]}
    by_key = {"id": "reader", "sha256": key.sha256, "scopes": ["anomaly:read"]}
    write_entries(keys, shop, reads, gateway, by_key)
    context = ssl.create_default_context(cafile=authority.file)
    trust = "/v1/agents/a/trust"
    with serve(
        tmp_path,
        tls=context,
        TLS_CERT=str(tmp_path / "server.pem"),
        TLS_KEY=str(tmp_path / "server.key"),
        TLS_CLIENT_CA=str(authority.file),
        API_KEYS_FILE=str(keys),
    ) as server:
        assert request_as(server, "GET", trust)[0] == 401
        assert request_as(server, "GET", trust, uris=(f"{SHOP}/refunds",))[0] == 200
        assert request_as(server, "GET", trust, uris=(f"{SHOP}/other",))[0] == 403
        assert request_as(server, "GET", trust, uris=(f"{SHOP}/a/b",))[0] == 401
        assert request_as(server, "GET", trust, dns="gateway-1.example.com")[0] == 200
        assert request_as(server, "GET", trust, name="gateway-2.example.com")[0] == 200
        # A common name is no SPIFFE id, and two URIs are none either.
        assert request_as(server, "GET", trust, name=f"{SHOP}/refunds")[0] == 401
        two = (f"{SHOP}/refunds", "https://example.com")
        assert request_as(server, "GET", trust, uris=two)[0] == 401
        # What is presented in the request counts.
        wrong = {"Authorization": "Bearer hbt_wrong"}
        assert request_as(server, "GET", trust, headers=wrong, uris=two[:1])[0] == 401
        read = {"Authorization": f"Bearer {secret}"}
        assert request_as(server, "GET", "/v1/anomalies", headers=read, uris=two[:1])[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            request_as(server, "GET", trust, issuer=another_authority, uris=two[:1])
        with pytest.raises((ssl.SSLError, ConnectionError)):
            request_as(server, "GET", trust, uris=two[:1], days=-1)

        events = [event(f"{SHOP}/refunds"), event(f"{SHOP}/other")]
        status, found = request_as(server, "POST", "/v1/actions", events, uris=two[:1])
        assert status == 202
        assert [one["status"] for one in found["results"]] == ["accepted", "rejected"]
        assert found["results"][1]["reason"] == "not_permitted"

        write_entries(keys, shop | {"revoked": "2026-01-01T00:00:00Z"}, reads, by_key)
        server.until(
            lambda: request_as(server, "GET", trust, uris=(f"{SHOP}/refunds",))[0] == 401, 15
        )
        assert (
            server.metric('habitus_api_credentials_refused_total{reason="revoked_certificate"}')
            >= 1
        )
        assert "Traceback" not in server.log()


def test_new_authority_ends_connections_certified_by_the_old_one(
    serve, authority, another_authority, request_as, tmp_path, everything
):
    authority.issue(tmp_path, "server", dns="localhost")
    trusted = tmp_path / "clients.pem"
    trusted.write_bytes(authority.file.read_bytes())
    keys = tmp_path / "keys.json"
    write_entries(keys, {"id": "a", "certificate": f"{SHOP}/*", "scopes": ["trust:read"]})
    context = ssl.create_default_context(cafile=authority.file)
    files = {"TLS_CERT": str(tmp_path / "server.pem"), "TLS_KEY": str(tmp_path / "server.key")}
    asked = {"uris": (f"{SHOP}/refunds",)}
    with (
        serve(
            tmp_path,
            tls=context,
            TLS_CLIENT_CA=str(trusted),
            API_KEYS_FILE=str(keys),
            **files,
        ) as server,
        server.connect() as kept,
    ):
        assert request_as(server, "GET", "/v1/agents/a/trust", **asked)[0] == 200
        kept.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        trusted.write_bytes(another_authority.file.read_bytes())
        begun = time.monotonic()
        assert everything(kept).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begun < 15  # idle connections have 30 s
        with pytest.raises((ssl.SSLError, ConnectionError)):
            request_as(server, "GET", "/v1/agents/a/trust", **asked)
        other = request_as(server, "GET", "/v1/agents/a/trust", issuer=another_authority, **asked)
        assert other[0] == 200


@pytest.mark.parametrize(
    ("names", "common", "subject"),
    [
        ((("URI", f"{SHOP}/a"),), "a", f"{SHOP}/a"),
        ((("DNS", "a.example.com"), ("URI", f"{SHOP}/a")), "", f"{SHOP}/a"),
        ((("URI", f"{SHOP}/a"), ("URI", f"{SHOP}/b")), "", None),
        ((("URI", "https://a"), ("URI", "SPIFFE://example.com/b")), "", None),
        ((("URI", "https://a.example.com/"),), "a", "https://a.example.com/"),
        ((("DNS", "a.example.com"), ("DNS", "b.example.com")), "c", "a.example.com"),
        ((("email", "a@example.com"),), "c", "a@example.com"),
        ((), "a.example.com", "a.example.com"),
        ((), f"{SHOP}/a", None),
        ((("DNS", f"{SHOP}/a"),), "", None),
        ((), "a\u202eb", None),
        ((), "", None),
    ],
)
def test_subject_of_a_certificate_is_its_alternative_or_common_name(names, common, subject):
    parts = ((("commonName", common),),) if common else ()
    found = certificate_of({"subjectAltName": names, "subject": parts, "notAfter": END})
    assert found.subject == subject
