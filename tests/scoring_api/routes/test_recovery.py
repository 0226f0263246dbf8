"""The days of a clean run are one number, said in one way: answer, terminal, story and console."""

from __future__ import annotations

import io
import re

import pytest
from msgspec import to_builtins
from rich.console import Console

from lab.demo.story import trust_table
from models.trust.ledger import Item
from models.trust.levels import LevelState
from models.trust.policy import DEFAULT_POLICY
from models.trust.response import Recovery, trust_answer
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.commands.pages.explanation import Explained, explanation
from pipeline.commands.pages.recovery import recovery_text

AT = 20_500 * DAY_US


def answered(severity: str):
    state = TrustState(agent_id="clerk", mode="delegated", state="active")
    for day in range(20_440, 20_500):
        state.ledger.days[day] = 20
    state.level_state = LevelState("watch")
    state.ledger.add(Item("k", "an-1", AT, severity, "tool.new", "tools"))
    return trust_answer([state], "clerk", AT, AT, DEFAULT_POLICY)


def rows():
    """Answers of every kind: with a day, with days, at the top, out of reach, held."""
    some = to_builtins(answered("critical"))
    return [
        some,
        some | {"recovers": to_builtins(Recovery(to="normal", clean_days=1))},
        some | {"recovers": None},
        some | {"recovers": None, "level": "trusted"},
        some | {"gate": "quarantined"},
    ]


def printed(show) -> str:
    out = Console(file=io.StringIO(), width=160)
    show(out)
    return " ".join(out.file.getvalue().split())


def test_demonstration_and_explanation_word_recovery_like_the_answer() -> None:
    answer = answered("critical")
    assert answer.recovers is not None
    said = f"{answer.recovers.to} in {answer.recovers.clean_days} clean days"
    assert recovery_text(to_builtins(answer)) == said
    explained = Explained(trust=answer, by_mode=[answer], anomalies=[])
    assert said in printed(lambda out: explanation(explained, out))
    row = to_builtins(answer) | {"top_reason": None}
    assert said in printed(lambda out: trust_table(out, [row]))


@pytest.mark.browser
def test_console_words_recovery_like_the_terminal(browser, installation) -> None:
    with installation.client() as client:
        page = browser.new_page()
        page.goto(f"{client.base_url}/console/")
        said = page.evaluate(
            "async rows => (await import('/console/words.js')).recovers"
            " && rows.map((await import('/console/words.js')).recovers)",
            rows(),
        )
        page.close()
    assert said == [recovery_text(row) for row in rows()]
    counted = [bool(re.search(r"in \d+ clean days?$", one)) for one in said]
    assert counted == [True, True, False, False, False]


def test_past_clean_days_do_not_count_as_future_ones(installation) -> None:
    installation.put(installation.state())
    with installation.client() as client:
        (agent,) = client.get("/v1/agents").json()["agents"]
        found = client.get(f"/v1/agents/{agent['agent_id']}/evidence").json()
    assert "clean_days" not in found
    assert found["days_worked_clean"] > 0
