"""How much of the fleet the inventory covers, as the API says it."""

from __future__ import annotations

import pytest

from models.units import DAY_US

NAMES = ("clerk-1", "clerk-2", "ghost", "retired")
INVENTORY = """
- {agent_id: clerk-1, role: clerk, owner: ana@example.com, review_date: 2099-01-01}
- {agent_id: clerk-2, sponsor: bo@example.com, review_date: 2020-01-01}
- {agent_id: retired, owner: ana@example.com}
- {agent_id: planned, role: porter}
"""
NONE = {"registered", "shadow", "unowned", "unreviewed", "overdue", "dormant", "stale"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return path


@pytest.fixture
def fleet(installation, file):
    old = installation.now_us() - 40 * DAY_US
    installation.put(
        *(installation.state(name, owner=None) for name in NAMES[:3]),
        installation.state("retired", at_us=old),
    )
    with installation.client(inventory=file) as client:
        yield client


def page(client, **asked):
    answer = client.get("/v1/agents", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(client, group, **asked):
    found = page(client, group=group, **asked)
    assert found["total"] == len(found["agents"])
    assert all(group in row["groups"] for row in found["agents"])
    return {row["agent_id"] for row in found["agents"]}


def test_each_group_lists_its_agents(fleet):
    assert names(fleet, "registered") == {"clerk-1", "clerk-2"}
    assert names(fleet, "shadow") == {"ghost"}
    assert names(fleet, "unowned") == {"ghost", "planned"}
    assert names(fleet, "unreviewed") == {"retired", "planned"}
    assert names(fleet, "overdue") == {"clerk-2"}
    assert names(fleet, "dormant") == {"retired", "planned"}
    assert names(fleet, "stale") == set()
    assert fleet.get("/v1/agents", params={"group": "lost"}).status_code == 400


def test_summary_counts_seen_and_registered_agents(fleet, until):
    until(lambda: page(fleet)["coverage"] is not None)
    found = page(fleet)["coverage"]
    found.pop("as_of")
    assert found == {
        "seen": 3, "entries": 4, "share": 0.6667, "registered": 2, "shadow": 1, "unowned": 2,
        "unreviewed": 2, "overdue": 1, "dormant": 2, "stale": 0,
    }  # fmt: skip


def test_registered_agent_that_never_acted_has_a_row(fleet):
    found = page(fleet, group="dormant", role="porter")
    (row,) = found["agents"]
    assert (row["agent_id"], row["state"], row["events"]) == ("planned", "unknown", 0)
    assert row["first_seen"] is row["last_seen"] is None
    assert page(fleet, group="dormant", q="PLAN")["total"] == 1
    assert page(fleet, group="dormant", owner="nobody")["total"] == 0
    assert names(fleet, "dormant", state="unknown") == {"planned"}
    assert names(fleet, "dormant", level="trusted") == set()
    assert "planned" not in {one["agent_id"] for one in page(fleet)["agents"]}


def test_agent_with_security_events_alone_has_not_been_seen(installation, file):
    state = installation.state("planned")
    state.last_seen_us = 0
    installation.put(state)
    with installation.client(inventory=file) as client:
        for row in (page(client)["agents"][0], client.get("/v1/agents/planned").json()):
            assert row["first_seen"] is row["last_seen"] is None
            assert row["events"] > 0


def test_pages_of_a_group_have_each_agent_once(fleet):
    got, cursor = [], {}
    for _ in range(3):
        found = page(fleet, group="unreviewed", limit=1, **cursor)
        got += [row["agent_id"] for row in found["agents"]]
        if found["next_cursor"] is None:
            break
        cursor = {"cursor": found["next_cursor"]}
    assert sorted(got) == ["planned", "retired"]


def test_row_has_sponsor_and_review_date(fleet):
    row = fleet.get("/v1/agents/clerk-2").json()
    assert (row["sponsor"], row["review_date"]) == ("bo@example.com", "2020-01-01")
    assert fleet.get("/v1/agents/ghost").json()["sponsor"] is None


def test_changed_inventory_takes_effect_without_a_restart(fleet, file, until):
    until(lambda: fleet.get("/v1/agents/ghost").json()["registered"] is False)
    assert fleet.get("/v1/agents/ghost").json()["owner"] is None
    file.write_text(INVENTORY + "- {agent_id: ghost, owner: eve@example.com}\n")
    until(lambda: fleet.get("/v1/agents/ghost").json()["registered"] is True)
    assert fleet.get("/v1/agents/ghost").json()["owner"] == "eve@example.com"
    until(lambda: names(fleet, "shadow") == set())


def test_broken_inventory_leaves_the_one_before_in_effect(fleet, file, until, caplog):
    file.write_text("- {owner: nobody}\n")
    until(lambda: any(one.message == "inventory_kept" for one in caplog.records))
    assert fleet.get("/v1/agents/clerk-1").json()["registered"] is True
    assert names(fleet, "shadow") == {"ghost"}


def test_groups_are_metrics(fleet, until):
    def shown():
        return fleet.get("/metrics").text.splitlines()

    until(lambda: 'habitus_inventory_agents{group="unowned"} 2.0' in shown())
    assert "habitus_inventory_coverage_ratio 0.6667" in shown()
    assert "habitus_inventory_entries 4.0" in shown()
    assert "habitus_inventory_seen_agents 3.0" in shown()


def test_installation_with_no_inventory_has_no_coverage_ratio(installation, until):
    installation.put(installation.state("a", owner=None))
    with installation.client() as client:
        until(lambda: page(client)["coverage"] is not None)
        found = page(client)["coverage"]
        assert (found["seen"], found["entries"], found["share"]) == (1, None, None)
        assert (found["unowned"], found["shadow"]) == (1, 0)
        until(lambda: "habitus_inventory_seen_agents 1.0" in client.get("/metrics").text)
        assert "habitus_inventory_coverage_ratio" not in client.get("/metrics").text
