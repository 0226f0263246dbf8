"""The command line as people and programs meet it: output, exit codes, one line of error."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.trust.ledger import Item
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.commands.terminal import now_us
from pipeline.store import Commit, PipelineStatus, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.trust.policy import Severity

Run = tuple[int, str, str]
CLERK = "spiffe://example.com/ns/shop/sa/clerk"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def an_anomaly(number: int, agent: str = CLERK, severity: str = "high") -> dict[str, Any]:
    return {
        "id": f"an-{number}",
        "agent_id": agent,
        "time": f"2026-01-05T08:0{number}:00.000000Z",
        "anomaly": "resource.new",
        "severity": severity,
        "rank": 9.4,
        "p": 0.0003,
        "p_pool": "agent",
        "p_n": 812,
        "reasons": [
            {
                "feature": "resource",
                "bits": 9.4,
                "observed": "[payroll]",
                "expected": [["orders", 0.93]],
                "why": "Kind of resource [payroll]: never used by this role.",
            }
        ],
    }


@pytest.fixture
def filled() -> None:
    """Make a store with two agents, one of them in trouble."""
    now = now_us()
    clerk = TrustState(agent_id=CLERK, mode="delegated", role="clerk", owner="shop@example.com")
    helper = TrustState(agent_id="helper", mode="autonomous", role="helper", last_seen_us=now)
    for day in range(now // DAY_US - 40, now // DAY_US):
        for _ in range(20):
            helper.ledger.clean(day * DAY_US)
    clerk.ledger.add(Item("k", "an-1", now - DAY_US, "high", "resource.new", "data"))
    with open_store("sqlite:habitus.db") as store:
        store.commit(
            Commit(
                profiles=[(s.agent_id, s.mode, b"p", s) for s in (helper, clerk)],
                anomalies=[an_anomaly(1), an_anomaly(2, "helper", "low")],
                status=PipelineStatus("running", now, now, 0),
            )
        )


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "missing command"),
        (("nope",), 2, "no such command 'nope'"),
        (("replay", "x.jsonl"), 2, "missing option '--out'"),
        (("run", "--fast"), 2, "no such option"),
        (("agents", "--limit", "0"), 2, "'--limit': Input should be greater than or equal to 1"),
        (
            ("agents", "--level", "nope"),
            2,
            "invalid value for '--level': 'nope' is not one of '",
        ),
        (
            ("agents", "--state", "nope"),
            2,
            "'--state': 'nope' is not one of '",
        ),
        (
            ("anomalies", "--severity", "bad"),
            2,
            "'--severity': 'bad' is not one of '",
        ),
        (("agents", "--limit", "0"), 2, ", got '0' (see habitus --help)"),
        (("agents", "--limit", "\x1b[2J"), 2, ", got '\\x1b[2J' (see"),
        (("evaluate", "x", "--draws", "9" * 5_000), 2, ", got '" + "9" * 60 + "…' (see"),
        (("evaluate", "x", "--history-days", "3"), 2, "--history-days needs --truth"),
        (
            ("evaluate", "x", "--truth", "t", "--cold", "--history-days", "3"),
            2,
            "--cold has none",
        ),
        (("simulate", "x.jsonl", "--seed", "-1"), 2, "seed must be 0 to"),
        (("agents",), 2, "there is no store at 'habitus.db'"),
        (("anomalies", "--since", "yesterday"), 2, "no store"),
        (("intel", "status"), 2, "HABITUS_INTEL"),
        (("intel", "fetch", "nope", "--folder", "lists"), 2, "unknown list 'nope'"),
        (("doctor", "--create-topics"), 2, "kafka://HOST:PORT"),
        (("replay", "absent.jsonl", "--out", "o"), 2, "absent.jsonl"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    habitus: Callable[..., Run], args: tuple[str, ...], code: int, said: str
) -> None:
    got, out, err = habitus(*args)
    last = err.splitlines()[-1]
    assert (got, out) == (code, "")
    assert last.startswith("error: ")
    assert said in last


def test_a_wrong_setting_stops_every_command_with_exit_2(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_STOER", "sqlite:x.db")
    code, _, err = habitus("config")
    assert code == 2
    assert err == "error: unknown setting HABITUS_STOER, did you mean HABITUS_STORE?\n"


def test_config_shows_every_setting_and_hides_passwords(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUS_SINK", "kafka://me:hunter2@broker.example.com:9092")
    code, out, err = habitus("config", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["alerts_per_day"] == shown["model"]["alerts_per_day"] == 5.0
    assert shown["sink"] == "kafka://***@broker.example.com:9092"
    code, table, err = habitus("config")
    assert "HABITUS_MODEL__GATE" in table
    assert "hunter2" not in out + table + err


@pytest.mark.usefixtures("filled")
def test_agents_come_least_trusted_first_and_can_be_chosen(habitus: Callable[..., Run]) -> None:
    code, out, _ = habitus("agents", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["agent_id"] for row in rows["agents"]] == [CLERK, "helper"]
    assert rows["agents"][0]["top_reason"]["anomaly"] == "resource.new"
    assert rows["pipeline"]["state"] == "running"
    _, out, _ = habitus("agents", "--role", "helper", "--json")
    assert [row["agent_id"] for row in json.loads(out)["agents"]] == ["helper"]
    code, out, err = habitus("agents")
    assert code == 0
    assert "clerk" in out
    assert "2 of 2 agents" in err


@pytest.mark.usefixtures("filled")
def test_anomalies_can_be_chosen_and_say_why(habitus: Callable[..., Run]) -> None:
    _, out, _ = habitus("anomalies", "--json", "--severity", "low")
    assert [one["id"] for one in json.loads(out)["anomalies"]] == ["an-2"]
    _, out, _ = habitus("anomalies", "--json", "--since", "2026-01-05T08:02:00+00:00")
    assert [one["id"] for one in json.loads(out)["anomalies"]] == ["an-2"]
    _, out, _ = habitus("anomalies", "--agent", CLERK)
    assert "[payroll]" in out
    code, _, err = habitus("anomalies", "--since", "2026-01-05")
    assert code == 2
    assert "--since must be RFC 3339 with a zone" in err


@pytest.mark.usefixtures("filled")
def test_explain_prints_trust_reasons_recovery_and_bits(habitus: Callable[..., Run]) -> None:
    code, out, _ = habitus("explain", CLERK)
    words = " ".join(out.split())
    assert code == 0
    assert "restricted" in words
    assert re.search(r"recovers watch in \d+ clean days", words)
    assert "9.4 bits Kind of resource [payroll]: never used by this role." in words
    assert "expected: orders 93%" in words
    _, out, _ = habitus("explain", CLERK, "--json")
    explained = json.loads(out)
    assert explained["trust"]["agent_id"] == CLERK
    assert explained["trust"]["reasons"][0]["effect"] < 0
    assert [one["mode"] for one in explained["by_mode"]] == ["delegated"]
    assert explained["anomalies"][0]["id"] == "an-1"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ground": "rule", "p": 0.66}, "found by an explicit rule, not by its rarity"),
        ({"ground": "several"}, "found by a sum over several events"),
        ({"ground": "event"}, "as unusual as one event in 3,333, judged by its own last 812"),
        ({"ground": "session", "p": 0.66, "session_p": 0.002}, "one session in 500"),
        ({"ground": "together", "p": 0.66, "together_p": 0.00005}, "one session in 20,000"),
        ({"p": 0.66, "p_pool": "role"}, "as unusual as 66% of events, judged by its role's last"),
    ],
)
def test_explain_prints_the_evidence_of_an_anomaly_without_other_p_values(
    habitus: Callable[..., Run], more: dict[str, Any], said: str
) -> None:
    state = TrustState(agent_id=CLERK, mode="delegated")
    with open_store("sqlite:habitus.db") as store:
        found = [an_anomaly(1) | more]
        store.commit(Commit(profiles=[(CLERK, "delegated", b"p", state)], anomalies=found))
    _, out, _ = habitus("explain", CLERK)
    assert said in out
    assert ("66%" in out) == ("ground" not in more)


@pytest.mark.parametrize(
    ("age_days", "severity", "count", "against", "said"),
    [
        (1, "high", 1, "against 2", "what lowers it"),
        (100, "low", 8, "against 2%", "no anomaly takes a point off any more: what counts agai"),
        (300, "low", 8, "against under 1%", "(under 1% of the evidence) has faded, or was slight"),
        (600, "low", 8, "against 0%", "nothing counts against it any more: what did has faded"),
        (0, "low", 0, "against 0%", "nothing counts against it\n"),
    ],
)
def test_explain_says_of_old_evidence_that_it_counted_and_has_faded(
    habitus: Callable[..., Run],
    age_days: int,
    severity: Severity,
    count: int,
    against: str,
    said: str,
) -> None:
    now = now_us()
    state = TrustState(agent_id=CLERK, mode="delegated", last_seen_us=now)
    for day in range(now // DAY_US - 60, now // DAY_US):
        for _ in range(20):
            state.ledger.clean(day * DAY_US)
    at_us = now - age_days * DAY_US
    for number in range(count):
        state.ledger.add(Item(f"k{number}", f"an-{number}", at_us, severity, "tool.new", "tools"))
    with open_store("sqlite:habitus.db") as store:
        profiles = [(CLERK, "delegated", b"p", state)]
        found = [an_anomaly(number) for number in range(count)]
        store.commit(Commit(profiles=profiles, anomalies=found))
    _, out, _ = habitus("explain", CLERK)
    assert against in out
    assert said in out
    if count:
        assert "nothing counts against it\n" not in out


def test_explain_names_the_mode_in_which_nothing_counts(habitus: Callable[..., Run]) -> None:
    now = now_us()
    new = TrustState(agent_id=CLERK, mode="autonomous", last_seen_us=now)
    old = TrustState(agent_id=CLERK, mode="delegated", last_seen_us=now)
    for day in range(now // DAY_US - 60, now // DAY_US):
        for _ in range(20):
            old.ledger.clean(day * DAY_US)
    old.ledger.add(Item("k", "an-1", now - DAY_US, "low", "tool.new", "tools"))
    with open_store("sqlite:habitus.db") as store:
        profiles = [(CLERK, state.mode, b"p", state) for state in (new, old)]
        found = [an_anomaly(1) | {"mode": "delegated"}]
        store.commit(Commit(profiles=profiles, anomalies=found))
    _, out, _ = habitus("explain", CLERK)
    assert "nothing counts against it in autonomous mode\n" in out


@pytest.mark.usefixtures("filled")
def test_explaining_an_unknown_agent_fails_with_the_nearest_name(
    habitus: Callable[..., Run],
) -> None:
    code, _, err = habitus("explain", "helpre")
    assert code == 1
    assert err == "error: no agent 'helpre' in the store, did you mean 'helper'?\n"


def test_a_pipeline_that_went_away_makes_answers_stale(habitus: Callable[..., Run]) -> None:
    state = TrustState(agent_id="a", mode="delegated", state="active")
    long_ago = PipelineStatus("running", now_us() - 10 * DAY_US, 0, 0)
    with open_store("sqlite:habitus.db") as store:
        store.commit(Commit(profiles=[("a", "delegated", b"p", state)], status=long_ago))
    _, out, _ = habitus("agents", "--json")
    assert json.loads(out)["agents"][0]["state"] == "stale"


def test_doctor_accepts_the_defaults_and_names_missing_parts(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("events.jsonl").write_text("{}\n")
    monkeypatch.setenv("HABITUS_SOURCE", "file:events.jsonl")
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    code, out, _ = habitus("doctor", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["ok"]
    assert {check["name"] for check in found["checks"]} >= {"store", "source", "sink", "intel"}
    monkeypatch.setenv("HABITUS_SOURCE", "kafka://127.0.0.1:1/agent.actions?group=g")
    monkeypatch.setenv("HABITUS_LISTEN", "0.0.0.0:0")
    monkeypatch.setenv("HABITUS_STORE", "sqlite:/nowhere/habitus.db")
    monkeypatch.setenv("HABITUS_FORMAT", "nativ")
    code, out, err = habitus("doctor")
    assert code == 1
    assert err == "error: missing: format, store, source, credentials\n"
    assert "no Kafka broker answers" in out


@pytest.mark.parametrize(
    ("setting", "content", "name"),
    [
        ("HABITUS_PARAMETERS", "no TOML", "model"),
        ("HABITUS_API_KEYS_FILE", '{"not": "keys"}', "credentials"),
        ("HABITUS_JWKS", "no JSON", "credentials"),
    ],
)
def test_doctor_reads_the_files_that_a_start_would_read(
    habitus: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    content: str,
    name: str,
) -> None:
    Path("events.jsonl").write_text("{}\n")
    Path("file").write_text(content)
    monkeypatch.setenv("HABITUS_SOURCE", "file:events.jsonl")
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("HABITUS_JWT_ISSUER", "https://issuer.example.com")
    monkeypatch.setenv("HABITUS_JWT_AUDIENCE", "habitus")
    monkeypatch.setenv(setting, "file")
    code, _, err = habitus("doctor")
    assert code == 1
    assert err == f"error: missing: {name}\n"


def test_the_lists_in_use_are_shown(habitus: Callable[..., Run]) -> None:
    Path("lists").mkdir()
    Path("lists/vpn_ipv4.txt").write_text("198.51.100.0/24\nnonsense\n")
    code, out, _ = habitus("intel", "status", "--folder", "lists", "--json")
    (row,) = json.loads(out)["lists"]
    assert code == 0
    assert (row["kind"], row["entries"], row["bad_lines"]) == ("vpn", 1, 1)
    code, out, _ = habitus("intel", "status", "--folder", "lists")
    assert "vpn_ipv4" in out


@pytest.mark.parametrize(
    "name",
    [
        *("run", "serve", "demo", "replay", "learn", "evaluate", "agents", "anomalies"),
        *("explain", "config", "doctor", "intel"),
    ],
)
def test_every_command_has_help(habitus: Callable[..., Run], name: str) -> None:
    code, out, err = habitus(name, "--help")
    assert code == 0
    assert "Usage" in out
    assert err == ""


def test_agent_name_cannot_control_the_terminal(habitus: Callable[..., Run]) -> None:
    name = "\x1b[2J[red]agent\u202e"
    state = TrustState(agent_id=name, mode="delegated", role="\x9b1m")
    with open_store("sqlite:habitus.db") as store:
        store.commit(
            Commit(profiles=[(name, "delegated", b"p", state)], anomalies=[an_anomaly(1, name)])
        )
    for args in (("agents",), ("anomalies",), ("explain", name), ("explain", f"{name}x")):
        _, out, err = habitus(*args)
        assert not {"\x1b", "\x9b", "\u202e"} & set(out + err)
        assert "[red]agent" in out + err
