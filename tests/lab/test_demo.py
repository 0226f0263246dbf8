"""The demonstration tells the truth: what was found, what was left alone, what went wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from lab.demo import bundle as demo_sample
from lab.demo import run as demo
from lab.demo import story as demo_story
from lab.demo.filing import Filed, Queue
from lab.demo.findings import compare
from lab.simulation.sample.truth import IncidentTruth, NoveltyTruth, Truth
from models.errors import ConfigError
from models.result import Reason
from models.trust.policy import DEFAULT_POLICY
from models.trust.response import trust_answer
from models.units import DAY_US
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMMANDS, TRUST = (ROOT / "docs" / name for name in ("commands.md", "trust.md"))
TRUTH = demo_sample.truth_of(ROOT / "data")


@pytest.fixture(scope="module")
def demo_output(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The story, told in a folder of its own by a process with settings it must not follow."""
    place = tmp_path_factory.mktemp("elsewhere")
    shown = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "demo", "--once"],
        cwd=place,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "HABITUS_SOURCE": "file:nowhere", "HABITUS_SINK": "file:here"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert list(place.iterdir()) == [], "something was left behind"
    return shown


def lower_by_agent(text: str) -> dict[str, int]:
    rows = re.findall(r"^(\S+) +\d+ / (\d+) +\w", text, re.MULTILINE)
    return {agent: int(lower) for agent, lower in rows}


@pytest.mark.slow
def test_the_story_ends_well(demo_output: subprocess.CompletedProcess[str]) -> None:
    assert demo_output.returncode == 0, demo_output.stderr
    assert f"{TRUTH.events:,} events" in demo_output.stdout
    assert "0 rejected" in demo_output.stdout


@pytest.mark.slow
def test_all_six_incidents_are_found(demo_output: subprocess.CompletedProcess[str]) -> None:
    assert "6 of 6 incidents found" in demo_output.stdout
    assert "missed: no incident" in demo_output.stdout
    # With the type of anomaly that names what was done.
    expected = {
        "travel-desk-3": "net.anonymiser",
        "support-desk-1": "resource.new",
        "invoice-clerk-2": "resource.new",
        "support-desk-3": "resource.new",
        "data-steward-1": "cred.lifetime",
        "ledger-helper-7": "identity.shadow",
    }
    found = re.findall(
        r"^\d  (\S+)  .*\n +.*\(high, ([\w.]+)\), alert at", demo_output.stdout, re.M
    )
    assert dict(found) == expected
    assert "cred.lifetime), alert at event 1 of 5; also one credential used from two places" in (
        demo_output.stdout
    )


@pytest.mark.slow
@pytest.mark.xfail(strict=True, reason="a new vendor that a person asked for is flagged")
def test_no_benign_novelty_is_flagged(demo_output: subprocess.CompletedProcess[str]) -> None:
    count = len(TRUTH.novelties)
    assert f"{count} of {count} benign novelties not flagged" in demo_output.stdout


@pytest.mark.slow
def test_every_incident_costs_trust_and_comes_with_a_reason(
    demo_output: subprocess.CompletedProcess[str],
) -> None:
    assert demo_output.stdout.count("why: ") == 6
    moved = re.findall(r"trust: (\d+|unknown).*? → (\d+)", demo_output.stdout)
    assert len(moved) == 6
    assert all(before == "unknown" or int(after) < int(before) for before, after in moved)


@pytest.mark.slow
def test_table_lists_agents_with_incidents_below_all_without_a_case(
    demo_output: subprocess.CompletedProcess[str],
) -> None:
    lower = lower_by_agent(demo_output.stdout)
    suspects = {incident.agent_id for incident in TRUTH.incidents}
    false = demo_output.stdout.partition("false cases:")[2].partition("Trust at the end")[0]
    clean = [name for name in lower if name not in suspects and name not in false]
    assert len(clean) >= 4
    assert max(lower[name] for name in suspects) < min(lower[name] for name in clean)


@pytest.mark.slow
def test_false_cases_are_printed_and_few(demo_output: subprocess.CompletedProcess[str]) -> None:
    count = re.search(r"false cases: (\d+) in 21 days", demo_output.stdout)
    assert count is not None
    assert int(count[1]) <= 8


def truth(**more: Any) -> Truth:
    incident = IncidentTruth("night_export", "a", at(1, 10), at(1, 11), ["i1", "i2"], "an export")
    novelty = NoveltyTruth("deployment", "b", at(2, 9), ["n1"], "a new version")
    values: dict[str, Any] = {"incidents": [incident], "novelties": [novelty]} | more
    return Truth(7, at(1, 0), at(22, 0), 4, [], **values)


