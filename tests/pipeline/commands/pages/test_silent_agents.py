"""`habitus agents --silent` over what a worker, or several, left in a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.event import rfc3339
from models.units import HOUR_US
from pipeline.cli import app
from pipeline.commands.pages.silent_agents import silent_agents
from pipeline.processing.assembly import SharedResources
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.sharding.shard import Shard
from pipeline.store import open_shard, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

MONDAY = 20_731 * 24  # 5 October 2026
ZERO, ONE = "kafka:t:0", "kafka:t:1"


def events(agent_id: str, *hours: int) -> list[tuple[int, bytes]]:
    return [
        (
            hour,
            json.dumps(
                {
                    "id": f"{agent_id}-{hour}",
                    "time": rfc3339((MONDAY + hour) * HOUR_US + HOUR_US // 2),
                    "agent": {"id": agent_id},
                    "tool": "orders.read",
                }
            ).encode(),
        )
        for hour in hours
    ]


def in_order(*agents: list[tuple[int, bytes]]) -> list[bytes]:
    return [line for _, line in sorted(line for agent in agents for line in agent)]


@pytest.fixture
def habitus(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store_url: str
) -> Callable[..., tuple[str, str]]:
    monkeypatch.setenv("HABITUS_STORE", store_url)

    def run(*args: str) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            app(list(args))
        assert not ended.value.code
        said = capsys.readouterr()
        return said.out, said.err

    return run


@pytest.fixture
def judged(pipeline: Any, store_url: str) -> None:
    """A store in which three agents worked from Monday, two of them until Thursday."""
    lines = in_order(
        events("gone-2", *range(80)),
        events("gone-1", *range(0, 81, 20)),
        events("worker", *range(0, 114, 3)),
    )
    settings = pipeline.settings(pipeline.file(lines), store=store_url)
    pipeline.inventory.write_text("agent_id,role,owner\ngone-2,clerk,shop@example.com\n")
    pipeline.run(settings)


@pytest.mark.usefixtures("judged")
def test_silent_agents_are_listed_in_order_with_their_owners(habitus: Callable[..., Any]) -> None:
    out, err = habitus("agents", "--silent")
    (row,) = (line for line in out.splitlines() if "gone" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    last = "2026-10-08T07:30:00Z"
    assert cells == ["gone-2", last, "32 h", "4 h", "2.7", "clerk", "shop@example.com"]
    assert "1 of 1 agents" in err
    found = json.loads(habitus("agents", "--silent", "--json")[0])
    assert found["total"] == 1
    assert found["agents"][0]["silent"] == {
        "since": "2026-10-08T07:00:00.000000Z",
        "hours": 32,
        "usual_hours": 4,
        "times": 2.7,
    }
    assert found["agents"][0]["owner"] == "shop@example.com"


@pytest.mark.usefixtures("judged")
def test_absence_of_silent_agents_is_reported(habitus: Callable[..., Any]) -> None:
    out, err = habitus("agents", "--silent", "--role", "porter")
    assert out == "None of these agents is silent for far longer than expected.\n"
    assert "0 of 0 agents" in err
    assert json.loads(habitus("agents", "--silent", "--role", "porter", "--json")[0])["total"] == 0


def test_empty_store_has_no_silent_agent(habitus: Callable[..., Any], store_url: str) -> None:
    with open_store(store_url) as store:
        assert silent_agents(store) == {}
    assert habitus("agents", "--silent")[0] == "No agent is silent for far longer than expected.\n"


@pytest.mark.postgresql
@pytest.mark.parametrize("last", [ZERO, ONE])
def test_agent_is_silent_if_no_partition_has_recent_events(postgresql_url: str, last: str) -> None:
    """Each shard has heard of the agents of the other one, up to when it last took that in."""
    settings = Settings(
        source="kafka://127.0.0.1:9/t?group=g", store=postgresql_url, sink="none", clock="event"
    )
    streams = {
        ZERO: in_order(events("a", *range(0, 114, 3)), events("gone", *range(70), 75, 79)),
        ONE: in_order(events("b", *range(0, 114, 3))),
    }
    with open_shard(postgresql_url, "") as store:
        resources = SharedResources.of(settings, store)
        shards = {name: Shard(settings, store.of(name), resources) for name in streams}
        for name in sorted(streams, key=lambda name: name == last):
            judge(shards[name], streams[name])
        assert len(store.last_seen_records(sum(b"gone") % 64)) == 1 + (last == ONE)
        found = silent_agents(store)
        assert [(one.agent_id, one.hours, one.usual) for one in found.values()] == [
            ("gone", 32, 5.4)
        ]
        judge(shards[ZERO], in_order(events("gone", 111)), 1_000)
        assert silent_agents(store) == {}


def judge(shard: Shard, lines: list[bytes], first: int = 0) -> None:
    given = [
        RawRecord(line, shard.name, first + at, 2_000_000_000_000_000)
        for at, line in enumerate(lines)
    ]
    shard.judge(given, str(first + len(given)), 0)
