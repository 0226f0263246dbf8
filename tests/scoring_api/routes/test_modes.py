"""To ask for one mode hides no credential that is compromised in another."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace


def stolen(installation: Any) -> Any:
    return replace(installation.item("stolen", "critical"), anomaly="cred.reuse", facet="identity")


@pytest.fixture
def path(installation, client, until) -> str:
    installation.put(
        installation.state(mode="delegated", days=120),
        installation.state(mode="autonomous", days=120),
    )
    found = f"/v1/agents/{quote(installation.REFUNDS, safe='')}"
    until(lambda: len(client.get(found).json().get("by_mode", ())) == 2)
    return found


@pytest.mark.parametrize("mode", ["delegated", "autonomous", "unknown"])
def test_stolen_credential_shows_in_every_requested_mode(installation, client, until, path, mode):
    before = client.get(f"{path}/trust?mode={mode}").json()
    bad = installation.state(mode="autonomous", days=120, items=(stolen(installation),))
    installation.put(bad)
    until(lambda: client.get(f"{path}/trust?mode={mode}").json()["reasons"] != [])
    answer = client.get(f"{path}/trust?mode={mode}").json()
    assert answer["mode"] == mode
    assert answer["score"] < before["score"]
    assert answer["level"] not in ("trusted", "normal")
    assert answer["facets"]["identity"] < answer["facets"]["tools"]
    # In any order of the parameters, and of many agents: the ordinary routes.
    slow = client.get(f"{path}/trust?operation=read&mode={mode}").json()
    many = client.post(
        "/v1/trust/query", json={"agents": [installation.REFUNDS], "mode": mode}
    ).json()["answers"][0]
    for other in (slow, many):
        for name in ("score", "lower", "level", "reasons", "facets"):
            assert other[name] == answer[name]


def test_page_of_an_agent_shows_a_stolen_credential_in_every_mode(
    installation, client, until, path
):
    installation.put(installation.state(mode="autonomous", days=120, items=(stolen(installation),)))
    until(lambda: client.get(path).json()["top_reason"] is not None)
    by_mode = client.get(path).json()["by_mode"]
    assert {one["mode"]: one["reasons"][0]["anomaly"] for one in by_mode} == {
        "delegated": "cred.reuse",
        "autonomous": "cred.reuse",
    }
    (item,) = client.get(f"{path}/evidence").json()["items"]
    assert item["mode"] == "autonomous"
    assert item["effect"] < 0
    points = client.get(f"{path}/history?mode=delegated&days=2").json()["points"]
    assert points[-1]["score"] < points[0]["score"]


def test_gate_closed_in_one_mode_is_closed_in_every_mode(installation, client, until, path):
    bad = installation.state(mode="autonomous")
    bad.level_state = replace(bad.level_state, gate="quarantined")
    installation.put(bad)
    for mode in ("delegated", "unknown", "autonomous"):
        until(
            lambda mode=mode: (
                client.get(f"{path}/trust?mode={mode}").json()["gate"] == "quarantined"
            )
        )
