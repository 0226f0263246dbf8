"""The compiled loop over quiet events leaves the same state as the reference."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lab.simulation.fleet.config import SimulationConfig
from lab.simulation.fleet.stream import simulate
from lab.simulation.sample import fleet_events
from models.engine import Engine
from models.event import microseconds
from pipeline.processing import runner
from pipeline.processing.judging.quiet_run import QuietRun
from pipeline.processing.judging.trust_answers import TrustAnswers
from pipeline.processing.recordings.learn import learn
from pipeline.settings import Settings
from pipeline.store import open_store
from tests.native.both import needs_native

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = needs_native

SECRET = b"0123456789abcdef0123456789abcdef"
_ARRIVED = re.compile(rb'(?<=,)"time":"[^"]*",(?="value)')  # of a rejected record
_VOLUME = ("bytes_in", "bytes_out", "records")


def stored(
    folder: Path,
    stream: Path,
    kernel: str,
    batch: int,
    past: Path | None = None,
    degraded: tuple[str, ...] = (),
    inventory: Path | None = None,
) -> tuple[dict[str, Any], int]:
    """Judge a stream; give all that is stored and published, and how many events were quiet.

    Parameters
    ----------
    past
        Learned first, vouched for; then only of that it is said how much was quiet.
    """
    store = folder / f"{kernel}.db"
    open_store(f"sqlite:{store}", secret=SECRET).close()
    values = Settings(
        source=f"file:{stream}", store=f"sqlite:{store}", sink=f"file:{folder / kernel}",
        batch_size=batch, kernel=kernel, clock="event", alerts_per_day=5,
        degraded=degraded, inventory=inventory,
        model={"learning_sessions": 4},
    )  # fmt: skip
    quiet = 0
    whole = QuietRun.run

    def counted(self: QuietRun, batch: Any, position: int) -> Any:
        nonlocal quiet
        end, scored = whole(self, batch, position)
        quiet += end - position
        return end, scored

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuietRun, "run", counted)
        if past is not None:
            learn([str(past)], fmt="native", settings=values)
        at_first = quiet
        runner.run(values, drain=True, stop=threading.Event())
    found: dict[str, Any] = {}
    database = sqlite3.connect(store)
    for (table,) in database.execute("select name from sqlite_master where type = 'table'"):
        columns = "id, value" if table == "recent_events" else "*"  # when judged is left out
        rows = database.execute(f"select {columns} from {table}").fetchall()  # noqa: S608 - its own tables
        found[table] = sorted(row for row in map(repr, rows) if "heartbeat" not in row)
    database.close()
    for topic in sorted((folder / kernel).glob("*.jsonl")):
        found[topic.name] = [_ARRIVED.sub(b"", line) for line in topic.read_bytes().splitlines()]
    return found, quiet if past is None else at_first


def same(
    folder: Path,
    events: Iterable[bytes],
    batch: int = 700,
    past: Iterable[bytes] = (),
    degraded: tuple[str, ...] = (),
    inventory: Path | None = None,
) -> tuple[dict[str, Any], int]:
    stream, before = folder / "stream.jsonl", folder / "past.jsonl"
    stream.write_bytes(b"".join(line + b"\n" for line in events))
    before.write_bytes(b"".join(line + b"\n" for line in past))
    known = before if before.stat().st_size else None
    reference, none = stored(folder, stream, "python", batch, known, degraded, inventory)
    kernel, quiet = stored(folder, stream, "native", batch, known, degraded, inventory)
    assert not none
    for name, rows in reference.items():
        assert kernel[name] == rows, name
    return kernel, quiet


def years() -> list[Any]:
    """Give the years in which the squares of rates underflow: by day every fifth."""
    between = range(2067, 2085)
    return [
        year if year in between[::5] else pytest.param(year, marks=pytest.mark.nightly)
        for year in between
    ]


def test_a_fleet_and_its_trust_are_the_same_in_both_kernels(tmp_path, monkeypatch):
    moved, whole = [], TrustAnswers.make

    def counted(self: TrustAnswers, *given: Any) -> None:
        moved.append(given)
        whole(self, *given)

    monkeypatch.setattr(TrustAnswers, "make", counted)
    found, quiet = same(tmp_path, fleet_events(11, 12, limit=4_500))
    assert 100 < len(moved) == 2 * len(found["agent.trust.jsonl"])
    assert quiet > 3_500


def test_both_kernels_learn_trusted_history_alike(tmp_path):
    lines = list(fleet_events(11, 12, limit=4_500))
    for at in range(1_500, 2_000, 50):  # an alert, were it not vouched for
        lines[at] = json.dumps(json.loads(lines[at]) | {"tool": "vault.export"}).encode()
    _, quiet = same(tmp_path, lines[3_000:], past=lines[:3_000])
    assert quiet > 2_000


def test_loop_continues_after_batches_without_fast_events(tmp_path):
    """What an agent is told to have changed is the reference's, and so is a record that is odd."""
    lines = list(fleet_events(11, 5, limit=1_200))
    for at in range(600, 700):
        lines[at] = json.dumps(json.loads(lines[at]) | {"kind": "deployment"}).encode()
    for at in range(700, 800):
        lines[at] = json.dumps(
            json.loads(lines[at]) | {"arguments": {"blob": "x" * 9_000}}
        ).encode()
    same(tmp_path, lines, batch=50)


