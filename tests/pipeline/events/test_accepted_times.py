"""Times before 2000, or later than a day after arrival, are refused by every reader and source."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.errors import MalformedEvent
from models.event import instant, microseconds
from models.kernel import native_kernel
from pipeline.events.accepted_times import (
    EARLIEST_US,
    MAX_AHEAD_US,
    ahead_us_of,
    check_time,
)
from pipeline.processing.assembly import build_worker
from pipeline.processing.stream_types import RawRecord
from pipeline.settings import Settings
from pipeline.store import open_store

ARRIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARRIVED_US = microseconds(ARRIVED)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)
YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
KERNELS = ["python", *(["native"] if native_kernel("auto") else [])]
YEARS_S = 3_000_000_000


def an_event(number: int, time: datetime) -> bytes:
    agent = {"id": "clerk-1"}
    event = {"id": f"e-{number}", "time": time.isoformat(), "agent": agent, "tool": "mail.send"}
    return json.dumps(event).encode()


def refused(settings: Settings, *times: datetime) -> list[str | None]:
    """Judge events that arrive at one moment; give why each is refused."""
    with open_store("sqlite::memory:") as store:
        worker = build_worker(settings, store)
        found: list[str | None] = []
        for number, time in enumerate(times):
            record = RawRecord(an_event(number, time), "stdin", number, ARRIVED_US)
            counted = worker.judge([record]).counters
            reasons = [name for name in counted if name.startswith("rejected_")]
            found.append(reasons[0].removeprefix("rejected_") if reasons else None)
    return found


@pytest.mark.parametrize(
    ("time", "year"),
    [
        (datetime(1999, 1, 1, tzinfo=UTC), 1999),
        (YEAR_2000 - MOMENT, 1999),
        (datetime(1970, 1, 1, tzinfo=UTC) - MOMENT, 1969),
    ],
)
def test_message_names_the_year_of_the_time(time, year):
    with pytest.raises(MalformedEvent, match=f"time is of the year {year}, expected 2000 or later"):
        check_time(microseconds(time), ARRIVED_US, MAX_AHEAD_US)


def test_the_earliest_time_is_the_beginning_of_2000():
    assert instant(EARLIEST_US) == YEAR_2000


@pytest.mark.parametrize("kernel", KERNELS)
def test_time_at_a_bound_is_accepted_and_later_is_not(kernel):
    settings = Settings(kernel=kernel, max_future_s=300)
    ahead = timedelta(seconds=300)
    times = (YEAR_2000, YEAR_2000 - MOMENT, ARRIVED + ahead, ARRIVED + ahead + MOMENT)
    assert refused(settings, *times) == [None, "past_time", None, "future_time"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_event_more_than_a_day_ahead_is_refused_under_any_setting(kernel):
    settings = Settings(kernel=kernel, max_future_s=YEARS_S)
    times = (ARRIVED + DAY, ARRIVED + DAY + MOMENT, ARRIVED + 365 * DAY)
    assert refused(settings, *times) == [None, "future_time", "future_time"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_recording_may_be_at_most_a_day_ahead(kernel):
    settings = Settings(kernel=kernel, clock="event", max_future_s=1)
    times = (ARRIVED + DAY, ARRIVED + DAY + MOMENT, YEAR_2000 - MOMENT, YEAR_2000)
    assert refused(settings, *times) == [None, "future_time", "past_time", None]


def test_events_with_invalid_times_are_rejected_with_a_reason_and_others_are_read(pipeline):
    now = datetime.now(UTC)
    times = [now, YEAR_2000 - SECOND, now + 2 * DAY, datetime(1, 1, 1, tzinfo=UTC), YEAR_2000]
    lines = [an_event(number, time) for number, time in enumerate(times)]
    settings = pipeline.settings(
        pipeline.file(lines), inventory=None, clock="wall", max_future_s=YEARS_S
    )
    summary = pipeline.run(settings)
    assert (summary.events, summary.rejected) == (2, 3)
    rejected = (pipeline.folder / "run" / "agent.actions.rejected.jsonl").read_bytes().splitlines()
    found = [json.loads(line) for line in rejected]
    assert [(one["line"], one["reason"]) for one in found] == [
        (2, "past_time"), (3, "future_time"), (4, "past_time"),
    ]  # fmt: skip
    assert found[0]["detail"] == "time is of the year 1999, expected 2000 or later"
    assert found[1]["detail"].endswith("s ahead of arrival, expected at most 86400 s")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_times_at_the_ends_of_the_calendar_are_refused(time: Any):
    with pytest.raises(MalformedEvent):
        check_time(microseconds(datetime.fromisoformat(time)), ARRIVED_US, MAX_AHEAD_US)


def test_bound_of_live_events_is_at_most_a_day():
    assert ahead_us_of(Settings()) == 300_000_000
    assert ahead_us_of(Settings(max_future_s=YEARS_S)) == MAX_AHEAD_US
