"""`habitus anomalies`: ids in the list, and one anomaly opened by its id or the beginning of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from pipeline.commands import show
from pipeline.commands.pages.beginnings import MAX_NAMED
from pipeline.store import Commit, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Run = tuple[int, str, str]
CLERK = "spiffe://example.com/ns/shop/sa/" + "clerk-" * 30
IDS = ("an-1100aaaaaaaaaaaa", "an-1122bbbbbbbbbbbb", "an-2200cccccccccccc")
NARROW = 80


def an_anomaly(name: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "agent_id": CLERK,
        "mode": "delegated",
        "owner": "shop@example.com",
        "first_time": "2026-01-05T07:00:00.000000Z",
        "time": f"2026-01-05T08:0{number}:00.000000Z",
        "anomaly": "resource.new",
        "severity": "high",
        "session": "session-7",
        "tool": "files.read",
        "facet": "data",
        "rank": 9.4,
        "p": 0.0003,
        "p_pool": "role",
        "p_n": 812,
        "case_id": "C-00000000000000aa",
        "count": 30,
        "events": [{"id": "event-30", "position": "file:/var/log/agents.jsonl@812"}],
        "status": "open",
        "tags": {"owasp": ["ASI02"], "maestro": ["L2"], "attack": ["T1530"], "atlas": []},
        "trust": {"before": 83.2, "after": 52.0},
        "reasons": [
            {
                "feature": "resource",
                "bits": 9.4,
                "observed": "[payroll]",
                "expected": [["orders", 0.93]],
                "why": "Kind of resource [payroll]: never used by this role.",
            }
        ],
    } | more


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    found = [an_anomaly(name, number) for number, name in enumerate(IDS)]
    found[1] |= {"agent_id": "helper", "severity": "low", "anomaly": "tool.new"}
    fill(found)


def fill(found: Sequence[dict[str, Any]]) -> None:
    with open_store("sqlite:habitus.db") as store:
        store.commit(Commit(anomalies=list(found)))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "console", lambda: Console(width=NARROW, force_terminal=False))


def listed(habitus: Callable[..., Run], *args: str) -> list[str]:
    code, out, _ = habitus("anomalies", "--json", *args)
    assert code == 0
    return [one["id"] for one in json.loads(out)["anomalies"]]


def test_the_list_shows_ids_newest_first(habitus: Callable[..., Run]) -> None:
    code, out, err = habitus("anomalies")
    assert code == 0
    assert [name for line in out.splitlines() for name in IDS if name in line] == [*reversed(IDS)]
    assert err == "3 anomalies\n"


@pytest.mark.usefixtures("narrow")
def test_list_in_80_columns_has_whole_ids(habitus: Callable[..., Run]) -> None:
    _, out, _ = habitus("anomalies")
    assert max(map(len, out.splitlines())) <= NARROW
    assert "…" not in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("an-")] == [
        *reversed(IDS)
    ]
    assert "".join(out.split()).count(CLERK) == 2
    _, out, _ = habitus("anomalies", IDS[0])
    assert max(map(len, out.splitlines())) <= NARROW
    assert "…" not in out
    assert CLERK in "".join(out.split())


def test_the_list_can_be_narrowed(habitus: Callable[..., Run]) -> None:
    assert listed(habitus, "--agent", "helper") == [IDS[1]]
    assert listed(habitus, "--severity", "high") == [IDS[2], IDS[0]]
    assert listed(habitus, "--kind", "tool.new") == [IDS[1]]
    assert listed(habitus, "--not-kind", "tool.new", "--not-kind", "other") == [IDS[2], IDS[0]]
    assert listed(habitus, "--since", "2026-01-05T08:01:00Z") == [IDS[2], IDS[1]]
    assert listed(habitus, "--limit", "1") == [IDS[2]]


@pytest.mark.parametrize("beginning", [IDS[2], "an-2200cc", "an-2", "22", "2200cccccccccccc"])
def test_anomaly_is_found_by_its_id_or_a_prefix(
    habitus: Callable[..., Run], beginning: str
) -> None:
    code, out, _ = habitus("anomalies", beginning)
    assert code == 0
    said = " ".join(out.split())
    for expected in (
        f"{IDS[2]} resource.new: Unusual data, resource or destination",
        "severity high",
        "mode delegated",
        "owner shop@example.com",
        "time 2026-01-05T07:00:00Z to 2026-01-05T08:02:00Z",
        "case C-00000000000000aa",
        "honest work comes as far on one agent-day in 3,333, judged by its role's 812 agent-days",
        "once in 676 days, p = 3.0e-04",
        "83 before, 52 after; facet data",
        "OWASP ASI02; MAESTRO L2; ATT&CK T1530",
        "9.4 bits Kind of resource [payroll]: never used by this role.",
        "expected: orders 93%",
        "event-30 file:/var/log/agents.jsonl@812",
        "the newest 1 of 30 events",
    ):
        assert expected in said
    assert IDS[0] not in said


FORGED = ["ghost-1", "ghost-l", "a,b", "a and 3 more", '"a"', "caf\u00e9", "cafe\u0301"]
TOLD = ["ghost-1⟨U+0031⟩", "ghost-l⟨U+006C⟩", '"a,b"', '"a and 3 more"', r'"\"a\""', "caf\u00e9",
        "cafe\u0301⟨U+0301⟩"]  # fmt: skip


@pytest.mark.usefixtures("narrow")
def test_each_of_several_agents_has_a_distinct_line(habitus: Callable[..., Run]) -> None:
    several = {"count": 9, "first": FORGED, "shared": {}}
    fill([an_anomaly("an-55", 5, agent_id=FORGED[0], agents=several)])
    _, out, _ = habitus("anomalies", "--limit", "1")
    assert f"{TOLD[0]} and 8 more" in out
    _, out, _ = habitus("anomalies", "an-55")
    lines = [line.strip() for line in out.splitlines()]
    assert f"agent     {TOLD[0]}" in lines
    at = lines.index("agents    9")
    assert lines[at + 1 : at + 9] == [*TOLD, "and 2 more"]


@pytest.mark.usefixtures("narrow")
def test_all_agents_of_a_finding_are_listed_with_those_that_do_more_than_read_first(
    habitus: Callable[..., Run],
) -> None:
    several = {"count": 4, "first": ["b"], "operations": {"b": "pay"}, "shared": {}}
    members = [(f"name-{name}", "an-55", name) for name in ("a", "b", "gh\u043est")]
    with open_store("sqlite:habitus.db") as store:
        found = [an_anomaly("an-55", 5, agent_id="b", agents=several)]
        store.commit(Commit(anomalies=found, members=members))
    _, out, _ = habitus("anomalies", "an-55")
    lines = [line.strip() for line in out.splitlines()]
    at = lines.index("agents    4")
    assert lines[at + 1 : at + 5] == ["b  pay", "a", "gh\u043e⟨U+043E⟩st", "and 1 more"]
    _, out, _ = habitus("anomalies", "an-55", "--json")
    assert json.loads(out)["agents"]["members"] == ["a", "b", "gh\u043est"]


@pytest.mark.parametrize(
    ("count", "shown"), [(1, '"a and 3 more"'), (4, '"a and 3 more" and 3 more')]
)
def test_id_in_the_list_cannot_look_like_several_agents(
    habitus: Callable[..., Run], count: int, shown: str
) -> None:
    several = {"count": count, "first": [FORGED[3]], "shared": {}}
    fill([an_anomaly("an-55", 5, agent_id=FORGED[3], agents=several)])
    _, out, _ = habitus("anomalies", "--limit", "1")
    assert shown in " ".join(out.split())


def test_json_of_an_anomaly_is_complete(habitus: Callable[..., Run]) -> None:
    _, out, _ = habitus("anomalies", "an-1100", "--json")
    assert json.loads(out) == an_anomaly(IDS[0], 0)


def test_ambiguous_prefix_lists_the_matching_ids(habitus: Callable[..., Run]) -> None:
    code, out, err = habitus("anomalies", "an-11")
    assert (code, out) == (1, "")
    assert err == f"error: several ids begin with 'an-11': {IDS[0]}, {IDS[1]}\n"
    fill([an_anomaly(f"an-33{number}", number) for number in range(MAX_NAMED + 1)])
    code, _, err = habitus("anomalies", "33")
    assert err == (
        "error: several ids begin with 'an-33': an-330, an-331, an-332, an-333, an-334, …\n"
    )


def test_complete_id_is_found_even_as_a_prefix_of_others(habitus: Callable[..., Run]) -> None:
    fill([an_anomaly("an-44", 4), an_anomaly("an-445", 5)])
    code, out, _ = habitus("anomalies", "an-44", "--json")
    assert (code, json.loads(out)["id"]) == (0, "an-44")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("zz",), 1, "no anomaly has an id that begins with 'zz'; habitus anomalies lists them"),
        (("an-%",), 1, "no anomaly has an id that begins with 'an-%'"),
        (("",), 2, "expected an id or its beginning, got ''"),
        (("an-",), 2, "expected an id or its beginning, got 'an-'"),
        (("an-1100", "--agent", "helper"), 2, "it cannot be combined with filters"),
    ],
)
def test_unknown_id_is_one_line(
    habitus: Callable[..., Run], args: tuple[str, ...], code: int, said: str
) -> None:
    got, out, err = habitus("anomalies", *args)
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert said in err
