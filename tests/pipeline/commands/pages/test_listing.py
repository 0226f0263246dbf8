"""Nothing that tells two agents apart is cut in a terminal of 80 columns."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from models.telemetry.last_seen import LastSeen
from models.trust.ledger import Item, Ledger
from models.trust.state import TrustState
from models.units import HOUR_US
from pipeline.cli import app
from pipeline.commands.pages.listing import listing
from pipeline.store import Commit, PipelineStatus, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW_US = 1_772_445_600_000_000
SPIFFE = "spiffe://example.com/ns/shop/sa/refunds-"
LONG = "a" * 100
PAIRS = {
    "tail": (SPIFFE + "1", SPIFFE + "2"),
    "middle": (f"{LONG}1{LONG}", f"{LONG}2{LONG}"),
    "longest": (f"1{'x' * 255}", f"2{'x' * 255}"),
}


@pytest.fixture
def listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """Run a command over a store with two agents, in a terminal of 80 columns; give its lines."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HABITUS_CLOCK", "event")

    def run(names: tuple[str, ...], *command: str, **more: Any) -> list[str]:
        url = f"sqlite:{tmp_path / 'habitus.db'}"
        monkeypatch.setenv("HABITUS_STORE", url)
        heard = LastSeen()
        with open_store(url) as store:
            for n, agent in enumerate(names):
                found = an_anomaly(n, agent, **more)
                item = Item(f"k{n}", found["id"], NOW_US, "high", "tool.new", "tools")
                ledger = Ledger()
                ledger.add(item)
                state = TrustState(
                    agent_id=agent, mode="delegated", role="refund-assistant",
                    owner="shop@example.com", first_seen_us=NOW_US - 60 * 24 * HOUR_US,
                    last_seen_us=NOW_US, events=9, ledger=ledger,
                )  # fmt: skip
                store.commit(
                    Commit(profiles=[(agent, "delegated", b"p", state)], anomalies=[found])
                )
                for ago in (*range(20 * 24, 72, -4), 72):
                    heard.note(agent, "delegated", NOW_US // HOUR_US - ago)
            status = PipelineStatus("drained", NOW_US, NOW_US, 0)
            store.commit(Commit(shared=heard.dump(), status=status))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app(list(command))
        assert not ended.value.code
        return capsys.readouterr().out.splitlines()

    return run


def an_anomaly(number: int, agent: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"an-{number:016x}",
        "agent_id": agent,
        "time": "2026-03-02T10:00:00.000000Z",
        "anomaly": "tool.new",
        "severity": "high",
        "rank": 24.5,
        "reasons": [
            {"bits": 9.0, "observed": "t", "expected": [], "why": "A tool that nobody uses."}
        ],
        **more,
    }


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("command", [("agents",), ("anomalies",), ("agents", "--silent")])
def test_each_of_two_long_ids_is_whole(listed, command, pair):
    lines = listed(PAIRS[pair], *command)
    assert "…" not in "".join(lines)
    text = "".join("".join(lines).split())
    for agent in PAIRS[pair]:
        assert text.count(agent) == 1


@pytest.mark.parametrize("pair", PAIRS)
def test_the_page_of_an_agent_begins_with_its_whole_id(listed, pair):
    agents = PAIRS[pair]
    lines = listed(agents, "explain", agents[1])
    assert lines[0] == agents[1]
    assert any("an-0000000000000001" in line for line in lines)


def test_rows_that_fit_are_a_table_whose_prose_is_broken_between_words():
    out = io.StringIO()
    rows = [("high", "a-1", "A tool that nobody of the role has used before on any day.")]
    heads = ("severity", "agent", "why")
    listing(Console(file=out, width=60), heads, rows, prose="why")
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("┏")
    assert max(map(len, lines)) <= 60
    assert len(lines) > 5


def test_look_alike_ids_are_distinguishable(listed):
    text = "\n".join(listed(("refunds-1", "refunds-l", "r\u0435funds-1"), "agents"))
    assert "refunds-1⟨U+0031⟩" in text
    assert "refunds-l⟨U+006C⟩" in text
    assert "r\u0435⟨U+0435⟩funds-1" in text


@pytest.mark.parametrize("command", [("agents",), ("anomalies",), ("explain", None)])
def test_no_id_steers_the_terminal_or_becomes_a_picture(listed, command):
    agent = "\x1b[2J\u202eevil\u200b\n[red]:bug:"
    lines = listed((agent,), *(agent if word is None else word for word in command))
    text = "\n".join(lines)
    assert "⟨U+001B⟩[2J⟨U+202E⟩evil⟨U+200B⟩⟨U+000A⟩[red]:bug:" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json_has_unescaped_ids(listed):
    agent = "r\u0435funds\u202e-1"
    assert f'"agent_id": "{agent}"' in "\n".join(listed((agent,), "agents", "--json"))


def test_a_finding_of_many_agents_says_how_many(listed):
    text = " ".join(
        listed(("ghost-1",), "anomalies", agents={"count": 250, "first": ["ghost-1"], "shared": {}})
    )
    assert "ghost-1 and 249 more" in text


def test_a_console_narrower_than_an_id_still_shows_all_of_it():
    out = io.StringIO()
    listing(Console(file=out, width=20), ("agent", "level"), [("x" * 64, "high")])
    assert "x" * 64 in out.getvalue()
