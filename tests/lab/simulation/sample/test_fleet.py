"""The fleet for benchmarks: an endless stream, in order, cheap to hold."""

from __future__ import annotations

import gzip
import tracemalloc
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.simulation.sample.__main__ import main
from lab.simulation.sample.fleet import fleet_events
from models.event import Event

if TYPE_CHECKING:
    from pathlib import Path

DECODE = msgspec.json.Decoder(Event).decode


def test_the_same_seed_gives_the_same_stream_and_another_does_not() -> None:
    assert list(fleet_events(7, 20, days=1)) == list(fleet_events(7, 20, days=1))
    assert list(fleet_events(7, 20, days=1)) != list(fleet_events(8, 20, days=1))


def test_agents_are_interleaved_in_order_of_time_with_unique_ids() -> None:
    events = [DECODE(line) for line in fleet_events(7, 40, days=3)]
    assert all(a.time <= b.time for a, b in pairwise(events))
    assert len({e.id for e in events}) == len(events)
    assert len({e.agent.id for e in events}) == 40
    switches = sum(a.agent.id != b.agent.id for a, b in pairwise(events))
    assert switches > len(events) / 3


def test_fleet_has_the_members_that_detectors_read() -> None:
    events = [DECODE(line) for line in fleet_events(7, 300, limit=30_000)]
    assert len(events) == 30_000
    assert len({e.agent.role for e in events}) == 12
    assert {e.mode for e in events} == {"delegated", "autonomous"}
    for event in events:
        assert event.purpose
        assert event.network
        assert event.credential
        assert event.resource
        assert event.volume or event.outcome != "ok"


def test_stream_is_infinite() -> None:
    assert sum(1 for _ in islice(fleet_events(7, 1), 5_000)) == 5_000


def test_a_thousand_agents_are_streamed_without_holding_their_events() -> None:
    tracemalloc.start()
    size = sum(len(line) for line in fleet_events(7, 1_000, limit=20_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 15_000_000
    assert peak < 16_000_000


def test_empty_fleet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 agent, got 0"):
        next(fleet_events(7, 0))


def test_the_command_writes_a_fleet_and_a_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet.jsonl.gz"
    assert main(["--fleet", "8", "--events", "100", "--out", str(out)]) == 0
    assert gzip.decompress(out.read_bytes()).splitlines() == list(fleet_events(7, 8, limit=100))
    assert main(["--out", str(tmp_path / "data")]) == 0
    assert (tmp_path / "data" / "intel" / "vpn_ipv4.json").is_file()
    assert "100 events" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_invalid_fleet_size_ends_with_code_two(value: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--fleet", value, "--out", str(tmp_path / "x")])
    assert ended.value.code == 2
