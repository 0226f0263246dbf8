"""Which agents there are, where they stand, and what moved them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from msgspec.structs import replace

from models.trust.levels import LevelState

HELPDESK = "spiffe://example.com/ns/it/sa/helpdesk"


@pytest.fixture
def fleet(installation):
    critical = installation.item(severity="critical")
    installation.put(
        installation.state(),
        installation.state(
            HELPDESK, items=(critical, installation.item("k2", "low")), role="helpdesk"
        ),
        installation.state(
            "young", days=3, level="watch", state="learning", owner="it@example.com"
        ),
        installation.state("young", mode="autonomous", days=1, state="learning", registered=False),
    )
    with installation.client() as client:
        yield client


def names(client, **question):
    response = client.get("/v1/agents", params=question)
    assert response.status_code == 200, response.text
    return [row["agent_id"] for row in response.json()["agents"]]


def test_agents_come_least_trusted_first(fleet, installation):
    page = fleet.get("/v1/agents").json()
    lowers = [row["lower"] for row in page["agents"]]
    assert lowers == sorted(lowers)
    assert page["total"] == 3
    assert page["agents"][-1]["agent_id"] == installation.REFUNDS
    assert page["next_cursor"] is None


def test_agents_are_chosen_by_level_state_role_owner_and_words(fleet, installation):
    assert names(fleet, level="trusted") == [installation.REFUNDS]
    assert names(fleet, state="learning") == ["young"]
    assert names(fleet, role="helpdesk") == [HELPDESK]
    assert names(fleet, owner="it@example.com") == ["young"]
    assert names(fleet, q="HELPD") == [HELPDESK]
    assert names(fleet, q="shop@", level="trusted") == [installation.REFUNDS]
    assert names(fleet, q="nothing like it") == []
    assert fleet.get("/v1/agents", params={"level": "other"}).status_code == 400


def test_pages_are_walked_without_gap_or_repeat(fleet):
    got, cursor = [], None
    for _ in range(5):
        page = fleet.get(
            "/v1/agents", params={"limit": 1, **({"cursor": cursor} if cursor else {})}
        )
        got += [row["agent_id"] for row in page.json()["agents"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert got == names(fleet)


@pytest.mark.parametrize("cursor", ["x", "é", "bm90", "W10", "WyJhIiwxXQ", "===="])
def test_foreign_cursor_is_a_bad_request(fleet, cursor):
    for route in ("/v1/agents", "/v1/anomalies"):
        response = fleet.get(route, params={"cursor": cursor})
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"


def test_one_agent_is_described_overall_and_by_mode(fleet):
    found = fleet.get("/v1/agents/young").json()
    assert found["modes"] == ["autonomous", "delegated"]
    assert [answer["mode"] for answer in found["by_mode"]] == ["autonomous", "delegated"]
    assert found["trust"]["mode"] == "autonomous"
    assert found["events"] == 80
    assert found["registered"] is True
    assert found["state"] == "learning"


def test_ids_with_slashes_work_for_every_sub_resource(fleet):
    for form in (HELPDESK, quote(HELPDESK, safe="")):
        for rest in ("", "/evidence", "/history", "/trust"):
            response = fleet.get(f"/v1/agents/{form}{rest}")
            assert response.status_code == 200
            assert response.json()["agent_id"] == HELPDESK


@pytest.mark.parametrize("rest", ["", "/evidence", "/history"])
def test_agent_without_events_is_not_in_the_inventory(fleet, rest):
    assert fleet.get(f"/v1/agents/nobody{rest}").status_code == 404


def test_evidence_gives_each_item_its_exact_effect(fleet):
    trust = fleet.get(f"/v1/agents/{HELPDESK}/trust").json()
    items = fleet.get(f"/v1/agents/{HELPDESK}/evidence").json()["items"]
    assert [item["severity"] for item in items] == ["critical", "low"]
    assert items[0]["effect"] < items[1]["effect"] < 0
    assert abs(items[0]["effect"] - trust["reasons"][0]["effect"]) < 1
    assert items[0]["half_life_days"] == 30.0
    assert items[0]["halves_at"] > items[0]["at"]


def test_a_dismissed_item_is_shown_without_an_effect(installation, fleet, until):
    dismissed = replace(installation.item(), status="dismissed")
    state = installation.state(HELPDESK, items=(dismissed,))
    installation.put(state)
    path = f"/v1/agents/{HELPDESK}/evidence"
    until(lambda: fleet.get(path).json()["items"][0]["status"] == "dismissed")
    item = fleet.get(path).json()["items"][0]
    assert (item["effect"], item["half_life_days"]) == (0.0, None)


def test_history_shows_the_fall_on_the_day_of_the_item(fleet):
    history = fleet.get(f"/v1/agents/{HELPDESK}/history", params={"days": 5}).json()
    scores = [point["score"] for point in history["points"]]
    assert len(scores) == 6
    assert scores[3] > 85
    assert scores[5] < 60
    now = fleet.get(f"/v1/agents/{HELPDESK}").json()["score"]
    assert abs(scores[5] - now) <= 1


def test_history_does_not_reach_back_before_the_agent(fleet):
    points = fleet.get("/v1/agents/young/history", params={"days": 30}).json()["points"]
    assert 1 <= len(points) <= 4


def test_a_quarantine_shows_in_the_inventory_as_high_risk(installation, fleet, until):
    level_state = LevelState(level="trusted", gate="quarantined")
    installation.put(installation.state(HELPDESK, level_state=level_state))
    until(lambda: fleet.get(f"/v1/agents/{HELPDESK}").json()["gate"] == "quarantined")
    assert fleet.get(f"/v1/agents/{HELPDESK}").json()["risk_level"] == "HIGH"
