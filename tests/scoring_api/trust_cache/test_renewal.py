"""Answers are at hand before somebody asks, and made anew before they run out."""

from __future__ import annotations

import asyncio

import pytest

from models.trust.opinion import TrustPolicy
from models.trust.response import DEFAULT_OBLIGATIONS
from pipeline.store import Commit, PipelineStatus
from scoring_api.config import ApiConfig
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache import cache as cache_module
from scoring_api.trust_cache.cache import TrustCache

DEFAULT_QUESTION = (None, None)


@pytest.fixture
def polled(installation):
    made = []

    def make(**config):
        given = ApiConfig(**config)
        one = TrustCache(installation.store, given, TrustPolicy(), DEFAULT_OBLIGATIONS, Metrics())
        made.append(one)
        asyncio.run(one.poll())
        return one

    yield make
    for one in made:
        one.close()


def renewed(cache, now_us):
    """Let everything happen that is due."""
    while cache.renewal.renew(now_us):
        pass


def answers(cache):
    return {name: known.entries.get(DEFAULT_QUESTION) for name, known in cache.agents.items()}


def test_answers_are_ready_before_the_first_request(installation, polled):
    installation.put(installation.state("a"), installation.state("b"))
    cache = polled()
    at_hand = answers(cache)
    assert all(at_hand.values())
    for name in "ab":
        assert cache.entry(name, DEFAULT_QUESTION, installation.now_us()) is at_hand[name]


def test_start_has_a_time_limit_and_the_remaining_answers_follow(installation, polled):
    installation.put(installation.state("a"), installation.state("b"))
    cache = polled(prepare_s=0.0)
    assert cache.ready
    assert not any(answers(cache).values())
    renewed(cache, installation.now_us())
    assert all(answers(cache).values())


def test_requested_answer_is_renewed_before_it_is_ten_seconds_old(installation, polled):
    installation.put(installation.state("a"), installation.state("b"))
    cache = polled()
    start, first = installation.now_us(), answers(cache)
    cache.entry("a", DEFAULT_QUESTION, start)
    renewed(cache, start)  # they have time
    assert answers(cache) == first
    renewed(cache, start + 9_000_000)
    second = answers(cache)
    assert second["a"] is not first["a"]
    assert second["b"] is first["b"]  # nobody asked for it
    assert (
        cache.entry("b", DEFAULT_QUESTION, start + 20_000_000) is first["b"]
    )  # it holds, nobody waits
    renewed(cache, start + 20_000_000)
    assert answers(cache)["b"] is not first["b"]


def test_unrequested_answer_is_renewed_before_it_expires(installation, polled):
    installation.put(installation.state("a"))
    cache = polled()
    start, first = installation.now_us(), answers(cache)["a"]
    for second in range(0, 200, 5):
        now = start + second * 1_000_000
        renewed(cache, now)
        assert answers(cache)["a"].holds_until_us > now
    assert answers(cache)["a"] is not first


def test_unrequested_answers_of_a_large_fleet_are_dropped(installation, polled, monkeypatch):
    monkeypatch.setattr(cache_module, "MAX_KEPT", 2)
    installation.put(*(installation.state(name) for name in "abcd"))
    cache = polled()
    # Those that changed last are prepared.
    assert [name for name, entry in answers(cache).items() if entry] == ["c", "d"]
    start = installation.now_us()
    for name in "abcd":
        cache.entry(name, DEFAULT_QUESTION, start)
    for second in range(0, 200, 5):
        cache.entry("a", DEFAULT_QUESTION, start + second * 1_000_000)
        renewed(cache, start + second * 1_000_000)
    at_hand = [name for name, entry in answers(cache).items() if entry]
    assert len(at_hand) <= 3
    assert "a" in at_hand


def test_invalidated_answer_is_remade_after_changes_settle(installation, polled):
    installation.put(installation.state("a"))
    cache = polled()

    async def story():
        for number in range(3):
            installation.put(
                installation.state("a", items=(installation.item(f"k{number}"),)),
                installation.state("new"),
            )
            await cache.poll()

    asyncio.run(story())
    assert not any(answers(cache).values())
    renewed(cache, installation.now_us())
    assert not any(answers(cache).values())
    renewed(cache, installation.now_us() + 6_000_000)
    assert all(answers(cache).values())


def test_answers_are_ready_again_after_staleness_ends(installation, polled):
    installation.store.commit(Commit(status=PipelineStatus()))
    installation.put(installation.state("a"))
    cache = polled()
    assert not any(answers(cache).values())

    async def story():
        installation.say()
        await cache.poll()
        cache._beat(installation.now_us())

    asyncio.run(story())
    renewed(cache, installation.now_us())
    assert answers(cache)["a"].answer.state == "active"


def test_recording_has_no_prepared_answers(installation, polled):
    installation.put(installation.state("a"))
    cache = polled(clock="event")
    assert not any(answers(cache).values())


def test_invented_ids_are_not_renewed(installation, polled):
    cache = polled()
    now = installation.now_us()
    cache.entry("made-up", DEFAULT_QUESTION, now)
    assert not cache.renewal.renew(now + 60_000_000)