def at(day: int, hour: int) -> str:
    return f"2026-10-{day:02d}T{hour:02d}:00:00.000000Z"


def filed(
    agent: str, time: str, name: str, case: str = "C-1", *, opened: bool = True, **more: Any
) -> Filed:
    values: dict[str, Any] = {
        "alert": opened, "anomaly": "tool.new", "severity": "high", "return_period_days": 14.2,
        "reasons": [Reason("tool", 12.5, "x", [], "Tool [x]: new to this agent.")],
    }  # fmt: skip
    return Filed(name, agent, time, case, opened, **values | more)


def queue(*events: Filed, notes: int = 0) -> Queue:
    return Queue(list(events), notes)


def story_of(findings: Any, whole: Truth) -> str:
    console = Console(width=120, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115 - closed below
    with console.file:
        demo_story.incidents(console, findings)
        demo_story.novelties(console, findings)
        demo_story.false_cases(console, findings, whole, 0.5)
    return " ".join(console.export_text().split())


def test_missed_incident_is_printed_as_missed() -> None:
    findings = compare(truth(), queue(), [])
    assert [one.truth.incident for one in findings.missed] == ["night_export"]
    demo_output = story_of(findings, truth())
    assert "0 of 1 incidents found" in demo_output
    assert "missed: night export" in demo_output


def test_event_that_only_belongs_to_a_case_does_not_alert() -> None:
    seen = [filed("a", at(1, 9), "own"), filed("a", at(1, 10), "i1", opened=False)]
    findings = compare(truth(), queue(*seen, notes=3), [])
    assert findings.found == []
    assert findings.notes == 3
    assert "3 notes" in story_of(findings, truth())


def test_flagged_novelty_is_printed_as_flagged() -> None:
    findings = compare(truth(), queue(filed("b", at(2, 9), "n1")), [])
    demo_output = story_of(findings, truth())
    assert "0 of 1 benign novelties not flagged" in demo_output
    assert "1 flagged" in demo_output
    assert "false cases: 1 in 21 days" in demo_output


def test_a_false_case_names_the_novelty_of_the_same_day() -> None:
    findings = compare(truth(), queue(filed("b", at(2, 15), "x")), [])
    assert findings.false_cases[0].near is not None
    assert "same day: deployment" in story_of(findings, truth())


def test_ordinary_work_in_an_incidents_case_is_counted_apart() -> None:
    seen = [filed("a", at(1, 11), "i2"), filed("a", at(1, 11), "own", opened=False)]
    findings = compare(truth(), queue(*seen), [])
    (incident,) = findings.found
    assert (incident.first, incident.in_cases, incident.own) == (2, 1, True)
    assert (findings.beside, findings.false_cases) == ({"a": 1}, [])
    demo_output = story_of(findings, truth())
    assert "alert at event 2 of 2" in demo_output
    assert "of night export, 1 of 2 events passed" in demo_output
    assert "a: 1 event of its own work is in a case that an incident raised" in demo_output
    assert "false cases: 0" in demo_output


def test_an_incident_in_a_case_of_other_work_says_so() -> None:
    seen = [
        filed("a", at(1, 9), "own"),
        filed("a", at(1, 10), "i1", opened=False, alert=True, anomaly="volume.exfil"),
    ]
    findings = compare(truth(), queue(*seen), [])
    assert [one.own for one in findings.found] == [False]
    demo_output = story_of(findings, truth())
    assert (
        "volume.exfil), alert at event 1 of 2, in a case that other work had raised" in demo_output
    )
    assert "false cases: 1" in demo_output


def test_the_gravest_alert_leads_and_the_others_follow() -> None:
    seen = [
        filed("a", at(1, 10), "i1", severity="medium", return_period_days=900.0),
        filed("a", at(1, 11), "i2", "C-2", anomaly="cred.reuse"),
    ]
    demo_output = story_of(compare(truth(), queue(*seen), []), truth())
    assert "(high, cred.reuse), alert at event 1 of 2; also new tool" in demo_output


def test_trust_is_read_before_the_first_and_after_the_last_event() -> None:
    answers = [
        trust_answer([], name, us, 0, DEFAULT_POLICY)
        for name, us in (("a", 20_727 * DAY_US), ("b", 0), ("a", 20_729 * DAY_US))
    ]
    findings = compare(truth(), queue(filed("a", at(1, 10), "i1")), answers)
    (incident,) = findings.found
    assert incident.before is answers[0]
    assert incident.after is answers[0]  # the third speaks of a later day


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (14.2, "how rare: once in 14 days over the whole fleet"),
        (0.25, "how rare: 4 times a day over the whole fleet"),
        (None, "how rare: not known yet"),
    ],
)
def test_incident_is_printed_with_how_rare_it_is(days: float | None, said: str) -> None:
    alert = filed("a", at(1, 10), "i1", return_period_days=days)
    assert said in story_of(compare(truth(), queue(alert), []), truth())


