"""Who is told to have stopped reporting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.telemetry.last_seen import BUCKETS, LastSeen, bucket_of, stored_names
from models.telemetry.overdue import RETIRED_HOURS, overdue

MONDAY = 4 * 24  # hours since 1970
WEEK = 7 * 24


def hear(heard, agent_id, *hours):
    for hour in hours:
        heard.note(agent_id, "delegated", hour)


def names(parts, hour):
    return [one.agent_id for one in overdue(parts, hour)]


@pytest.fixture
def heard():
    return LastSeen()


def test_the_longest_silences_for_an_agent_come_first(heard):
    hear(heard, "hourly", *range(MONDAY, MONDAY + 80))
    hear(heard, "daily", *range(MONDAY, MONDAY + 81, 20))
    hear(heard, "alive", *range(MONDAY, MONDAY + WEEK))
    hear(heard, "new", MONDAY + 78, MONDAY + 79)
    found = overdue([dict(heard.dump())], MONDAY + WEEK + 10)
    assert [(one.agent_id, one.hours, one.usual) for one in found] == [
        ("hourly", 51, 0.0),
        ("daily", 50, 20.0),
    ]
    assert [round(one.times, 2) for one in found] == [4.25, 2.5]
    assert found[0].fields() == {
        "since": "1970-01-08T07:00:00.000000Z",
        "hours": 51,
        "usual_hours": 4,
        "times": 4.2,
    }


def test_weekends_do_not_count_for_those_who_rest_then(heard):
    friday = MONDAY + 4 * 24 + 16
    for day in range(5):
        start = MONDAY + day * 24
        hear(heard, "office", *range(start + 8, start + 17))
        hear(heard, "watchman", *range(start, start + 17, 8))
    stored = [dict(heard.dump())]
    assert "office" not in names(stored, friday + 60)  # Monday, 4:00
    office = overdue(stored, friday + 48 + 33)[-1]
    assert (office.agent_id, office.hours, office.usual) == ("office", 33, 16.0)


def test_an_agent_is_retired_after_a_month(heard):
    last = MONDAY + 2 * WEEK
    hear(heard, "a", *range(MONDAY, last + 1, 4))
    stored = [dict(heard.dump())]
    assert names(stored, last + RETIRED_HOURS) == ["a"]
    assert names(stored, last + RETIRED_HOURS + 1) == []


def test_an_agent_that_any_shard_has_seen_was_seen(heard):
    other = LastSeen()
    for one in (heard, other):
        hear(one, "a", *range(MONDAY, MONDAY + 100, 4))
        hear(one, "b", *range(MONDAY, MONDAY + 100, 4))
    parts = [dict(heard.dump()), dict(other.dump())]
    hear(other, "a", MONDAY + 140)
    parts[1] |= dict(other.dump())  # changes beside the copy
    assert len(parts[1]) > len(parts[0])
    assert names(parts, MONDAY + 150) == names(parts[::-1], MONDAY + 150) == ["b"]
    assert names(parts[:1], MONDAY + 150) == ["a", "b"]


HOURS = st.lists(st.integers(MONDAY, MONDAY + 400), min_size=1, max_size=40)


@given(st.dictionaries(st.text(max_size=5), HOURS, max_size=8), st.integers(0, 500))
def test_overdue_agents_are_those_of_the_rule(fleet, later):
    heard, hour = LastSeen(), MONDAY + later
    for agent_id, hours in fleet.items():
        hear(heard, agent_id, *sorted(hours))
    found = {one.agent_id: (one.hours, one.usual) for one in overdue([dict(heard.dump())], hour)}
    said = {agent_id: heard.silence(agent_id, hour) for agent_id in fleet}
    assert found == {agent_id: silence for agent_id, silence in said.items() if silence}


def test_buckets_apart_give_what_all_of_them_give(heard):
    agents = [f"agent-{number}" for number in range(200)]
    for agent_id in agents:
        hear(heard, agent_id, *range(MONDAY, MONDAY + 100, 4))
    stored = dict(heard.dump())
    stored |= dict(heard.dump(whole=True))
    apart = []
    for bucket in range(BUCKETS):
        part = {name: stored[name] for name in stored_names(bucket) if name in stored}
        found = names([part], MONDAY + 200)
        assert {bucket_of(agent_id) for agent_id in found} <= {bucket}
        apart += found
    assert sorted(apart) == sorted(agents) == names([stored], MONDAY + 200)


def test_an_agent_that_works_on_weekends_is_missed_on_one():
    voice = LastSeen()
    saturday = 52 * 168 + 48  # 1970 began on a Thursday
    for hour in range(saturday):
        voice.note("billing-7", "delegated", hour)
    assert voice.silence("billing-7", saturday + 47) == (48, 0.0)


@pytest.mark.parametrize(
    ("before", "now", "settled"),
    [
        ("delegated", "autonomous", "delegated"),
        ("autonomous", "delegated", "autonomous"),
        ("delegated", "delegated", ""),
        ("unknown", "delegated", ""),
        ("delegated", "unknown", ""),
    ],
)
def test_an_unknown_mode_is_not_another_mode(before, now, settled):
    seen = LastSeen()
    for hour in range(MONDAY, MONDAY + WEEK, 4):
        seen.note("billing-7", before, hour)
    assert seen.settled_mode("billing-7", now, MONDAY + WEEK) == settled
    assert seen.settled_mode("billing-8", now, MONDAY + WEEK) == ""
