"""Who gets as far as a route: loopback rules, sizes, headers, and errors that tell nothing."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from models.errors import ConfigError
from pipeline.credentials.entries import make_key
from pipeline.store import Commit, PipelineStatus
from scoring_api.app import create_app
from scoring_api.config import ApiConfig, check_bind

TRUST = "/v1/agents/a/trust"


@pytest.mark.parametrize("path", [TRUST, "/v1/agents", "/console/", "/livez", "/metrics"])
def test_only_loopback_names_are_answered_without_credentials(client, path):
    for host in ("127.0.0.1:80", "localhost", "[::1]:8765"):
        assert client.get(path, headers={"Host": host}).status_code == 200, host
    for host in ("attacker.example.com", "192.0.2.1", "127.0.0.1.example.com", "127.0.0.1@x", ""):
        assert client.get(path, headers={"Host": host}).status_code == 421, host


@pytest.mark.parametrize("origin", ["https://attacker.example.com", "null", "file://", "x"])
def test_pages_of_other_origins_are_refused_without_credentials(client, origin):
    for method, path in (("POST", "/v1/actions"), ("GET", TRUST), ("GET", "/v1/agents")):
        response = client.request(method, path, headers={"Origin": origin})
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers
    assert client.get(TRUST, headers={"Origin": "http://127.0.0.1:8765"}).status_code == 200


def ask(app, path, peer, **headers):
    async def asked():
        transport = httpx.ASGITransport(app, client=(peer, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(asked())


def test_other_machines_are_refused_without_credentials(installation):
    app = installation.app()
    for path in (TRUST, "/v1/agents", "/livez", "/console/"):
        assert ask(app, path, "192.0.2.7").status_code == 403
        assert ask(app, path, "::ffff:192.0.2.7").status_code == 403
    assert ask(app, "/livez", "::1").status_code == 200
    assert ask(app, TRUST, "127.0.0.1").status_code == 503  # let in, and not loaded yet


def test_metrics_need_loopback_or_the_scope_of_anomalies(installation, tmp_path):
    (scraper, one), (reader, two) = (
        make_key("ops", ["anomaly:read"]),
        make_key("pdp", ["trust:read"]),
    )
    path = tmp_path / "keys.json"
    path.write_text(
        f'[{{"id":"ops","sha256":"{one.sha256}","scopes":["anomaly:read"]}},'
        f'{{"id":"pdp","sha256":"{two.sha256}","scopes":["trust:read"]}}]'
    )
    app = installation.app(api_keys_file=path)
    afar = "192.0.2.7"
    assert ask(app, "/metrics", afar).status_code == 401
    assert ask(app, "/metrics", afar, **{"X-API-Key": reader}).status_code == 403
    assert ask(app, "/metrics", afar, **{"X-API-Key": scraper}).status_code == 200
    assert ask(app, "/metrics", "127.0.0.1").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "habitus.example.com", ""])  # noqa: S104  # refused
def test_listening_beyond_loopback_needs_a_credential_store(host, tmp_path, installation):
    with pytest.raises(ConfigError, match="loopback only"):
        check_bind(host, ApiConfig())
    check_bind(host, ApiConfig(api_keys_file=tmp_path / "keys.json"))
    if host and ":" not in host:
        with pytest.raises(ConfigError, match="loopback only"):
            create_app(installation.store, lambda _: None, ApiConfig(listen=f"{host}:8765"))


@pytest.mark.parametrize("listen", ["", "8765", "127.0.0.1", "127.0.0.1:http", ":8765"])
def test_invalid_address_is_named(listen):
    with pytest.raises(ConfigError, match="HOST:PORT"):
        ApiConfig(listen=listen).validate()


def test_a_body_that_is_too_large_is_refused_announced_or_not(installation):
    with installation.client(max_body=1000) as client:
        for path in ("/v1/actions", "/v1/trust/query"):
            headers = {"Content-Type": "application/json"}
            announced = client.post(path, content=b" " * 1001, headers=headers)
            assert announced.status_code == 413
            assert announced.headers["content-type"] == "application/problem+json"
            pieces = (b" " * 300 for _ in range(5))
            unannounced = client.post(path, content=pieces, headers=headers)
            assert unannounced.status_code == 413
            assert unannounced.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/agents/", 404),
        ("GET", "/v1/agents/a/nothing", 404),
        ("DELETE", "/v1/agents", 405),
        ("GET", "/v1/actions", 405),
        ("POST", TRUST, 405),
        ("GET", "/console/../app.py", 404),
        ("GET", "/console/%2e%2e%2fapp.py", 404),
    ],
)
def test_missing_route_is_a_problem_document(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_internal_error_is_500_without_details(installation):
    app = installation.app()

    async def broken():
        raise RuntimeError("secret-text")

    app.api.add_api_route("/broken", broken)
    with installation.served(app) as url:
        response = httpx.get(f"{url}/broken")
    assert response.status_code == 500
    assert "secret-text" not in response.text
    assert response.json()["title"] == "Internal Server Error"


def test_pages_may_load_nothing_from_elsewhere(client):
    for path in ("/", "/console/", "/docs", "/v1/agents", "/nothing"):
        response = client.get(path)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["location"] == "/console/"


def test_metrics_count_by_route_and_never_by_agent(client):
    for number in range(3):
        client.get(f"/v1/agents/agent-{number}/trust")
    client.get("/v1/agents/absent")
    page = client.get("/metrics").text
    route = "/v1/agents/{agent_id}/trust"
    assert f'habitus_api_requests_total{{route="{route}",status="200"}} 3.0' in page
    assert 'route="/v1/agents/{agent_id}",status="404"' in page
    assert "agent-1" not in page
    assert "habitus_api_stale 0.0" in page


def test_metrics_show_counters_of_the_pipeline(installation, until):
    counters = {"events": 7, "rejected_not_utf8": 2, "anomalies_tool.new": 1}
    installation.store.commit(Commit(counters=counters))
    with installation.client() as client:
        until(lambda: "habitus_pipeline_events_total 7.0" in client.get("/metrics").text)
        page = client.get("/metrics").text
        assert 'habitus_pipeline_rejected_total{reason="not_utf8"} 2.0' in page
        assert 'habitus_pipeline_anomalies_total{anomaly="tool.new"} 1.0' in page
        assert "process_resident_memory_bytes" in page


def test_metrics_show_the_lag_of_each_partition(installation, until):
    now_us = time.time_ns() // 1_000
    lags = {"kafka:agent.actions:0": 0, "kafka:agent.actions:1": 90_000_000}
    status = PipelineStatus("running", now_us, now_us, 90_000_000, lags, 17)
    installation.store.commit(Commit(status=status))

    def late(partition: int) -> float:
        name = f'habitus_pipeline_lag_seconds{{partition="kafka:agent.actions:{partition}"}} '
        line = client.get("/metrics").text.partition(name)[2].partition("\n")[0]
        return float(line or -1)

    with installation.client() as client:
        until(lambda: late(0) >= 0)
        assert 0 <= late(0) < 30
        assert 90 <= late(1) < 120
        assert "habitus_pipeline_waiting_messages 17.0" in client.get("/metrics").text