def test_reference_finds_other_content_under_a_known_id(tmp_path):
    lines = list(fleet_events(11, 5, limit=2_000))
    for at in range(500, 1_900, 50):
        other = json.loads(lines[at]) | {"tool": "vault.export"}
        lines.insert(at + 20, json.dumps(other).encode())
        lines.insert(at + 40, json.dumps(other, indent=1).replace("\n", "").encode())
        lines.insert(at + 45, lines[at])
    found, quiet = same(tmp_path, lines)
    assert quiet > 500
    anomalies = [json.loads(line) for line in found["agent.anomalies.jsonl"]]
    assert "telemetry.conflict" in {one["anomaly"] for one in anomalies}
    assert len(found["agent.actions.rejected.jsonl"]) == 2 * 28


def test_loop_continues_after_huge_amounts(tmp_path):
    """A sum of them would not fit what stores and the kernel hold."""
    lines = list(fleet_events(11, 5, limit=3_000))
    for at, more in (
        (2_000, {"attributes": {"tokens": 1e25}}),
        (2_300, {"attributes": {"cost": 20_000_000_000_000_000_000}}),
        *((at, {"volume": dict.fromkeys(_VOLUME, (1 << 63) - 1)}) for at in range(2_500, 2_600)),
    ):
        lines[at] = json.dumps(json.loads(lines[at]) | more).encode()
    found, _ = same(tmp_path, lines)
    assert not found.get("agent.actions.rejected.jsonl")
    assert b"volume.exfil" in b"".join(found["agent.anomalies.jsonl"])


def test_known_agents_in_an_unused_mode_leave_the_same_state(tmp_path):
    lines = list(fleet_events(11, 25, limit=9_000))
    abroad = {"source_ip": "203.0.113.9", "asn": 64_999, "country": "KP", "egress": "direct"}
    for at in range(8_500, 9_000):
        event = json.loads(lines[at])
        for name in ("mode", "human", "delegation", "credential"):
            event.pop(name, None)
        if at % 50 == 0:
            event["network"] = abroad
        lines[at] = json.dumps(event).encode()
    found, quiet = same(tmp_path, lines[6_000:], past=lines[:6_000])
    assert quiet > 1_500
    assert any("'unknown'" in row for row in found["profiles"])


