"""`habitus cases`: the queue, and one case opened by its id or the beginning of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from pipeline.commands import cases
from pipeline.store import Commit, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

Run = tuple[int, str, str]
pytestmark = pytest.mark.usefixtures("clean_environment")
CLERK = "spiffe://example.com/ns/shop/sa/" + "clerk-" * 20
IDS = ("C-1100aaaaaaaaaaaa", "C-1122bbbbbbbbbbbb", "C-2200cccccccccccc")
NARROW = 80


def a_case(name: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "case_id": name,
        "version": 2,
        "change": "grew",
        "status": "open",
        "agent_id": CLERK,
        "agents": [CLERK],
        "agent_count": 1,
        "mode": "delegated",
        "role": "clerk",
        "owner": "shop@example.com",
        "opened": "2026-01-05T07:00:00.000000Z",
        "last": f"2026-01-05T08:0{number}:00.000000Z",
        "severity": "high",
        "return_period_days": 140.2,
        "title": "Unusual data, resource or destination: [payroll]",
        "signals": [
            {
                "detector": "data",
                "anomaly": "resource.new",
                "subject": "[payroll]",
                "bits": 9.4,
                "return_period_days": 140.2,
                "tags": {"owasp": ["ASI02"], "maestro": [], "attack": ["T1530"], "atlas": []},
                "reasons": [
                    {
                        "feature": "resource",
                        "bits": 9.4,
                        "observed": "[payroll]",
                        "expected": [["orders", 0.93]],
                        "why": "Resource [payroll]: new to the whole fleet.",
                    }
                ],
            }
        ],
        "events": {"count": 30, "ids": ["event-29", "event-30"]},
        "sessions": ["session-7"],
        "traces": ["trace-3"],
        "trust": {"before": {"score": 83, "lower": 62}, "after": {"score": 52, "lower": 31}},
        "disposition": None,
        "decision": None,
        "assignee": None,
        "comments": 0,
        "suppressed_by": None,
        "config_version": "c1",
    } | more


@pytest.fixture(autouse=True)
def _store(clean_environment: None) -> None:  # noqa: ARG001  # the folder is empty before
    found = [a_case(name, number) for number, name in enumerate(IDS)]
    found[1] |= {
        "agent_id": "helper",
        "agents": ["helper", "ghost"],
        "agent_count": 30,
        "severity": "low",
        "return_period_days": 0.2,
        "status": "closed",
    }
    found[2] |= {"return_period_days": 900.0}
    agents = [(one["case_id"], agent) for one in found for agent in one["agents"]]
    with open_store("sqlite:habitus.db") as store:
        store.commit(Commit(cases=found, case_agents=agents))


def listed(habitus: Callable[..., Run], *args: str) -> list[str]:
    code, out, _ = habitus("cases", "--json", *args)
    assert code == 0
    return [one["case_id"] for one in json.loads(out)["cases"]]


def test_queue_is_in_order_of_severity_and_return_period(habitus: Callable[..., Run]) -> None:
    code, out, err = habitus("cases")
    assert code == 0
    found = [name for line in out.splitlines() for name in IDS if name in line]
    assert found == [IDS[2], IDS[0], IDS[1]]
    words = " ".join(out.split())
    assert "once in 2 years" in words
    assert "once in 140 days" in words
    assert "helper and 29 more" in words
    assert err == "3 cases\n"


def test_queue_in_80_columns_has_whole_ids(
    habitus: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "console", lambda: Console(width=NARROW, force_terminal=False))
    _, out, _ = habitus("cases")
    assert max(map(len, out.splitlines())) <= NARROW
    assert "…" not in out
    assert [line for line in out.splitlines() if line.startswith("C-")] == [IDS[2], IDS[0], IDS[1]]
    assert "".join(out.split()).count(CLERK) == 2


def test_suppressed_cases_are_counted_below_the_queue(habitus: Callable[..., Run]) -> None:
    hidden = a_case("C-3300dddddddddddd", 3) | {"status": "suppressed", "suppressed_by": "S-1"}
    with open_store("sqlite:habitus.db") as store:
        store.commit(Commit(cases=[hidden], case_agents=[(hidden["case_id"], CLERK)]))
    _, out, err = habitus("cases")
    assert hidden["case_id"] not in out
    assert err == "3 cases; 1 suppressed: --status suppressed\n"
    assert listed(habitus, "--status", "suppressed") == [hidden["case_id"]]
    _, out, _ = habitus("cases", hidden["case_id"])
    assert "suppressed by S-1" in out


def test_the_queue_can_be_narrowed(habitus: Callable[..., Run]) -> None:
    assert listed(habitus, "--agent", "ghost") == [IDS[1]]
    assert listed(habitus, "--severity", "high") == [IDS[2], IDS[0]]
    assert listed(habitus, "--status", "closed") == [IDS[1]]
    assert listed(habitus, "--sort", "last") == [IDS[2], IDS[1], IDS[0]]
    assert listed(habitus, "--limit", "1") == [IDS[2]]


@pytest.mark.parametrize("beginning", [IDS[0], "C-1100", "1100", "1100aaaaaaaaaaaa"])
def test_case_is_found_by_its_id_or_a_prefix(habitus: Callable[..., Run], beginning: str) -> None:
    code, out, _ = habitus("cases", beginning)
    assert code == 0
    said = " ".join(out.split())
    for expected in (
        f"{IDS[0]} Unusual data, resource or destination: [payroll]",
        "severity high",
        "comes up once in 140 days",
        "status open, version 2, grew",
        "mode delegated",
        "owner shop@example.com",
        "time 2026-01-05T07:00:00Z to 2026-01-05T08:00:00Z",
        "83 (at least 62) before, 52 (at least 31) after",
        "signal resource.new [payroll] data once in 140 days",
        "OWASP ASI02; ATT&CK T1530",
        "9.4 bits Resource [payroll]: new to the whole fleet.",
        "expected: orders 93%",
        "events, the newest 2 of 30 event-30 event-29",
        "sessions session-7",
        "traces trace-3",
    ):
        assert expected in said
    assert IDS[1] not in said


def test_case_of_several_agents_names_the_first_and_counts_the_others(
    habitus: Callable[..., Run],
) -> None:
    _, out, _ = habitus("cases", IDS[1])
    assert "agents helper ghost and 28 more mode" in " ".join(out.split())


def test_json_of_a_case_is_complete(habitus: Callable[..., Run]) -> None:
    _, out, _ = habitus("cases", "C-1100", "--json")
    assert json.loads(out) == a_case(IDS[0], 0) | {"discussion": []}


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("C-11",), 1, f"several ids begin with 'C-11': {IDS[0]}, {IDS[1]}"),
        (("zz",), 1, "no case has an id that begins with 'zz'; habitus cases lists them"),
        (("C-",), 2, "expected an id or its beginning, got 'C-'"),
        (("C-1100", "--agent", "helper"), 2, "it cannot be combined with filters"),
    ],
)
def test_unknown_id_is_one_line(
    habitus: Callable[..., Run], args: tuple[str, ...], code: int, said: str
) -> None:
    got, out, err = habitus("cases", *args)
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert said in err
