"""What is unusual, and paging through it."""

from __future__ import annotations

import pytest


@pytest.fixture
def found(installation):
    installation.find(
        *(installation.anomaly(n) for n in range(5)),
        installation.anomaly(7, agent_id="b", severity="low"),
        installation.anomaly(8, anomaly="tool.new"),
    )
    with installation.client() as client:
        yield client


def ids(client, **question):
    return [a["id"] for a in client.get("/v1/anomalies", params=question).json()["anomalies"]]


def test_anomalies_come_newest_first_with_their_reasons(found, installation):
    page = found.get("/v1/anomalies").json()
    assert [a["id"] for a in page["anomalies"]][:2] == ["anomaly-8", "anomaly-7"]
    assert page["anomalies"][-1] == installation.anomaly(0)
    assert page["next_cursor"] is None


def test_anomalies_are_chosen_by_agent_severity_kind_and_time(found):
    assert ids(found, agent="b") == ["anomaly-7"]
    assert ids(found, severity="low") == ["anomaly-7"]
    assert ids(found, kind="tool.new") == ["anomaly-8"]
    assert ids(found, since="2026-01-05T08:07:00Z") == ["anomaly-8", "anomaly-7"]
    assert ids(found, since="2026-01-05T10:07:00+02:00") == ["anomaly-8", "anomaly-7"]
    assert found.get("/v1/anomalies", params={"since": "2026-01-05T08:07:00"}).status_code == 400


def test_pages_are_walked_without_gap_or_repeat(found):
    got, cursor = [], None
    while True:
        question = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = found.get("/v1/anomalies", params=question).json()
        got += [a["id"] for a in page["anomalies"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert got == ids(found)
    assert len(set(got)) == 7


def test_one_anomaly_is_found_by_its_id(found, installation):
    assert found.get("/v1/anomalies/anomaly-3").json() == installation.anomaly(3)
    assert found.get("/v1/anomalies/absent").status_code == 404
