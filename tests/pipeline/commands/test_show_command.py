"""Agents, anomalies and explanations as the terminal shows them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from models.trust.ledger import Item
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.commands.terminal import now_us
from pipeline.store import Commit, PipelineStatus, open_store
from tests.pipeline.commands.made_up import CLERK, an_anomaly

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.trust.policy import Severity

pytestmark = pytest.mark.usefixtures("clean_environment")
Run = tuple[int, str, str]


@pytest.fixture
def filled(clean_environment: None) -> None:  # noqa: ARG001  # the folder is empty before
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
        ({}, "comes as far on one agent-day in 3,333, judged by its role's 812 agent-days"),
        (
            {"p": 0.66, "session_p": 0.002},
            "values and tools of its session",
        ),
        ({"ground": "event", "p_pool": "agent"}, "  judged by an earlier version"),
        ({"p": 0.66, "p_pool": "fleet"}, "on 66% of agent-days, judged by the fleet's 812"),
    ],
)
def test_explain_prints_how_rarely_honest_work_comes_as_far_as_an_anomaly(
    habitus: Callable[..., Run], more: dict[str, Any], said: str
) -> None:
    state = TrustState(agent_id=CLERK, mode="delegated")
    with open_store("sqlite:habitus.db") as store:
        found = [an_anomaly(1) | more]
        store.commit(Commit(profiles=[(CLERK, "delegated", b"p", state)], anomalies=found))
    _, out, _ = habitus("explain", CLERK)
    assert said in out
    assert ("66%" in out) == ("p" in more)


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
