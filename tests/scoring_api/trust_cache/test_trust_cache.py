"""Unknown, stale, not loaded and broken are four different answers."""

from __future__ import annotations

import asyncio
import time

import pytest

from models.errors import StateError
from models.trust.opinion import TrustPolicy
from models.trust.response import DEFAULT_OBLIGATIONS, encode, trust_answer
from models.units import DAY_US
from pipeline.store import Commit, PipelineStatus
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cache import TrustCache


def cache_over(installation, clock="wall"):
    config = ApiConfig(clock=clock)
    return TrustCache(installation.store, config, TrustPolicy(), DEFAULT_OBLIGATIONS, Metrics())


def polled(installation, clock="wall"):
    cache = cache_over(installation, clock)
    try:
        asyncio.run(cache.poll())
    finally:
        cache.close()
    return cache


def test_s4_a_worker_that_is_gone_makes_answers_stale(installation, until):
    installation.put(installation.state())
    policy = TrustPolicy(stale_after_s=1)
    with installation.client(policy) as client:
        path = f"/v1/agents/{installation.REFUNDS}/trust"
        installation.say()
        until(lambda: client.get(path).json()["state"] == "active")
        until(lambda: client.get(path).json()["state"] == "stale", seconds=4)
        late = client.get(path)
        assert late.headers["cache-control"] == "no-store"
        assert late.json()["valid_until"] == late.json()["computed_at"]
        assert client.get("/readyz").json()["stale"] is True
        installation.say()
        until(lambda: client.get(path).json()["state"] == "active")


@pytest.mark.parametrize("question", [(None, None), ("delegated", "irreversible")])
def test_answers_for_unknown_agents_equal_individual_answers(installation, question):
    installation.say()
    cache = polled(installation)
    now = time.time_ns() // 1000
    for moment in (now, now + 1, now + 1_000_000_000):  # the last one is stale
        if moment > now + 1:
            cache._beat(moment)
        for name in ("one", "another \u00e9"):
            alone = trust_answer(
                [],
                name,
                moment,
                moment,
                cache.policy,
                stale=cache.stale,
                lag_us=cache.lag_us(moment),
                mode=question[0],
                operation=question[1],
            )
            assert cache.entry(name, question, moment).body == encode(alone)
    assert cache.stale
    assert not cache.agents


@pytest.mark.parametrize(
    ("state", "ago_s", "lag_s", "clock", "stale"),
    [
        ("running", 0, 0, "wall", False),
        ("running", 0, 301, "wall", True),
        ("running", 301, 0, "wall", True),
        ("running", 150, 155, "wall", True),
        ("drained", 301, 0, "wall", True),
        ("drained", 301, 0, "event", False),
        ("drained", 301, 301, "event", True),
        ("stopped", 301, 0, "event", True),
        ("stopped", 10, 0, "event", False),
    ],
)
def test_lag_grows_without_heartbeats_of_the_worker(
    installation, state, ago_s, lag_s, clock, stale
):
    installation.say(state, ago_s, lag_s)
    assert polled(installation, clock).stale is stale


def test_every_answer_is_stale_without_a_worker(installation):
    installation.store.commit(Commit(status=PipelineStatus()))
    cache = polled(installation)
    assert cache.stale
    assert cache.entry("nobody", (None, None), installation.now_us()).answer.state == "stale"


class SlowReading:
    """A store whose changes take half a second a page, as from far away."""

    def __init__(self, store):
        self._store = store
        self.slow = False

    def changes(self, after, limit):
        if self.slow:
            time.sleep(0.5)
        return self._store.changes(after, limit)

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_s4_a_replica_that_cannot_keep_up_with_the_changes_is_stale(installation):
    installation.put(installation.state("a"))
    reading = SlowReading(installation.store)
    policy = TrustPolicy(stale_after_s=1)
    cache = TrustCache(reading, ApiConfig(), policy, DEFAULT_OBLIGATIONS, Metrics())

    async def story():
        try:
            installation.say()
            await cache.poll()
            assert not cache.stale
            reading.slow = True
            installation.put(*(installation.state(f"a-{n}", days=1) for n in range(140)))
            installation.say()
            catching_up = asyncio.create_task(cache.poll())
            await asyncio.sleep(1.9)
            assert not catching_up.done()
            return cache.stale
        finally:
            await catching_up
            cache.close()

    assert asyncio.run(story())


