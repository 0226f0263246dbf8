"""The benchmarks run, small: what they print is checked, never how long anything took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from benchmarks import freshness, servers, size, trust_lookup
from benchmarks.measuring.findings import text
from benchmarks.measuring.meter import Job, Meter, Span
from benchmarks.measuring.report import Ratio, Report, fresh, look_ups, ratios
from benchmarks.streaming.inputs import at_random
from lab.simulation.sample import fleet_events
from models.event import Event
from pipeline.processing.progress import Silent

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--events", "2000", "--agents", "20"]


def bench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m benchmarks`, small."""
    return subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "benchmarks", *TINY, "--warm", "2000", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_table_has_a_row_for_each_measurement_and_progress_goes_to_stderr() -> None:
    done = bench("--only", "decode,habitus")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("(")]
    assert [row.partition("  ")[0][:24].rstrip() for row in rows] == [
        "(a) json.loads alone",
        "(a) native format alone",
        "(d) Habitus, JSONL to co",
    ]
    assert "20 agents are stored after 200 events each." in done.stdout
    assert "measuring habitus" in done.stderr
    assert "measuring" not in done.stdout


def test_random_interleaving_keeps_order_and_credential_age_of_each_agent() -> None:
    def own(events: list[Event]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for event in events:
            found.setdefault(event.agent.id, []).append(event.id)
        return found

    def ages(events: list[Event]) -> dict[str, object]:
        return {e.id: e.credential and e.time - (e.credential.issued_at or e.time) for e in events}

    def runs(events: list[Event]) -> int:
        """Count how often the session is that of the event before."""
        return sum(a.session == b.session for a, b in pairwise(events))

    read = msgspec.json.Decoder(Event).decode
    lines = list(fleet_events(3, 5, days=2))
    before, after = list(map(read, lines)), list(map(read, at_random(lines)))
    assert own(before) == own(after)
    assert [event.time for event in before] == [event.time for event in after]
    assert ages(before) == ages(after)
    assert len(set(map(str, ages(before).values()))) > 2
    assert runs(after) < runs(before) / 2
    assert list(at_random(lines)) == list(at_random(lines))


@pytest.mark.nightly
def test_json_has_the_same_figures_for_programs() -> None:
    done = bench("--only", "decode,habitus", "--json")
    found = json.loads(done.stdout)
    assert set(found["results"]) == {"decode-json", "decode-native", "habitus"}
    for name, result in found["results"].items():
        assert result["warm"]["events"] > 0
        assert result["peak_bytes"] >= result["resident_bytes"] >= 0
        assert found["events_per_s"][name]["warm"] > 0
    assert found["results"]["habitus"]["more"]["agents"] == 20
    assert found["ratios"] == []


@pytest.mark.nightly
def test_only_spread_stretches_of_the_timed_river_events_are_committed() -> None:
    found = json.loads(bench("--events", "17000", "--only", "river-committed", "--json").stdout)
    rivers = found["results"]["river-committed"]
    assert rivers["warm"]["events"] == 5_000
    assert rivers["more"]["again"] > 0
    assert Span.of([Span(1, 2.0, 3.0), Span(10, 20.0, 30.0)]) == Span(11, 22.0, 33.0)


@pytest.mark.nightly
def test_memory_is_given_per_agent_of_a_fleet_ten_times_as_large() -> None:
    found = json.loads(bench("--agents", "5", "--only", "memory", "--json").stdout)["memory"]
    assert found["agents"] == 50
    assert found["stored_whole_file"] >= found["stored_file"] >= found["stored_blobs"] > 0
    assert {"resident_default_cache", "resident_all_ready"} <= set(found)


@pytest.mark.nightly
def test_a_fleet_is_measured_under_several_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory() as folder:
        job = Job(folder=folder, agents=40, cold=0, warm=0, events=200)
        written = size.write_fleet(job, size.EACH, Silent())
        assert (written.warm, written.events) == (20 * 40, 200)
        assert len(written.stream.read_bytes().splitlines()) == 1_000
    monkeypatch.setattr(size, "_FLOOR_AGENTS", 100)
    found = size.measure_size(300, size.FEW_EACH, ("packed", "evicted"), Silent())
    assert list(found) == ["packed", "evicted"]
    assert found["packed"]["file"] == pytest.approx(found["evicted"]["file"], rel=0.02)
    lines = list(text(size.findings(found)))
    assert [line.split()[0] for line in lines[2:4]] == ["packed", "evicted"]
    assert sum(line.startswith("goal: ") for line in lines) == 4


def test_copies_of_a_fleet_are_agents_of_the_inventory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(size, "_TEMPLATE", 20)
    job = Job(folder=str(tmp_path), agents=60, cold=0, warm=0, events=90)
    written = size.write_fleet(job, 3, Silent())
    events = [json.loads(line)["agent"]["id"] for line in written.stream.read_bytes().splitlines()]
    assert len(events) == written.warm + written.events
    assert written.events == 90
    counted = Counter(events[: written.warm])
    assert set(counted.values()) <= {1, 2, 3}
    inventory = (tmp_path / "inventory.csv").read_text().splitlines()[1:]
    assert len(inventory) == 60
    assert set(events) <= {row.partition(",")[0] for row in inventory}


def test_measurements_without_their_broker_are_reported_as_absent() -> None:
    sections = ("kafka", "habitus-kafka", "habitus-librdkafka")
    done = bench("--only", ",".join(sections), HABITUS_TEST_KAFKA="127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"absent: {name} (no Kafka broker answers, make services starts one)" for name in sections
    ]


@pytest.mark.broker
def test_polling_and_the_whole_path_are_compared_if_a_broker_runs(kafka_address: str) -> None:
    sections = ("kafka", "habitus-kafka", "habitus-librdkafka")
    done = bench("--only", ",".join(sections), "--json", HABITUS_TEST_KAFKA=kafka_address)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["results"]) == set(sections)
    assert [ratio["name"] for ratio in found["ratios"]] == ["e/b", "e'/b", "e'/e"]


