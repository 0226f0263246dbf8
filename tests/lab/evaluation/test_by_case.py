"""Figures by case: one line in the queue, however many of its events alert."""

from __future__ import annotations

from typing import Any

import pytest

from lab.evaluation.by_case import by_case
from lab.evaluation.judged import Scored, Session
from lab.evaluation.truth.known import HISTORY, JUDGED
from lab.evaluation.truth.planted import Planted
from models.units import DAY_US

PLANTED = {
    "p1": Planted("p1", "attack", "pay", cause="tool"),
    "p2": Planted("p2", "attack", "pay", cause="tool"),
    "q1": Planted("q1", "attack", "leak", cause="bytes_out", also=["records"]),
    "n1": Planted("n1", "benign", "deployment"),
}


def an_event(day: float = 0.0, case: str | None = None, **more: Any) -> Scored:
    label = int(case is not None and PLANTED[case].kind == "attack")
    return Scored(
        **{"time_us": int(day * DAY_US), "rank": 1.0, "label": label, "case": case, **more}
    )


def a_session(*events: Scored, phase: str = JUDGED) -> Session:
    bad = any(event.label for event in events)
    label = "attacked_succeeded" if bad else "benign"
    return Session(agent_id="a", label=label, phase=phase, events=list(events))


def test_recall_is_the_mean_over_types_and_own_cases_are_raised_by_the_attack() -> None:
    found = by_case(
        [
            a_session(an_event(0, alert="C-1"), an_event(0, "p1", alert="C-1")),
            a_session(an_event(0, "p2", alert="C-2", reason="tool")),
            a_session(an_event(1, "q1")),
        ],
        PLANTED,
    )
    assert (found["recall"], found["recall_in_own_case"]) == (0.5, 0.25)
    assert (found["cases"], found["true_cases"], found["false_cases"]) == (2, 1, 1)
    assert (found["precision"], found["days"], found["false_per_day"]) == (0.5, 2, 0.5)
    assert found["types"]["leak"] == {"attacks": 1, "recall": 0.0, "recall_in_own_case": 0.0}


def test_attacks_that_join_a_case_without_an_alert_are_filed() -> None:
    found = by_case(
        [
            a_session(an_event(0, alert="C-1", filed="C-1"), an_event(0, "p1", filed="C-1")),
            a_session(an_event(0, "p2")),
        ],
        PLANTED,
    )
    assert (found["filed"], found["recall"]) == (0.5, 0.0)


def test_alerts_of_one_case_are_one_line_until_it_is_quiet_for_more_than_a_week() -> None:
    def false_cases(*days: float) -> int:
        found = by_case([a_session(*(an_event(day, alert="C-1") for day in days))], {})
        return int(found["false_cases"])

    assert false_cases(0, 0, 3, 10) == 1
    assert false_cases(0, 8) == 2


def test_an_attack_that_makes_the_case_of_another_attack_grow_is_found_but_not_its_own() -> None:
    sessions = [
        a_session(an_event(0, "p1", alert="C-1", reason="hour")),
        a_session(an_event(1, "p2", alert="C-1", reason="tool")),
    ]
    found = by_case(sessions, PLANTED)
    assert (found["recall"], found["recall_in_own_case"]) == (1.0, 0.5)
    assert found["first_reason_right"] == 0.0, "the alert that raised the case names another cause"


@pytest.mark.parametrize(("reason", "right"), [("bytes_out", 1.0), ("records", 1.0), ("hour", 0.0)])
def test_the_alert_that_raises_a_case_names_the_cause(reason: str, right: float) -> None:
    found = by_case([a_session(an_event(0, "q1", alert="C-1", reason=reason))], PLANTED)
    assert found["first_reason_right"] == right


def test_a_queue_is_read_from_the_top_until_enough_false_cases_a_day() -> None:
    sessions = [
        a_session(an_event(0, "p1", alert="C-1", rank=9.0)),
        *(a_session(an_event(0, alert=f"F-{n}", rank=5.0 - n)) for n in range(4)),
        a_session(an_event(0, "p2", alert="C-2", rank=1.5)),
        a_session(an_event(0, "q1", alert="C-3", rank=3.5)),
    ]
    found = by_case(sessions, PLANTED)
    assert found["recall"] == 1.0
    assert found["read_down_to"]["1"]["recall"] == 0.25
    assert found["read_down_to"]["3"]["recall"] == 0.75


def test_a_case_raised_in_the_history_is_not_raised_again() -> None:
    past = a_session(an_event(0, alert="C-1"), phase=HISTORY)
    found = by_case([past, a_session(an_event(1, "p1", alert="C-1"))], PLANTED)
    assert (found["cases"], found["recall"], found["recall_in_own_case"]) == (0, 1.0, 0.0)
    assert found["attacks"] == 1


def test_novelties_raise_false_cases_and_failed_attacks_count_nowhere() -> None:
    failed = a_session(an_event(0, alert="C-2"))
    failed.label = "attacked_failed"
    found = by_case([a_session(an_event(0, "n1", alert="C-1")), failed], PLANTED)
    assert (found["cases"], found["false_cases"], found["attacks"]) == (1, 1, 0)
    assert (found["recall"], found["first_reason_right"]) == (None, None)


def test_labelled_session_is_the_attack_where_no_cases_are_planted() -> None:
    bad = Session(
        agent_id="a", role="desk", goal="pay", label="attacked_succeeded", phase=JUDGED,
        has_origins=True, events=[Scored(time_us=0, rank=3.0, alert="C-1", reason="provenance")],
    )  # fmt: skip
    found = by_case([bad], {})
    assert list(found["types"]) == ["desk: pay"]
    assert (found["recall_in_own_case"], found["first_reason_right"]) == (1.0, 1.0)


def test_nothing_alerted_gives_no_precision() -> None:
    found = by_case([a_session(an_event(0, "p1"))], PLANTED)
    assert (found["cases"], found["precision"], found["recall"]) == (0, None, 0.0)
    assert found["read_down_to"]["1"] == {"recall": 0.0, "recall_in_own_case": 0.0}
