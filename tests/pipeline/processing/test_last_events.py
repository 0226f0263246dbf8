"""The newest event of each source: live or batch, over restarts, both stores and several shards."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.errors import ConfigError
from pipeline.commands.doctor.last_event import last_event
from pipeline.processing import runner
from pipeline.processing.recordings.learn import learn
from pipeline.settings import Settings
from pipeline.sources import open_source, source_of
from pipeline.sources.kafka.address import parse
from pipeline.store import Commit, LastEvent, PipelineStatus, open_store
from scoring_api.status.freshness import sources_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store

MINUTE_US = 60_000_000


def now_us() -> int:
    return time.time_ns() // 1000


def an_event(age: timedelta, name: str = "e") -> bytes:
    event = {
        "id": f"{name}-{age}",
        "time": (datetime.now(UTC) - age).isoformat(),
        "agent": {"id": "clerk-1"},
        "tool": "mail.send",
    }
    return json.dumps(event).encode()


@pytest.fixture(params=["file", "server"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "file":
        return f"sqlite:{tmp_path}/h.db"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


def run_inbox(store: Store, url: str, *values: bytes, **more: Any) -> PipelineStatus:
    """Post events, and judge them as `habitus serve` does."""
    store.inbox(list(values))
    stop = threading.Event()
    settings = Settings(store=url, inventory=None, **more)
    judging = threading.Thread(target=runner.serve_inbox, args=(settings, stop))
    judging.start()
    begun = time.monotonic()
    while store.inbox_batch(0, 1) and time.monotonic() < begun + 30:
        time.sleep(0.02)
    stop.set()
    judging.join(30)
    return store.status()


def age_of(status: PipelineStatus, name: str = "http") -> timedelta:
    age = status.last_events[name].age_us(now_us())
    assert age is not None
    return timedelta(microseconds=age)


def test_events_over_http_count_by_event_time(store, url):
    status = run_inbox(store, url, an_event(timedelta(days=36)))
    assert status.last_events["http"].kind == "live"
    assert timedelta(days=36) <= age_of(status) < timedelta(days=36, minutes=5)
    assert status.quiet_us(now_us()) > 35 * 24 * 60 * MINUTE_US


def test_a_late_event_does_not_make_a_source_fresh_or_older(store, url):
    run_inbox(store, url, an_event(timedelta(hours=1)))
    status = run_inbox(store, url, an_event(timedelta(days=3)))
    assert timedelta(hours=1) <= age_of(status) < timedelta(hours=1, minutes=5)


def test_an_event_ahead_of_its_arrival_counts_as_of_its_arrival(store, url):
    before = now_us()
    status = run_inbox(store, url, an_event(timedelta(minutes=-4)))
    assert before <= (status.last_events["http"].event_us or 0) <= now_us()


def test_repeats_and_unreadable_records_do_not_count_as_events(store, url):
    again = an_event(timedelta(days=2))
    run_inbox(store, url, again)
    before = store.status().last_events["http"]
    later = run_inbox(store, url, again, b'{"id": "e-2"}').last_events["http"]
    assert later.event_us == before.event_us


def test_the_newest_event_is_known_after_a_restart(store, url):
    run_inbox(store, url, an_event(timedelta(days=5)))
    status = run_inbox(store, url)
    assert timedelta(days=5) <= age_of(status) < timedelta(days=5, minutes=5)


def test_an_intake_of_a_store_that_never_had_an_event_is_not_quiet(store, url):
    status = run_inbox(store, url)
    assert status.last_events == {"http": LastEvent("live")}
    assert status.quiet_us(now_us()) == 0


def learn_past(url: str, folder: Any) -> None:
    past = folder / "past.jsonl"
    past.write_bytes(an_event(timedelta(days=36), "past") + b"\n")
    learn([str(past)], fmt="native", settings=Settings(store=url))


@pytest.mark.parametrize(("feed", "quiet"), [("live", True), ("batch", False)])
def test_intake_without_events_counts_from_learned_events(store, url, tmp_path, feed, quiet):
    learn_past(url, tmp_path)
    status = run_inbox(store, url, http_feed=feed)
    assert (status.quiet_us(now_us()) > 35 * 24 * 60 * MINUTE_US) is quiet
    (source,) = sources_of(status, now_us(), "wall", MINUTE_US) or [{"quiet": False}]
    assert source["quiet"] is quiet
    assert last_event(Settings(store=url), now_us())[0] == ("optional" if quiet else "ok")


def test_first_event_makes_a_quiet_intake_fresh(store, url, tmp_path):
    learn_past(url, tmp_path)
    status = run_inbox(store, url, an_event(timedelta(0)))
    assert status.quiet_us(now_us()) < MINUTE_US


def test_followed_file_without_events_counts_from_learned_events(store, url, tmp_path):
    learn_past(url, tmp_path)
    (tmp_path / "in.jsonl").touch()
    stop = threading.Event()
    stop.set()
    runner.run(Settings(source=f"file:{tmp_path}/in.jsonl?follow=1", store=url), stop=stop)
    status = store.status()
    assert status.last_events == {"file": LastEvent("live")}
    assert status.quiet_us(now_us()) > 35 * 24 * 60 * MINUTE_US


def test_a_live_source_stays_known_until_something_else_feeds_the_store(store, url, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(an_event(timedelta(days=2)) + b"\n")
    runner.run(Settings(source=f"file:{path}?feed=live", store=url), stop=threading.Event())
    status = run_inbox(store, url)
    assert status.last_events["file"].kind == "live"
    assert status.quiet_us(now_us()) > 24 * 60 * MINUTE_US
    status = run_inbox(store, url, b"{}", path.read_bytes())  # junk, and a repeat
    assert "file" in status.last_events
    status = run_inbox(store, url, an_event(timedelta(0)))
    assert list(status.last_events) == ["http"]
    assert status.quiet_us(now_us()) < MINUTE_US


def test_replaced_intake_and_batch_file_are_not_quiet(store, url, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(an_event(timedelta(days=2)) + b"\n")
    run_inbox(store, url)  # HTTP was open once, and nobody came
    runner.run(Settings(source=f"file:{path}", store=url), stop=threading.Event())
    assert store.status().quiet_us(now_us()) == 0
    assert list(store.status().last_events) == ["file"]


def test_a_batch_intake_is_never_quiet(store, url):
    status = run_inbox(store, url, an_event(timedelta(days=36)), http_feed="batch")
    assert status.last_events["http"].kind == "batch"
    assert status.quiet_us(now_us()) == 0


def test_history_that_is_learned_moves_no_live_source(store, url, tmp_path):
    run_inbox(store, url, an_event(timedelta(days=5)))
    before = store.status().last_events
    past = tmp_path / "past.jsonl"
    past.write_bytes(an_event(timedelta(days=1), "past") + b"\n")
    learn([str(past)], fmt="native", settings=Settings(store=url))
    assert store.status().state == "drained"
    assert store.status().last_events == before


@pytest.mark.parametrize(
    ("query", "drain", "kind"),
    [
        ("", False, "batch"),
        ("?feed=live", False, "live"),
        ("?feed=live", True, "batch"),
        ("?follow=0&feed=live", False, "live"),
    ],
)
def test_a_file_is_live_where_its_url_says_so(store, url, tmp_path, query, drain, kind):
    path = tmp_path / "in.jsonl"
    path.write_bytes(an_event(timedelta(days=2)) + b"\n")
    settings = Settings(source=f"file:{path}{query}", store=url)
    runner.run(settings, drain=drain, stop=threading.Event())
    found = store.status().last_events
    assert list(found) == ["file"]
    assert found["file"].kind == kind
    assert timedelta(days=2) <= age_of(store.status(), "file") < timedelta(days=2, minutes=5)


def test_replacing_source_counts_from_the_newest_event_of_the_store(store, url, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(an_event(timedelta(days=2)) + b"\n")
    runner.run(Settings(source=f"file:{path}?feed=live", store=url), stop=threading.Event())
    assert store.status().quiet_us(now_us())
    status = run_inbox(store, url, source="-?feed=live")
    assert status.last_events["stdin"] == LastEvent("live")
    assert status.quiet_us(now_us()) > 24 * 60 * MINUTE_US


def test_a_status_of_the_version_before_is_read(store):
    before = {"state": "running", "heartbeat_us": 5, "watermark_us": 4, "lag_us": 0,
              "lags_us": {}, "waiting": 0}  # fmt: skip
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(before), type=PipelineStatus)
    assert old == PipelineStatus("running", 5, 4, 0)
    store.commit(Commit(status=old))
    assert store.status().last_events == {}
    assert store.status().quiet_us(now_us()) == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("kafka://h:1/t", ("kafka:t", "live")),
        ("kafka://h:1/t?group=g&feed=batch", ("kafka:t", "batch")),
        ("file:a.jsonl", ("file", "batch")),
        ("file:a.jsonl?follow=1", ("file", "live")),
        ("file:a.jsonl?feed=batch&follow=1", ("file", "batch")),
        ("-", ("stdin", "batch")),
        ("-?feed=live", ("stdin", "live")),
    ],
)
def test_a_source_has_a_name_and_is_live_or_batch(url, expected):
    assert source_of(url) == expected
    assert source_of(url, drain=True) == (expected[0], "batch")


@pytest.mark.parametrize("url", ["file:{0}?feed=dead", "-?feed=dead", "kafka://h:1/t?feed=dead"])
def test_feed_other_than_live_or_batch_is_refused(url, tmp_path):
    path = tmp_path / "in.jsonl"
    path.touch()
    url = url.format(path)
    with pytest.raises(ConfigError, match="feed must be live or batch, got 'dead'"):
        source_of(url)
    opened = partial(parse, topic=True) if url[0] == "k" else partial(open_source, clock_us=now_us)
    with pytest.raises(ConfigError, match="feed must be live or batch, got 'dead'"):
        opened(url)


def test_doctor_names_the_quiet_source(store, url):
    settings = Settings(store=url)
    run_inbox(store, url, an_event(timedelta(days=36)))
    state, found, todo = last_event(settings, now_us())
    assert state == "optional"
    assert found == "no event of the live source http for 36 days, so answers are stale"
    assert "HABITUS_HTTP_FEED" in todo
    assert last_event(Settings(store=url, clock="event"), now_us())[0] == "ok"
    store.inbox([an_event(timedelta(0))])
    run_inbox(store, url)
    assert last_event(settings, now_us()) == ("ok", "within 900 s: http", "")