def test_agents_with_two_egress_networks_leave_the_same_state(tmp_path):
    lines = list(fleet_events(11, 5, limit=4_000))
    for at, line in enumerate(lines):
        event = json.loads(line)
        asn, country = ((64500, "SE"), (64501, "SE"))[at // 7 % 2] if at < 3_800 else (64502, "KP")
        network = {"source_ip": "192.0.2.7", "asn": asn, "country": country, "egress": "direct"}
        event |= {"network": network, "credential": {"id": event["agent"]["id"]}}
        lines[at] = json.dumps(event).encode()
    found, _ = same(tmp_path, lines[2_500:], past=lines[:2_500])
    anomalies = {json.loads(line)["anomaly"] for line in found["agent.anomalies.jsonl"]}
    assert anomalies & {"cred.reuse", "net.new_origin"}


def test_tokens_prices_and_hasty_approvals_count_alike(tmp_path):
    lines = list(fleet_events(11, 5, limit=3_000))
    for at, line in enumerate(lines):
        event = json.loads(line)
        price = 0.001234 * (1 + at % 7)
        said: dict[str, Any] = {"total_tokens": 700 + at % 90, "cost": price}
        if at % 3 == 0:
            said = {"cost": 40 * price if at > 2_500 else price, "tokens": "unknown"}
        if at % 50 < 2 or at > 2_800:
            said["approval_seconds"] = 1.5
        lines[at] = json.dumps(event | {"attributes": said}).encode()
    found, quiet = same(tmp_path, lines)
    assert quiet > 500
    assert b"cost.spike" in b"".join(found["agent.anomalies.jsonl"])
    assert b"approval.pattern" in b"".join(found["agent.anomalies.jsonl"])


def test_numbers_and_texts_as_arguments_count_alike(tmp_path):
    lines = list(fleet_events(11, 5, limit=3_000))
    for at, line in enumerate(lines):
        value = ("80", "€ 80", "12,5", "0042", "Ines", "90")[at % 6]
        if at > 2_600 and at % 40 == 0:
            value = "81920.50"
        key = ("amount", "unitPrice", "qty", "Total_sum", "item_count", "account", "fee")[at % 7]
        said = {
            "purpose": "Pay what is due, 80 euros at most",
            "argument_origins": {key: [[value, ["result:mail.read"] if at % 2 else []]]},
        }
        lines[at] = json.dumps(json.loads(line) | said).encode()
    found, quiet = same(tmp_path, lines)
    assert quiet > 1_000
    assert found["cases"]


def test_only_events_during_degraded_telemetry_are_left_to_the_reference(tmp_path):
    lines = list(fleet_events(11, 5, limit=3_000))
    whole = (tmp_path / "whole", tmp_path / "part")
    for folder in whole:
        folder.mkdir()
    _, maximum = same(whole[0], lines)
    start, end = (json.loads(lines[at])["time"] for at in (1_500, 2_000))
    _, quiet = same(whole[1], lines, degraded=(f"{start}/{end}",))
    assert maximum - 700 < quiet < maximum


def test_uses_outside_the_inventory_are_findings_in_both_kernels(tmp_path):
    lines = list(fleet_events(11, 5, limit=3_000))
    events = [json.loads(line) for line in lines]
    of = events[0]["agent"]["id"]
    own = [event for event in events if event["agent"]["id"] == of]
    allowed = sorted({event["tool"] for event in own})
    for event in own:
        event["credential"] = {"id": "c", "scopes": ["crm.read"]}
    own[-20]["tool"] = "vault.export"
    own[-10]["credential"]["scopes"].append("vault.admin")
    rows = [
        {"agent_id": of, "allowed_tools": allowed, "allowed_scopes": ["crm.*"]},
        *({"agent_id": one} for one in sorted({e["agent"]["id"] for e in events} - {of})),
    ]
    path = tmp_path / "inventory.yaml"
    path.write_text(json.dumps(rows))
    found, quiet = same(tmp_path, [json.dumps(one).encode() for one in events], inventory=path)
    assert quiet > 1_000
    anomalies = [json.loads(line) for line in found["agent.anomalies.jsonl"]]
    refused = [one for one in anomalies if one["anomaly"] == "identity.mismatch"]
    assert {one["agent_id"] for one in refused} == {of}
    texts = {reason["observed"] for one in refused for reason in one["reasons"]}
    assert "tool 'vault.export' outside the allowed tools" in texts
    assert "scope 'vault.admin' outside the allowed scopes" in texts


SETS = (
    ["crm:read", "crm:write"],
    ["crm:delete", "crm:read", "crm:write"],
    [f"https://api.example.com/auth/records.{number}" for number in range(4)],
    [f"https://api.example.com/auth/records.{number}" for number in range(12)],  # cut off
    ["crm\x1cread", "crm\x1dwrite", "crm\u2003delete"],  # all of them spaces to Python
)


def test_credentials_with_fewer_privileges_are_ordinary_in_both_kernels(tmp_path):
    lines, narrower = list(fleet_events(11, 12, limit=4_500)), 0
    for at, line in enumerate(lines):
        event = json.loads(line)
        scopes, hours = SETS[at * 7 % 13 % 5], (8, 30)[at % 2]
        if at > 2_000 and at % 3 != 1:
            scopes, hours, narrower = scopes[: 1 + at % 2], 1 + at % 2, narrower + 1
        elif at > 2_000 and at % 11 == 1:
            scopes = [" ".join(reversed(scopes[:3])), *scopes[2:], scopes[0]]
        issued = datetime.fromisoformat(event["time"])
        event["credential"] = {
            "id": f"c-{event['agent']['id']}", "scopes": scopes, "issued_at": event["time"],
            "expires_at": (issued + timedelta(hours=hours)).isoformat(),
        }  # fmt: skip
        lines[at] = json.dumps(event).encode()
    found, quiet = same(tmp_path, lines)
    assert narrower > 1_500
    assert quiet > 3_500
    assert b"cred.lifetime" not in b"".join(found["agent.anomalies.jsonl"])


@pytest.mark.parametrize("year", years())
def test_loop_continues_after_a_gap_of_decades(tmp_path, monkeypatch, year):
    """After a silence of decades the squares of rates underflow before the rates do."""
    arrival_us = microseconds(datetime(year, 1, 2, tzinfo=UTC))
    for module in ("runner", "loop"):
        monkeypatch.setattr(f"pipeline.processing.{module}.clock_us", lambda: arrival_us)
    lines = list(fleet_events(11, 5, limit=600))
    of = json.loads(lines[500])["agent"]["id"]
    mine = [at for at, line in enumerate(lines) if json.loads(line)["agent"]["id"] == of]
    for at in mine[-3:]:
        lines[at] = json.dumps(json.loads(lines[at]) | {"time": f"{year}-01-01T00:00:00Z"}).encode()
    found, _ = same(tmp_path, lines)
    assert not found.get("agent.actions.rejected.jsonl")


def test_contributions_after_an_event_far_ahead_are_applied_alike(tmp_path, monkeypatch):
    published, whole = [], Engine.publish

    def counted(self: Engine) -> None:
        whole(self)
        published.append(self.watermark_us)

    monkeypatch.setattr(Engine, "publish", counted)
    lines = list(fleet_events(11, 12, limit=8_000))
    ahead = json.loads(lines[-1])["time"]
    lines[2_000] = json.dumps(json.loads(lines[2_000]) | {"time": ahead}).encode()
    _, quiet = same(tmp_path, lines)
    assert quiet > 6_000
    assert published.count(max(published)) >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agents", "minimum"), [(12, 3_000), pytest.param(36, 10_000, marks=pytest.mark.nightly)]
)
def test_a_fleet_under_attack_leaves_the_same_state(tmp_path, agents, minimum):
    config = SimulationConfig(seed=5, agents=agents, days=12, attacked=0.9, quiet_days=3)
    found, quiet = same(tmp_path, simulate(config), batch=2_000)
    assert quiet > minimum
    assert len(found["anomalies"]) > 10
