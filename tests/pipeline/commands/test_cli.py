"""The command line as people and programs meet it: output, exit codes, one line of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.trust.state import TrustState
from pipeline.store import Commit, open_store
from tests.pipeline.commands.made_up import an_anomaly

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("clean_environment")
Run = tuple[int, str, str]


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
    assert "HABITUS_MODEL__HELD_DAYS" in table
    assert "hunter2" not in out + table + err


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
