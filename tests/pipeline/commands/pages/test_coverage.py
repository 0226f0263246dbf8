"""`habitus agents` says what the inventory covers, and lists agents by group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.commands.pages.test_silent_agents import events, in_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


INVENTORY = """
- {agent_id: gone, owner: ana@example.com, review_date: 2026-10-01}
- {agent_id: worker, sponsor: bo@example.com, review_date: 2027-10-01}
- {agent_id: planned, role: porter}
"""


@pytest.fixture
def judged(
    request: pytest.FixtureRequest, pipeline: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A store in which three agents worked; one of them stopped, one is not registered."""
    request.getfixturevalue("clean_environment")
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(INVENTORY)
    lines = in_order(
        events("gone", *range(80)),
        events("ghost", *range(0, 114, 3)),
        events("worker", *range(0, 114, 3)),
    )
    settings = pipeline.settings(pipeline.file(lines), inventory=inventory)
    pipeline.run(settings)
    monkeypatch.setenv("HABITUS_STORE", settings.store)
    monkeypatch.setenv("HABITUS_INVENTORY", str(inventory))
    monkeypatch.setenv("HABITUS_CLOCK", "event")


def ids(habitus: Callable[..., Any], group: str) -> list[str]:
    code, out, _ = habitus("agents", "--group", group, "--json")
    assert code == 0
    found = json.loads(out)["agents"]
    assert all(group in row["groups"] for row in found)
    return [row["agent_id"] for row in found]


@pytest.mark.usefixtures("judged")
def test_summary_is_above_the_table(habitus: Callable[..., Any]) -> None:
    _, out, _ = habitus("agents")
    assert out.splitlines()[0] == (
        "inventory: 2 of 3 agents seen in 30 days are registered (67 %); 1 shadow, 2 unowned, "
        "1 unreviewed, 1 overdue, 1 dormant, 1 stale"
    )
    assert "planned" not in out
    found = json.loads(habitus("agents", "--json")[1])
    assert found["coverage"]["share"] == 0.6667
    assert found["coverage"]["entries"] == 3


@pytest.mark.usefixtures("judged")
def test_each_group_lists_its_agents(habitus: Callable[..., Any]) -> None:
    assert set(ids(habitus, "registered")) == {"gone", "worker"}
    assert ids(habitus, "shadow") == ["ghost"]
    assert ids(habitus, "unowned") == ["ghost", "planned"]
    assert ids(habitus, "unreviewed") == ["planned"]
    assert ids(habitus, "overdue") == ["gone"]
    assert ids(habitus, "dormant") == ["planned"]
    assert ids(habitus, "stale") == ["gone"]


@pytest.mark.usefixtures("judged")
def test_registered_agent_that_never_acted_is_in_the_table(habitus: Callable[..., Any]) -> None:
    _, out, err = habitus("agents", "--group", "dormant")
    (row,) = (line for line in out.splitlines() if "planned" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][4:6] == ["unknown", "porter"]
    assert "1 of 1 agents" in err


@pytest.mark.usefixtures("clean_environment")
def test_agent_with_security_events_alone_has_not_been_seen(
    pipeline: Any, habitus: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ((_, line),) = events("planned", 1)
    reported = json.loads(line) | {"kind": "security_event", "tool": "ssf:credential-change"}
    settings = pipeline.settings(pipeline.file([json.dumps(reported).encode()]))
    pipeline.run(settings)
    monkeypatch.setenv("HABITUS_STORE", settings.store)
    (row,) = json.loads(habitus("agents", "--json")[1])["agents"]
    assert (row["agent_id"], row["events"]) == ("planned", 1)
    assert row["first_seen"] is row["last_seen"] is None


@pytest.mark.usefixtures("judged")
def test_unknown_group_and_silent_with_a_group_are_refused(habitus: Callable[..., Any]) -> None:
    assert habitus("agents", "--group", "lost")[0] == 2
    code, _, err = habitus("agents", "--group", "stale", "--silent")
    assert code == 2
    assert "--group stale" in err


@pytest.mark.usefixtures("judged")
def test_summary_names_a_missing_inventory(
    habitus: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HABITUS_INVENTORY")
    _, out, _ = habitus("agents")
    assert out.splitlines()[0].startswith("no inventory (HABITUS_INVENTORY): 3 agents seen")
