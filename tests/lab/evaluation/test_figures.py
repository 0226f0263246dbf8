"""Figures of judgements against labels: each against its definition, spelled out the slow way."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.evaluation.figures import figures, groups
from lab.evaluation.judged import Scored, Session
from lab.evaluation.ranking import auroc, average_precision, detection
from models.units import DAY_US

if TYPE_CHECKING:
    from pathlib import Path

# Few distinct values, so that ties are the rule.
SCORES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


def a_session(label: str | None, *ranks: float, **changes: Any) -> Session:
    events = [Scored(time_us=i, rank=rank, label=0) for i, rank in enumerate(ranks)]
    return Session(**{"agent_id": "a", "label": label, "events": events, **changes})


def slow_average_precision(positive: list[float], negative: list[float]) -> float:
    found, before = 0.0, 0
    for score in sorted(set(positive), reverse=True):
        hits = sum(p >= score for p in positive)
        alarms = hits + sum(n >= score for n in negative)
        found += (hits - before) / len(positive) * hits / alarms
        before = hits
    return found


@given(SCORES, SCORES)
def test_auroc_is_the_chance_to_rank_higher_with_ties_counted_half(
    positive: list[float], negative: list[float]
) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


@given(SCORES, SCORES)
def test_average_precision_counts_equal_scores_as_one_step(
    positive: list[float], negative: list[float]
) -> None:
    assert average_precision(positive, negative) == pytest.approx(
        slow_average_precision(positive, negative)
    )


@given(SCORES, SCORES)
def test_detection_never_falls_when_more_benign_sessions_may_be_alarmed(
    found: list[float], calm: list[float]
) -> None:
    shares = [detection(found, calm, alarmed) or 0.0 for alarmed in (0.0, 0.01, 0.05, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert detection(calm, calm, 0.0) == 0.0


@pytest.mark.shared
def test_the_three_figures_are_those_of_the_reference_code(shared_dir: Path) -> None:
    reference = runpy.run_path(str(shared_dir / "reference" / "recipe.py"))
    rng = np.random.default_rng(7)
    for size in (5, 50, 500):
        truth = np.r_[True, False, rng.random(size) < 0.3]
        scores = rng.integers(0, 40, len(truth)) / 4
        found, calm = scores[truth], scores[~truth]
        assert auroc(found, calm) == pytest.approx(reference["auroc"](truth, scores), abs=1e-12)
        assert average_precision(found, calm) == pytest.approx(
            reference["avg_precision"](truth, scores), abs=1e-12
        )


def test_a_session_scores_as_its_highest_event_and_keeps_the_last_p_value() -> None:
    session = a_session("benign", 2.0, 9.0, 1.0)
    assert (session.score, session.p) == (9.0, None)
    ps = (None, 0.2, 0.01, None)
    session.events = [Scored(time_us=i, rank=0.0, session_p=p) for i, p in enumerate(ps)]
    assert session.p == 0.01


def test_failed_attacks_are_excluded_from_attacked_and_benign_sessions() -> None:
    measured = figures(
        [
            a_session("benign", 1.0),
            a_session("attacked_succeeded", 5.0),
            a_session("attacked_failed", 9.0),
            a_session("attacked_failed", 0.5),
            a_session(None, 99.0),
        ]
    )
    assert (measured["sessions"], measured["benign"], measured["attacked"]) == (2, 1, 1)
    assert measured["attacked_failed"] == {"sessions": 2, "0.01": 0.5, "0.05": 0.5}


def test_events_of_unknown_truth_are_in_no_event_figure() -> None:
    events = [
        Scored(time_us=0, rank=5.0, label=1),
        Scored(time_us=1, rank=9.0, label=None),
        Scored(time_us=2, rank=1.0, label=0),
    ]
    measured = figures([a_session("attacked_failed", events=events)])
    assert (measured["event_auroc"], measured["event_ap"]) == (1.0, 1.0)


def test_only_benign_figures_exist_without_attacks() -> None:
    events = [Scored(time_us=0, rank=1.0, label=0, p=0.04, pool="role", session_p=0.03)]
    measured = figures([a_session("benign", events=events)])
    for name in ("auroc", "ap", "event_auroc", "event_ap"):
        assert measured[name] is None
    assert measured["detection"] == {"0.01": None, "0.05": None}
    assert measured["session_p"]["0.05"] == {"share": 1.0, "ratio": 20.0, "detection": None}
    assert measured["event_p"]["role"]["0.05"] == {"share": 1.0, "ratio": 20.0}
    assert measured["event_p"]["all"]["0.01"] == {"share": 0.0, "ratio": 0.0}


def test_an_attack_without_a_p_value_counts_as_not_found() -> None:
    found = [Scored(time_us=0, rank=1.0, session_p=0.001)]
    measured = figures(
        [
            a_session("attacked_succeeded", events=found),
            a_session("attacked_succeeded", 3.0),
            a_session("benign", 1.0),
        ]
    )
    assert measured["session_p"]["attacked"] == 1
    assert measured["session_p"]["0.05"]["detection"] == 0.5
    assert measured["session_p"]["0.05"]["share"] is None


def test_alerts_under_one_key_are_one_false_alert() -> None:
    alerted = [Scored(time_us=i, rank=1.0, alert="a|resource.new") for i in range(3)]
    measured = figures(
        [
            a_session("benign", events=alerted),
            a_session("benign", events=[Scored(time_us=DAY_US, rank=1.0)]),
            a_session("attacked_succeeded", events=[Scored(time_us=0, rank=1.0, alert="b")]),
        ]
    )
    assert measured["alerts"] == {
        "benign_events": 3,
        "benign_sessions": 1,
        "benign_alerts": 1,
        "agent_days": 2,
        "false_per_agent_day": 0.5,
        "attacked_sessions": 1,
    }


def test_files_with_attacks_and_origins_are_also_measured_together() -> None:
    def of(source: str, label: str, *, origins: bool) -> Session:
        return a_session(label, 1.0, source=source, role=f"{source}-role", has_origins=origins)

    sessions = [
        of("big", "attacked_succeeded", origins=True),
        of("big", "benign", origins=True),
        of("small", "attacked_succeeded", origins=True),
        of("logs", "attacked_succeeded", origins=False),
        of("calm", "benign", origins=True),
    ]
    measured = groups(sessions)
    assert list(measured["joined"]) == ["big + small"]
    assert measured["joined"]["big + small"]["attacked"] == 2
    assert list(measured["files"]) == ["big", "calm", "logs", "small"]
    assert measured["files"]["logs"]["attacked"] == 1
    assert list(measured["roles"]) == ["big-role", "calm-role", "logs-role", "small-role"]
    assert groups(sessions[:3])["joined"] == {}, "all there is needs no second name"


def test_figures_of_no_sessions_are_none_or_zero() -> None:
    measured = figures([])
    assert (measured["sessions"], measured["auroc"]) == (0, None)
    assert measured["alerts"]["false_per_agent_day"] is None