def test_trust_of_a_recording_is_evaluated_at_its_watermark(installation):
    then = installation.now_us() - 400 * DAY_US
    installation.put(installation.state(at_us=then))
    installation.store.commit(Commit(status=PipelineStatus("drained", then, then, 0)))
    now = installation.now_us()
    recorded = polled(installation, "event").entry(installation.REFUNDS, (None, None), now)
    assert recorded.answer.score >= 90
    # Event time runs faster than ours there, so nobody keeps the answer.
    assert recorded.expires_us - now <= 1_000_000
    live = polled(installation, "wall").entry(installation.REFUNDS, (None, None), now)
    assert live.answer.score == 50


def test_trust_is_503_and_liveness_is_200_until_the_first_load(installation):
    cache = cache_over(installation)
    with pytest.raises(ProblemError) as refused:
        cache.require_ready()
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"] == "1"


def test_made_up_ids_do_not_fill_the_memory(installation):
    installation.put(installation.state())
    cache = polled(installation)
    for number in range(100):
        cache.entry(f"made-up-{number}", (None, None), installation.now_us())
    assert list(cache.agents) == [installation.REFUNDS]


def test_rows_beyond_one_read_are_loaded(installation):
    installation.put(*(installation.state(f"agent-{n}", days=1) for n in range(1201)))
    assert len(polled(installation).agents) == 1201


def test_a_changed_row_replaces_only_its_own_answers(installation):
    installation.put(installation.state("a"), installation.state("b"))

    async def story():
        cache = cache_over(installation)
        try:
            await cache.poll()
            now = installation.now_us()
            first = {name: cache.entry(name, (None, None), now) for name in "ab"}
            installation.put(installation.state("a", items=(installation.item(),)))
            await cache.poll()
            assert cache.entry("b", (None, None), now) is first["b"]
            assert cache.entry("a", (None, None), now).tag != first["a"].tag
        finally:
            cache.close()

    asyncio.run(story())


def test_a_store_that_fails_is_counted_and_the_answers_known_are_served(installation, until):
    installation.put(installation.state())
    with installation.client() as client:
        path = f"/v1/agents/{installation.REFUNDS}/trust"
        until(lambda: client.get(path).json()["state"] == "active")
        installation.store.close()
        until(lambda: "habitus_api_store_errors_total 0.0" not in client.get("/metrics").text)
        assert client.get(path).json()["state"] == "active"
        refused = client.get("/v1/anomalies")
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"


def test_event_without_effect_on_trust_keeps_the_answers(installation):
    installation.put(installation.state("a"))

    async def story():
        cache = cache_over(installation)
        try:
            await cache.poll()
            now = installation.now_us()
            first = cache.entry("a", (None, None), now)
            again = installation.state("a")
            again.events, again.version = again.events + 1, "other"
            installation.put(again)
            await cache.poll()
            assert cache.entry("a", (None, None), now) is first
            assert cache.states("a")[0].version == "other"
            installation.put(installation.state("a", mode="autonomous"))
            await cache.poll()
            assert cache.entry("a", (None, None), now) is not first
        finally:
            cache.close()

    asyncio.run(story())


def test_log_reports_store_faults_without_foreign_text(caplog):
    class Broken:
        def __init__(self, *faults):
            self.faults = list(faults)

        def data_version(self):
            raise self.faults.pop(0)

    broken = Broken(StateError("permission denied for sequence s"), ValueError("a prompt"))

    async def follow():
        cache = TrustCache(broken, ApiConfig(), TrustPolicy(), DEFAULT_OBLIGATIONS, Metrics())
        task = asyncio.create_task(cache.follow())
        while broken.faults:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        cache.close()

    asyncio.run(follow())
    said = [one for one in caplog.records if one.message == "store_unreadable"]
    assert (said[0].fault, said[0].detail) == ("StateError", "permission denied for sequence s")
    assert said[1].fault == "ValueError"
    assert not hasattr(said[1], "detail")
