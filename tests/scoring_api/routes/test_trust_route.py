"""One keyed look-up, how long it holds, and what a caller may keep."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from models.trust.levels import LevelState
from models.trust.opinion import TrustPolicy


def path_of(agent_id: str) -> str:
    return f"/v1/agents/{quote(agent_id, safe='')}/trust"


def max_age(response) -> int:
    return int(re.fullmatch(r"private, max-age=(\d+)", response.headers["cache-control"])[1])


def test_an_agent_is_found_by_its_id_encoded_or_plain(installation, client, until):
    installation.put(installation.state())
    encoded = path_of(installation.REFUNDS)
    until(lambda: client.get(encoded).json()["state"] == "active")
    plain = client.get(f"/v1/agents/{installation.REFUNDS}/trust")
    assert plain.json() == client.get(encoded).json()
    assert plain.json()["agent_id"] == installation.REFUNDS
    assert plain.json()["level"] == "trusted"


def test_an_id_that_ends_like_a_route_is_found_encoded(installation, client, until):
    odd = "jobs/trust"
    installation.put(installation.state(odd))
    until(lambda: client.get(path_of(odd)).json()["state"] == "active")
    assert client.get("/v1/agents/jobs%2Ftrust").json()["agent_id"] == odd


def test_an_unknown_agent_is_a_normal_answer_with_nothing_known(client):
    answer = client.get(path_of("nobody"))
    assert answer.status_code == 200
    assert answer.json()["state"] == "unknown"
    assert (answer.json()["uncertainty"], answer.json()["level"]) == (1.0, "restricted")


def test_max_age_ends_at_valid_until(installation, client, until):
    installation.put(installation.state())
    until(lambda: client.get(path_of(installation.REFUNDS)).json()["state"] == "active")
    response = client.get(path_of(installation.REFUNDS))
    until_when = datetime.fromisoformat(response.json()["valid_until"])
    left = until_when - datetime.now(until_when.tzinfo)
    assert 0 <= left.total_seconds() - max_age(response) < 1.1


def test_irreversible_operation_shortens_the_validity_of_the_answer(installation, client, until):
    installation.put(installation.state())
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["state"] == "active")
    assert max_age(client.get(f"{path}?operation=pay")) <= 30
    assert 60 < max_age(client.get(f"{path}?operation=read")) <= 300


def test_caller_with_the_answer_gets_304_without_a_body(installation, client, until):
    installation.put(installation.state())
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["state"] == "active")
    tag = client.get(path).headers["etag"]
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "cache-control" in again.headers
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_s2_the_same_etag_is_the_same_body_and_new_evidence_another(installation, client, until):
    installation.put(installation.state())
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["state"] == "active")
    bodies: dict[str, bytes] = {}
    for _ in range(20):
        response = client.get(path)
        assert bodies.setdefault(response.headers["etag"], response.content) == response.content
    before = client.get(path)
    installation.put(installation.state(items=(installation.item(),)))
    until(lambda: client.get(path).json()["reasons"] != [])
    after = client.get(path)
    assert after.headers["etag"] != before.headers["etag"]
    assert after.json()["score"] < before.json()["score"]
    assert after.json()["reasons"][0]["id"] == "anomaly-k1"


def test_s1_no_answer_is_served_past_its_valid_until(installation, until):
    policy = TrustPolicy(ttl_s={"unknown": 1})
    installation.put(installation.state())
    with installation.client(policy) as client:
        path = path_of(installation.REFUNDS)
        until(lambda: client.get(path).json()["state"] == "active")
        seen = set()
        end = datetime.now().astimezone() + timedelta(seconds=2.5)
        while (now := datetime.now().astimezone()) < end:
            answer = client.get(path).json()
            seen.add(answer["computed_at"])
            assert now <= datetime.fromisoformat(answer["valid_until"])
        assert len(seen) >= 3


def test_default_mode_is_the_least_trusted_one(installation, client, until):
    installation.put(
        installation.state(),
        installation.state(mode="autonomous", items=(installation.item(),)),
    )
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["mode"] == "autonomous")
    assert client.get(f"{path}?mode=delegated").json()["score"] > client.get(path).json()["score"]
    assert client.get(f"{path}?mode=delegated").json()["mode"] == "delegated"
    assert client.get(f"{path}?mode=unknown").json()["state"] == "unknown"


def test_a_quarantined_agent_gets_no_credentials(installation, client, until):
    level_state = LevelState(level="trusted", gate="quarantined")
    installation.put(installation.state(level_state=level_state))
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["state"] == "active")
    answer = client.get(path).json()
    assert answer["gate"] == "quarantined"
    assert answer["obligations"] == {"max_credential_ttl_s": 0, "step_up": True}


@pytest.mark.parametrize(
    "query", ["mode=other", "operation=fly", "mode=delegated&mode=other", "operation="]
)
def test_invalid_question_is_a_bad_request(client, query):
    response = client.get(f"{path_of('a')}?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert "other" not in response.json()["detail"]


def test_the_ordinary_route_gives_the_same_answer(installation, client, until):
    installation.put(installation.state())
    path = path_of(installation.REFUNDS)
    until(lambda: client.get(path).json()["state"] == "active")
    # The order of the questions is not one the fast route knows.
    usual = client.get(f"{path}?operation=read&mode=delegated")
    fast = client.get(f"{path}?mode=delegated&operation=read")
    assert usual.content == fast.content
    assert usual.headers["etag"] == fast.headers["etag"]
    assert usual.headers["cache-control"] == fast.headers["cache-control"]
    again = client.get(
        f"{path}?operation=read&mode=delegated", headers={"If-None-Match": fast.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_an_id_that_is_too_long_is_a_bad_request(client):
    assert client.get(path_of("a" * 257)).status_code == 400
    assert client.get(path_of("a" * 256)).status_code == 200


def test_many_agents_are_answered_in_the_order_asked(installation, client, until):
    installation.put(installation.state(), installation.state("b"))
    until(lambda: client.get(path_of("b")).json()["state"] == "active")
    asked = ["b", "nobody", installation.REFUNDS, "b"]
    response = client.post("/v1/trust/query", json={"agents": asked})
    assert response.status_code == 200
    answers = response.json()["answers"]
    assert [answer["agent_id"] for answer in answers] == asked
    assert [answer["state"] for answer in answers] == ["active", "unknown", "active", "active"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agents": []},
        {"agents": ["a"] * 1001},
        {"agents": "secret-text"},
        {"agents": [""]},
        {"agents": ["a"], "mode": "secret-text"},
        {"agents": ["a"], "secret-text": 1},
        ["secret-text"],
    ],
)
def test_a_query_that_does_not_fit_is_400_and_repeats_nothing(client, body):
    response = client.post("/v1/trust/query", json=body)
    assert response.status_code == 400
    assert set(response.json()) == {"type", "title", "status", "detail"}
    if "secret-text" not in body:
        assert "secret-text" not in response.text


def test_query_without_json_content_type_is_415(client):
    body = b'{"agents":["a"]}'
    response = client.post("/v1/trust/query", content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert response.headers["content-type"] == "application/problem+json"
