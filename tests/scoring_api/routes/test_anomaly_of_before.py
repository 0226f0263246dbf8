"""Anomalies that the judge before 0.3 found are given as it wrote them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("pool", ["agent", "newcomers"])
def test_anomaly_of_the_judge_before_is_given_unchanged(installation: Any, pool: str) -> None:
    old = installation.anomaly(1, ground="event", p_pool=pool, together_p=0.01)
    findings = old.pop("findings")
    installation.put(installation.state())
    installation.find(old)
    with installation.client() as client:
        one = client.get(f"/v1/anomalies/{old['id']}")
        page = client.get("/v1/anomalies")
    assert (one.status_code, page.status_code) == (200, 200)
    assert one.json().items() >= {"id": old["id"], "p_pool": pool, "status": "open"}.items()
    assert [found["id"] for found in page.json()["anomalies"]] == [old["id"]]
    for found in (one.json(), *page.json()["anomalies"]):
        assert [kind["why"] for kind in found["findings"]] == [findings[0]["why"]]