@pytest.mark.nightly
def test_look_ups_are_measured_on_every_server_and_for_a_thousand_agents_at_once() -> None:
    cores = os.sched_getaffinity(0)
    found = trust_lookup.measure(rounds=1, seconds=1)
    assert os.sched_getaffinity(0) == cores
    assert set(found.lookups) == {"habitus", "with a key", "plain", "bare"}
    assert all(result.rate > 0 < result.cpu_rate for result in found.lookups.values())
    assert found.first_batch_ms > 0 < found.batch_p50_ms
    assert all(result.turn_p99_ms > 0 for result in found.lookups.values())
    report = Report(agents=1000, warm=0, events=0)
    report.take_trust(found)
    assert sum(line.startswith("goal: ") for line in text(look_ups(report))) == 6


def test_a_server_that_is_more_than_5_percent_slower_misses() -> None:
    def result(rate: float, p99_ms: float) -> trust_lookup.Result:
        return trust_lookup.Result(rate, rate, 1, p99_ms, p99_ms)

    before = result(1000, 2.0)
    for ours, missed in (
        (result(960, 2.0), False),
        (result(940, 2.0), True),
        (result(2000, 2.09), False),
        (result(2000, 2.11), True),
    ):
        assert servers.slower({servers.OURS: ours, servers.BEFORE: before}) is missed


@pytest.mark.slow
def test_servers_are_measured_side_by_side() -> None:
    wanted = {servers.OURS: trust_lookup.Start("habitus")}
    found = servers.measure(wanted, rounds=1, seconds=1)
    assert found[servers.OURS].rate > 0 < found[servers.OURS].turn_p99_ms
    assert list(text(servers.findings(found)))[2].startswith("habitus serve ")


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.parametrize(
    ("store", "whole"),
    [
        ("sqlite", False),
        pytest.param("sqlite", True, marks=pytest.mark.nightly),
        pytest.param("postgresql", True, marks=[pytest.mark.postgresql, pytest.mark.nightly]),
    ],
)
def test_freshness_is_measured_while_the_worker_keeps_up_with_half_its_rate(
    kafka_address: str,
    store: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    whole: bool,
) -> None:
    if not whole:
        smaller = {
            "AGENTS": 30,
            "WARM": 2_000,
            "_HIGHEST_S": 0.5,
            "_SETTLE_S": 0.3,
            "_WAIT_S": 20.0,
        }
        for name, value in smaller.items():
            monkeypatch.setattr(freshness, name, value)
    url = request.getfixturevalue("postgresql_url") if store == "postgresql" else ""
    found = freshness.measure(kafka_address, probes=20, store=url)
    assert found.highest > found.offered > 0
    assert 0 < found.p50_ms <= found.p99_ms
    assert sum(line.startswith("goal: ") for line in text(fresh(found._asdict()))) == 2


def test_an_unknown_section_is_wrong_use() -> None:
    done = bench("--only", "decod")
    assert done.returncode == 2
    assert "unknown section 'decod', expected some of: decode, kafka" in done.stderr


def test_a_span_is_widened_to_whole_steps() -> None:
    meter = Meter()
    meter.start(None, "steps")
    for _ in range(5):
        meter.advance(10)
    meter.stop()
    assert meter.span(11, 50).events == 30
    assert meter.span(0, 5).events == 10


def test_steps_counted_in_bytes_become_events() -> None:
    meter = Meter()
    meter.start(None, "bytes")
    meter.advance(30)
    meter.advance(15)
    meter.stop()
    assert meter.span(0, 3, sizes=[10, 20, 30, 45]).events == 3
    assert meter.span(3, 4, sizes=[10, 20, 30, 45]).events == 1


def test_a_goal_is_met_only_by_both_clocks() -> None:
    assert not ratios([Ratio("d/c", wall=0.6, cpu=0.5, goal=0.5)]).missed()
    assert ratios([Ratio("d/c", wall=0.6, cpu=0.4, goal=0.5)]).missed()
    assert ratios([Ratio("e/b", wall=0.6, cpu=0.4, goal=None)]).goals == []


@pytest.mark.nightly
@pytest.mark.broker
@pytest.mark.postgresql
def test_one_worker_is_compared_with_two_over_one_server(
    kafka_address: str, postgresql_server: str
) -> None:
    named = {
        "HABITUS_TEST_KAFKA": kafka_address,
        "HABITUS_TEST_POSTGRESQL": postgresql_server,
    }
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "benchmarks.workers", *TINY],
        cwd=ROOT,
        env=os.environ | named,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition("  ")[0] for line in lines[2:5]] == ["1", "2", "2 over 1"]
    assert "at least 1.7" in lines[-1]
