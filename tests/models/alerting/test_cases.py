"""One story is one case, with few messages; another story is another case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting.case import Case
from models.alerting.cases import Cases, Story
from models.codec.hashing import Hasher
from models.constants import MAX_MESSAGES, OPEN_DAYS, QUIET_DAYS
from models.units import DAY_US, HOUR_US

SECRET = b"0123456789abcdef0123456789abcdef"
FIRST = Story("e0", "a", "autonomous", 1, "data", 0, 100 * DAY_US, 2.0)

stories = st.lists(
    st.builds(
        Story,
        event_id=st.uuids().map(str),
        agent_id=st.sampled_from("ab"),
        mode=st.just("unknown"),
        session=st.integers(1, 4),
        lead=st.sampled_from(["data", "net"]),
        thing=st.sampled_from([0, 7]),
        time_us=st.integers(0, 40 * DAY_US),
        bits=st.floats(-3, 20),
    ),
    max_size=40,
)


def cases() -> Cases:
    return Cases(Hasher(SECRET))


def test_k5_an_agent_that_breaks_a_rule_every_day_raises_one_case() -> None:
    open_cases = cases()
    found, opened = set(), 0
    for day in range(60):
        story = FIRST._replace(
            event_id=f"e{day}",
            session=day,
            lead="unregistered",
            time_us=FIRST.time_us + day * DAY_US,
        )
        case, change = open_cases.file(story)
        open_cases.forget(story.time_us)
        found.add(case.case_id)
        opened += change == "opened"
    assert len(found) == opened == 1


@pytest.mark.parametrize("lead", ["unregistered", "content", "data"])
def test_days_of_a_case_count_for_behaviour_and_for_no_broken_promise(lead: str) -> None:
    open_cases, day = cases(), FIRST.time_us // DAY_US
    open_cases.file(FIRST._replace(lead=lead))
    kept = {lead} - {"data"}
    assert open_cases.steadfast_leads("a", "autonomous", day - 1) == set()
    assert open_cases.steadfast_leads("a", "autonomous", day) == kept
    assert open_cases.steadfast_leads("a", "autonomous", day + OPEN_DAYS) == kept
    assert open_cases.steadfast_leads("a", "autonomous", day + OPEN_DAYS + 1) == set()


def test_events_of_one_session_are_one_case() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    other, change = open_cases.file(FIRST._replace(event_id="e1", bits=2.5))
    assert other is case
    assert change is None
    same, change = open_cases.file(FIRST._replace(event_id="e2", lead="net", bits=2.5))
    assert same is case
    assert change == "grew", "another kind of story is told"
    assert case.leads == ["data", "net"]


@pytest.mark.parametrize(("bits", "hours"), [(2.1, 1), (2.0, 24), (0.5, 24)])
def test_a_rarer_story_or_one_of_another_day_opens_another_case(bits: float, hours: int) -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    other, change = open_cases.file(
        FIRST._replace(
            event_id="e1", session=2, lead="net", bits=bits,
            time_us=FIRST.time_us + hours * HOUR_US,
        )
    )  # fmt: skip
    assert other is not case
    assert change == "opened"


def test_another_story_of_the_day_joins_a_rarer_case() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    later = FIRST._replace(
        event_id="e1", session=2, lead="net", bits=1.9, time_us=FIRST.time_us + HOUR_US
    )
    assert open_cases.file(later) == (case, "grew")
    elsewhere = later._replace(event_id="e2", agent_id="b", session=3)
    assert open_cases.file(elsewhere)[1] == "opened"
    open_cases.decide(case.case_id, case.version)
    assert open_cases.file(later._replace(event_id="e3", session=4))[1] == "opened"


def test_the_same_new_thing_at_another_agent_joins_the_case() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST._replace(thing=7))
    joined, _ = open_cases.file(FIRST._replace(event_id="e1", agent_id="b", session=2, thing=7))
    apart, _ = open_cases.file(FIRST._replace(event_id="e2", agent_id="c", session=3, thing=8))
    assert joined is case
    assert apart is not case


def test_a_case_has_the_id_of_its_session_and_day_from_any_event() -> None:
    named = FIRST._replace(name="s-1")
    ids = [cases().file(named._replace(event_id=one))[0].case_id for one in ("e0", "e9")]
    assert ids[0] == ids[1]
    tomorrow = named._replace(time_us=named.time_us + DAY_US)
    others = (tomorrow, named._replace(agent_id="b"), named._replace(name="s-2"), FIRST)
    assert len({ids[0], *(cases().file(one)[0].case_id for one in others)}) == 5


def test_two_cases_of_a_session_on_a_day_have_two_ids() -> None:
    open_cases = cases()
    first, _ = open_cases.file(FIRST._replace(name="s-1"))
    open_cases.decide(first.case_id, 2)
    rarer = FIRST._replace(name="s-1", event_id="e1", bits=FIRST.bits + 9.0)
    again, change = open_cases.file(rarer)
    assert (change, again is first) == ("opened", False)
    assert again.case_id != first.case_id


def test_a_case_ends_a_week_after_its_last_event() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    late = FIRST.time_us + OPEN_DAYS * DAY_US
    again, _ = open_cases.file(FIRST._replace(event_id="e1", session=2, time_us=late))
    assert again is not case
    assert case.is_over(QUIET_DAYS)
    assert not case.is_over(OPEN_DAYS)


def test_a_case_grows_where_its_severity_rises_up_to_three_times_a_day() -> None:
    open_cases = cases()
    severities = (0, 1, 1, 0, 2, 3)
    stories = [
        FIRST._replace(event_id=f"e{number}", severity=severity)
        for number, severity in enumerate(severities)
    ]
    changes = [open_cases.file(story)[1] for story in stories]
    assert changes == ["opened", "grew", None, None, "grew", None]


def test_a_case_grows_tenfold_or_with_a_new_day_only() -> None:
    open_cases = cases()
    open_cases.file(FIRST)
    later = FIRST._replace(time_us=FIRST.time_us + HOUR_US)
    assert open_cases.file(later._replace(event_id="e1", bits=5.0))[1] is None
    assert open_cases.file(later._replace(event_id="e2", bits=5.5))[1] == "grew"
    assert open_cases.file(later._replace(event_id="e3", bits=5.5))[1] is None
    tomorrow = FIRST._replace(event_id="e4", bits=0.0, time_us=FIRST.time_us + DAY_US)
    assert open_cases.file(tomorrow)[1] == "grew"


@given(stories)
def test_a_case_has_at_most_three_messages_a_day_and_versions_without_gaps(
    drawn: list[Story],
) -> None:
    open_cases = cases()
    messages: dict[tuple[str, int], int] = {}
    versions: dict[str, list[int]] = {}
    for story in sorted(drawn, key=lambda one: one.time_us):
        case, change = open_cases.file(story)
        if change is not None:
            key = (case.case_id, story.time_us // DAY_US)
            messages[key] = messages.get(key, 0) + 1
            versions.setdefault(case.case_id, []).append(case.version)
    assert max(messages.values(), default=0) <= MAX_MESSAGES
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


@given(stories)
def test_a_case_holds_the_highest_return_period_of_its_events(drawn: list[Story]) -> None:
    open_cases = cases()
    highest: dict[str, float] = {}
    last = {}
    for story in sorted(drawn, key=lambda one: one.time_us):
        case, _ = open_cases.file(story)
        highest[case.case_id] = max(highest.get(case.case_id, story.bits), story.bits)
        last[case.case_id] = case
    assert {name: case.bits for name, case in last.items()} == highest


def test_a_case_keeps_the_name_that_follows_from_its_first_event() -> None:
    assert cases().file(FIRST)[0].case_id == cases().file(FIRST)[0].case_id
    assert cases().file(FIRST._replace(event_id="e1"))[0] != cases().file(FIRST)[0]


def test_a_decided_case_keeps_its_sessions_until_they_are_ten_times_as_rare() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    open_cases.decide(case.case_id, 2)
    same, change = open_cases.file(FIRST._replace(event_id="e1"))
    assert (same, change) == (case, None)
    assert (case.version, case.events) == (2, 2)
    other, change = open_cases.file(FIRST._replace(event_id="e2", session=2))
    assert other is not case
    assert change == "opened"
    rarer, change = open_cases.file(FIRST._replace(event_id="e3", bits=FIRST.bits + 3.4))
    assert rarer is not case


def test_a_case_whose_decision_is_taken_back_takes_events_again() -> None:
    open_cases = cases()
    case, _ = open_cases.file(FIRST)
    open_cases.decide(case.case_id, 2)
    open_cases.reopen(Case(case.case_id, case.agent_id, case.mode, 0, 0, 0.0, version=3))
    joined, _ = open_cases.file(FIRST._replace(event_id="e1", session=2))
    assert joined is case
    assert case.version == 3