def test_text_of_events_is_escaped() -> None:
    findings = compare(truth(), queue(filed("a", at(1, 10), "i1")), [])
    assert "Tool [x]: new to this agent." in story_of(findings, truth())


def test_occupied_port_is_replaced_by_a_reserved_free_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(listen=f"127.0.0.1:{port}")
        with demo._listener(settings, named=False) as listener:
            host, _, other = demo._address(listener).rpartition(":")
            assert host == "127.0.0.1"
            assert other != str(port)
            said = f"port {port} is taken, so the console will be on {other}"
            assert said in " ".join(capsys.readouterr().err.split())
            with pytest.raises(OSError, match="in use"):
                socket.create_server((host, int(other)))


def test_configured_address_is_never_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"cannot listen on {address}"):
            demo._listener(Settings(listen=address), named=True)


def asked_when_ready(url: str, path: str) -> httpx.Response:
    """Ask as soon as all agents are loaded; until then every answer is 503."""
    deadline = time.monotonic() + 60
    with httpx.Client(base_url=url, timeout=60) as client:
        while (answer := client.get(path)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert time.monotonic() < deadline, "the demonstration does not get ready"
            time.sleep(0.1)
    return answer


@pytest.mark.slow
def test_the_printed_port_is_the_one_that_serves(tmp_path: Path) -> None:
    """Two demonstrations at once: each prints a port only after it has it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "demo"],
            cwd=tmp_path,
            env=kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        urls = []
        for process in running:
            assert process.stdout is not None
            printed = next(line for line in process.stdout if line.startswith("console http"))
            urls.append(printed.split()[1])
            answer = asked_when_ready(urls[-1], "v1/agents/invoice-clerk-2/trust")
            assert answer.json()["agent_id"] == "invoice-clerk-2"
        assert len(set(urls)) == 2
    finally:
        for process in running:
            process.terminate()
            process.communicate(timeout=60)


ELIDED = "…"


def block_of(page: Path, beginning: str) -> str:
    """Give the block of a page that begins with a line."""
    (found,) = re.findall(rf"^```\n({re.escape(beginning)}.*?)^```$", page.read_text(), re.M | re.S)
    return str(found)


def words(text: str) -> str:
    """Give a text without how it is broken into lines and how long its rules are."""
    return re.sub("─+", "─", " ".join(text.split()))


@pytest.mark.slow
def test_the_story_in_the_page_is_the_one_that_is_printed(
    demo_output: subprocess.CompletedProcess[str],
) -> None:
    shown = block_of(COMMANDS, "$ make demo\n").partition("\n")[2]
    parts = [words(part) for part in re.split(rf"^{ELIDED}$", shown, flags=re.M)]
    assert len(parts) == 6
    assert [part for part in parts if part not in words(demo_output.stdout)] == []


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> httpx.Response:
    """Ask the demonstration what the page about trust asks it."""
    (asked,) = re.findall(r"curl -si 127\.0\.0\.1:8765(/v1/agents/\S+)", TRUST.read_text())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "demo"],
        cwd=tmp_path_factory.mktemp("asked"),
        env=kept
        | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HABITUS_LISTEN": "127.0.0.1:0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        printed = next(line for line in running.stdout if line.startswith("console http"))
        return asked_when_ready(printed.split()[1], asked)
    finally:
        running.terminate()
        running.communicate(timeout=60)


@pytest.mark.slow
def test_the_answer_in_the_page_is_the_one_that_is_given(answered: httpx.Response) -> None:
    head, _, body = block_of(TRUST, "HTTP/1.1 200 OK\n").partition("\n\n")
    assert head.splitlines()[0] == f"HTTP/1.1 {answered.status_code} {answered.reason_phrase}"
    for line in head.splitlines()[1:]:
        name, _, value = line.partition(": ")
        shape = re.escape(value).replace(ELIDED, ".+")
        assert re.fullmatch(shape, answered.headers[name]), name
    shown, given = json.loads(body), answered.json()
    assert list(shown) == list(given)
    shown_alike = {name: given[name] if shown[name] == ELIDED else shown[name] for name in shown}
    assert shown_alike == given


@pytest.mark.slow
def test_missing_sample_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_sample, "_BUNDLED", tmp_path / "absent")
    said: list[str] = []
    data = demo_sample.sample_folder(tmp_path, said.append)
    assert data == tmp_path
    assert len(said) == 1
    assert demo_sample.truth_of(data) == TRUTH
    assert (data / "intel" / "vpn_ipv4.json").is_file()
