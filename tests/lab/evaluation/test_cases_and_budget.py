"""Cases, the daily budget, intervals, transfer and the data of charts, on made-up sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.evaluation.budget import Entry, at_budget, entries, raised, top, trade_off
from lab.evaluation.cases import by_type, cases_of, summary
from lab.evaluation.intervals import Ordered, intervals
from lab.evaluation.judged import Scored, Session
from lab.evaluation.mistakes import mistakes
from lab.evaluation.ranking import auroc, average_precision
from lab.evaluation.spread import reliability, thinned
from lab.evaluation.transfer import left_out
from lab.evaluation.truth.planted import Planted
from models.units import DAY_US

MINUTE_US = 60_000_000


def an_event(rank: float, label: int = 0, **more: Any) -> Scored:
    return Scored(**{"time_us": 0, "rank": rank, "label": label, **more})


def a_session(label: str | None, *ranks: float, **more: Any) -> Session:
    events = [an_event(rank, int(label == "attacked_succeeded")) for rank in ranks]
    return Session(**{"agent_id": "a", "role": "desk", "label": label, "events": events, **more})


def a_fleet() -> list[Session]:
    rng = np.random.default_rng(3)
    return [
        a_session("benign", float(rng.integers(0, 9)), task=f"t{n % 6}", role=f"r{n % 3}")
        for n in range(60)
    ] + [
        a_session("attacked_succeeded", float(rng.integers(4, 12)), goal=f"g{n % 4}")
        for n in range(24)
    ]  # fmt: skip


def test_delay_is_counted_in_harmful_events_and_minutes_from_the_first_one() -> None:
    def found(*events: Scored) -> dict[str, Any]:
        session = Session(agent_id="a", label="attacked_succeeded", events=list(events))
        return summary(cases_of([session], {}, ()))

    quiet, late = an_event(1.0), an_event(5.0, 1, time_us=3 * MINUTE_US, alert="k")
    first = an_event(5.0, 1, time_us=MINUTE_US)
    second = found(quiet, first, late)
    assert (second["delay_events"], second["delay_minutes"]) == (2.0, 2.0)
    assert found(an_event(1.0, alert="k"), first)["delay_events"] == 0.0
    assert found(quiet, first) | {"alerted": 0.0, "delay_events": None} == found(quiet, first)


def test_labelled_sessions_are_cases_by_goal_attempt_and_novelty() -> None:
    sessions = [
        a_session("attacked_succeeded", 9.0, goal="pay"),
        a_session("attacked_failed", 2.0),
        a_session("attacked_failed", events=[an_event(8.0, 1)]),
        a_session("benign", 1.0, task="old"),
        a_session("benign", 1.0, task="fresh"),
        a_session(None, 1.0),
    ]
    rows = by_type(cases_of(sessions, {}, {("desk", "old")}), [1.0, 1.0])
    assert [(row["kind"], row["type"]) for row in rows] == [
        ("attack", "desk: pay"),
        ("failed attack", "with an attempt"),
        ("failed attack", "without an attempt"),
        ("benign", "new task"),
        ("benign", "task of the history"),
    ]
    assert rows[0]["auroc"] == 1.0
    assert "auroc" not in rows[3]


def test_alert_on_benign_events_has_no_delay() -> None:
    alerted = a_session("benign", events=[an_event(9.0, alert="k")], task="fresh")
    (row,) = by_type(cases_of([alerted], {}, {("desk", "old")}), [1.0])
    assert (row["alerted"], row["delay_events"], row["delay_minutes"]) == (1.0, None, None)


def test_errors_are_listed_one_by_one() -> None:
    planted = {
        "near": Planted("near", "attack", "tool.new", cause="tool"),
        "far": Planted("far", "attack", "tool.new", cause="tool"),
        "named": Planted("named", "attack", "volume.exfil", cause="bytes_out"),
        "amiss": Planted("amiss", "attack", "volume.exfil", cause="bytes_out"),
        "new": Planted("new", "benign", "deployment"),
    }
    sessions = [
        a_session("attacked_succeeded", events=[an_event(2.0, 1, case="far")]),
        a_session("attacked_succeeded", events=[an_event(7.0, 1, case="near", p=0.01)]),
        a_session(
            "attacked_succeeded",
            events=[an_event(9.0, 1, case="named", alert="a|1", reason="bytes_out")],
        ),
        a_session(
            "attacked_succeeded",
            events=[
                an_event(9.0, 1, case="amiss", alert="a|2", reason="tool"),
                an_event(9.5, 1, case="amiss", alert="a|3", reason="bytes_out"),
            ],
        ),
        a_session("benign", name="s-1", events=[an_event(8.0, alert="b|1", reason="hour")]),
        a_session("benign", events=[an_event(8.5, alert="b|1", reason="hour")]),
        a_session("benign", events=[an_event(8.0, alert="a|2", reason="tool")]),
        a_session("benign", events=[an_event(8.0, case="new", alert="b|2", reason="tool")]),
    ]
    attacks = [case for case in cases_of(sessions, planted, ()) if case.kind == "attack"]
    found = mistakes(sessions, attacks, planted)
    assert [(row["case"], row["bits"], row["p"]) for row in found["missed"]] == [
        ("near", 7.0, 0.01),
        ("far", 2.0, None),
    ]
    assert [(row["case"], row["reason"], row["causes"]) for row in found["misnamed"]] == [
        ("amiss", "tool", ["bytes_out"])
    ]
    actual = [(row["session"], row["reason"], row["news"]) for row in found["false_alerts"]]
    assert actual == [
        ("s-1", "hour", None),
        ("", "tool", "deployment"),
    ]  # a|2 shows an attack, too
    assert len(found["false_alerts"]) == raised(sessions)["false_alerts"]


def test_a_reason_is_right_when_the_alert_names_a_planted_cause_first() -> None:
    planted = {
        "one": Planted("one", "attack", "tool.new", cause="tool", also=["operation"]),
        "two": Planted("two", "attack", "volume.exfil", cause="bytes_out"),
        "new": Planted("new", "benign", "deployment"),
    }
    alerted = an_event(3.0, 1, case="one", alert="k", reason="operation")
    higher = an_event(9.0, 1, case="one", reason="hour")
    unseen = an_event(2.0, 1, case="two", reason="hour", session_p=0.04)
    fresh = an_event(2.0, 0, case="new")
    sessions = [
        Session(agent_id="a", label="attacked_succeeded", events=[alerted, higher]),
        Session(agent_id="b", label="attacked_succeeded", events=[unseen, an_event(1.0)]),
        Session(agent_id="c", label="benign", events=[fresh]),
    ]
    cases = cases_of(sessions, planted, ())
    assert [(case.type, case.kind) for case in cases] == [
        ("tool.new", "attack"), ("volume.exfil", "attack"), ("deployment", "benign"),
    ]  # fmt: skip
    measured = summary([case for case in cases if case.kind == "attack"])
    assert (measured["explained"], measured["alerted"], measured["p_0.05"]) == (0.5, 0.5, 0.5)
    assert summary(cases[2:])["explained"] is None


def test_alert_on_an_ordinary_event_of_an_attacked_session_is_false() -> None:
    planted = an_event(5.0, 1, case="one", alert="k1")
    beside = an_event(5.0, 0, alert="k2")
    sessions = [Session(agent_id="a", label="attacked_succeeded", events=[planted, beside])]
    measured = raised(sessions)
    assert (measured["alerts"], measured["false_alerts"], measured["recall"]) == (2, 1, 1.0)


def test_alerts_of_failed_attacks_do_not_count() -> None:
    failed = Session(agent_id="a", label="attacked_failed", events=[an_event(5.0, alert="k")])
    assert raised([failed])["precision"] is None
    assert entries([failed]) == []


def test_each_day_has_its_own_queue_and_a_perfect_order_bounds_the_recall() -> None:
    days = [
        a_session("attacked_succeeded", events=[an_event(rank, 1, time_us=day * DAY_US)])
        for day, rank in ((0, 9.0), (0, 8.0), (1, 1.0))
    ]
    calm = [a_session("benign", events=[an_event(5.0, time_us=DAY_US)])]
    measured = top(entries(days + calm), 1)
    assert (measured["recall"], measured["possible"]) == pytest.approx((1 / 3, 2 / 3))
    assert (measured["precision"], measured["false_per_day"]) == (0.5, 0.5)
    assert at_budget(days + calm, 5.0)["top"]["recall"] == 1.0


def test_possible_recall_counts_a_repeated_attack_once() -> None:
    queue = [Entry(0, 9.0, frozenset("a")) for _ in range(3)] + [Entry(0, 1.0, frozenset("b"))]
    assert top(queue, 1)["possible"] == 0.5
    assert top(queue, 2)["possible"] == 1.0
    # One has another day: where both share the first, each can be found.
    assert top([*queue, Entry(1, 2.0, frozenset("a"))], 1)["possible"] == 1.0


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9), st.frozensets(st.sampled_from("abcd"))),
        max_size=12,
    ),
    st.integers(1, 3),
)
def test_no_order_finds_more_than_is_possible(
    rows: list[tuple[int, int, frozenset[str]]], per_day: int
) -> None:
    queue = [Entry(day, float(rank), cases) for day, rank, cases in rows]
    measured = top(queue, per_day)
    assert measured["possible"] is None or measured["recall"] <= measured["possible"] <= 1.0


def test_recall_never_falls_as_more_false_alerts_are_allowed() -> None:
    points = trade_off(a_fleet())
    assert [p["recall"] for p in points] == sorted(p["recall"] for p in points)
    assert points[-1]["recall"] == 1.0
    assert trade_off([a_session("benign", 1.0)]) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25
    )
)
def test_weighted_figures_are_those_of_repeated_scores(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([float(score) for score, _, _ in rows])
    bad = np.array([b for _, b, _ in rows])
    weights = np.array([w for _, _, w in rows])
    found, calm = np.repeat(scores[bad], weights[bad]), np.repeat(scores[~bad], weights[~bad])
    expected = (auroc(found, calm), average_precision(found, calm))
    measured = Ordered(scores, bad).figures(weights)
    assert measured == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_intervals_hold_the_figure_and_are_the_same_each_time() -> None:
    fleet = a_fleet()
    found = [s.score for s in fleet if s.label != "benign"]
    calm = [s.score for s in fleet if s.label == "benign"]
    measured = intervals(fleet, 60)
    low, high = measured["auroc"]
    assert low <= (auroc(found, calm) or 0) <= high
    assert low < high
    assert measured == intervals(fleet, 60)
    assert intervals(fleet, 0) == {}
    assert measured["benign p 0.05"] is None


def test_sessions_of_one_task_are_drawn_together() -> None:
    alike = [a_session("benign", float(n), task="one") for n in range(9)]
    attacked = [a_session("attacked_succeeded", 5.5, goal="one")]
    low, high = intervals(alike + attacked, 40)["auroc"]
    assert low == high


def test_the_threshold_of_the_other_roles_is_applied_to_the_role_left_out() -> None:
    sessions = [a_session("benign", float(n), role="calm") for n in range(100)]
    sessions += [a_session("benign", 200.0, role="loud"), a_session("benign", 1.0, role="loud")]
    sessions += [a_session("attacked_succeeded", 99.0, role="loud")]
    rows = {row["role"]: row for row in left_out(sessions)}
    bits = {role: row["by_bits"] for role, row in rows.items()}
    assert (bits["loud"]["benign"], bits["loud"]["attacked"]) == (0.5, 1.0)
    assert bits["calm"]["attacked"] is None
    assert {row["by_p"] for row in rows.values()} == {None}, "no session had a p-value"
    assert left_out(sessions[:100]) == []


def test_a_p_value_alarms_as_many_of_a_role_whose_bits_are_higher() -> None:
    def ranked(role: str, times: float, label: str = "benign") -> list[Session]:
        return [
            a_session(label, role=role, events=[an_event(times * n, session_p=1 - n / 100)])
            for n in range(100)
        ]

    sessions = [*ranked("calm", 1), *ranked("loud", 10)]
    sessions += [a_session("attacked_succeeded", 5.0, role="loud")]  # it never had a p-value
    loud = next(row for row in left_out(sessions) if row["role"] == "loud")
    assert loud["by_bits"]["benign"] == pytest.approx(0.9, abs=0.01)
    assert loud["by_p"]["benign"] == pytest.approx(0.05, abs=0.01)
    assert loud["by_p"]["attacked"] == 0


def test_thinned_scores_keep_their_ends_and_small_roles_are_not_drawn_alone() -> None:
    many = [a_session("benign", float(n)) for n in range(100)]
    kept = [row["score"] for row in thinned(many, 11)]
    assert (kept[0], kept[-1], len(kept)) == (0.0, 99.0, 11)
    few = [a_session("benign", events=[an_event(1.0, session_p=0.5)]) for _ in range(3)]
    assert {row["role"] for row in reliability(few)} == {"all"}
