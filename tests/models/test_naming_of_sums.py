"""What most of a sum is names an alert that the sum decided."""

from __future__ import annotations

from typing import Any

from models.event import Human

TOOLS = ("mail.read", "mail.send", "crm.find", "crm.note", "files.read")
DAY = 1_440


def test_an_unknown_person_is_the_cause_of_a_whole_session(a_stream: Any, an_event: Any) -> None:
    """Its last calls are many for an hour as well: every session's are."""
    stream = a_stream(alerts_per_day=5.0)

    def session(agent: int, at: float, name: str, person: str) -> list[Any]:
        return [
            an_event(f"clerk-{agent}", at + call, tool=tool, session=name, human=Human(person))
            for call, tool in enumerate(TOOLS)
        ]

    stream.engine.trusted_history = True
    for day in range(30):
        for agent in range(4):
            for turn in range(3):
                at = day * DAY + 97 * turn + 7 * agent
                name = f"s-{agent}-{day}-{turn}"
                stream.judge_all(session(agent, at, name, ("ann", "bo")[turn % 2]))
    stream.engine.trusted_history = False
    judged = stream.judge_all(session(0, 30 * DAY + 97, "odd", "mallory"))
    alerts = [found for found in judged if found.alert]
    assert len(alerts) == len(TOOLS)
    assert {found.anomaly for found in alerts} == {"delegation.anomaly"}
    assert {found.reasons[0].feature for found in alerts} == {"human"}
