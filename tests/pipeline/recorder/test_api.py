"""Events reach the API of a real server, and a real topic."""

from __future__ import annotations

import asyncio
import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pipeline.recorder import AsyncRecorder, Recorder
from pipeline.sources.kafka.clients.kafka_module import KafkaConsumer
from pipeline.tap.variables import API_TOKEN
from tests.pipeline.recorder.conftest import WAIT_S
from tests.scoring_api.serving.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scoring_api.serving.conftest import Running

KEY, OF_ANOTHER = "key-of-the-agent-0123456789", "key-of-another-0123456789"
SCOPES = 'scopes = ["actions:write", "trust:read", "anomaly:read"]'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve with the keys of two agents, each of which may report itself only."""
    folder = tmp_path_factory.mktemp("served")
    keys = folder / "keys.toml"
    keys.write_text(
        "".join(
            f'[[key]]\nid = "{agent}"\nsha256 = "{sha256(key.encode()).hexdigest()}"\n'
            f'{SCOPES}\nagents = ["{agent}"]\n'
            for agent, key in (("bot", KEY), ("another", OF_ANOTHER))
        )
    )
    keys.chmod(0o600)
    with serving(folder, API_KEYS_FILE=str(keys)) as running:
        yield running


@pytest.fixture
def recorder(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setenv(API_TOKEN, KEY)
    with Recorder("bot", to=f"http://127.0.0.1:{server.port}") as one:
        yield one


def asked(server: Running, path: str) -> Any:
    status, body = server.ask(path, Authorization=f"Bearer {KEY}")
    assert status == 200, body
    return json.loads(body)


def test_recorded_calls_are_judged(server: Running, recorder: Recorder) -> None:
    def state() -> str:
        return str(asked(server, "/v1/agents/bot/trust")["state"])

    server.until(lambda: state() == "unknown", WAIT_S)  # stale until its worker runs
    with recorder.session("Refund order 1041", human="sam@example.com"):
        for number in range(20):
            with recorder.call("orders.find", {"number": number}) as call:
                call.returned({"to": "Ines"})
    assert recorder.flush(WAIT_S)
    assert recorder.dropped == 0
    server.until(lambda: state() != "unknown", WAIT_S)


def test_event_that_is_delivered_twice_counts_once(server: Running, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Recorder("bot", to=f"file:{path}") as recorder, recorder.call("orders.find"):
        pass
    found = [
        httpx.post(
            f"http://127.0.0.1:{server.port}/v1/actions",
            content=path.read_bytes(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        ).json()
        for _ in range(2)
    ]
    assert [(one["accepted"], one["duplicate"]) for one in found] == [(1, 0), (0, 1)]


def test_key_of_another_agent_is_refused_and_counted(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_TOKEN, OF_ANOTHER)
    with Recorder("bot", to=f"http://127.0.0.1:{server.port}") as recorder:
        with recorder.call("orders.find"):
            pass
        assert recorder.flush(WAIT_S)
        assert recorder.losses == {"refused": 1}


def test_unknown_key_keeps_events_until_the_end(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(API_TOKEN, "guessed-secret")
    with Recorder("bot", to=f"http://127.0.0.1:{server.port}") as recorder:
        with recorder.call("orders.find"):
            pass
        assert not recorder.flush(WAIT_S)
        assert recorder.dropped == 0
    assert recorder.losses == {"undelivered": 1}
    assert "the API answers 401" in caplog.text
    assert "guessed" not in caplog.text


def test_asyncio_is_not_stopped_by_a_flush(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_TOKEN, KEY)

    async def main() -> tuple[bool, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        turning = asyncio.create_task(turn())
        async with AsyncRecorder("bot", to=f"http://127.0.0.1:{server.port}") as recorder:

            @recorder.tool
            async def find(number: int) -> int:
                return number

            await asyncio.gather(*(find(number) for number in range(50)))
            turns = 0
            whole = await recorder.flush(WAIT_S)
        turning.cancel()
        assert recorder.dropped == 0
        return whole, turns

    whole, turns = asyncio.run(main())
    assert whole
    assert turns > 5


@pytest.mark.broker
def test_events_are_published_by_agent(kafka_address: str, admin: Any) -> None:
    topic = f"recorder.{secrets.token_hex(4)}"
    options = {"num_partitions": 1, "replication_factor": 1}
    admin.create_topics({topic: options}, wait_for_metadata=True)
    with Recorder("bot", to=f"kafka://{kafka_address}/{topic}") as recorder:
        for number in range(3):
            with recorder.call("orders.find", {"number": number}):
                pass
        assert recorder.flush(WAIT_S)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka_address, auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )  # fmt: skip
    found = [message for _, message in zip(range(3), consumer, strict=False)]
    consumer.close()
    assert [message.key for message in found] == [b"bot"] * 3
    assert [json.loads(message.value)["arguments"]["number"] for message in found] == [0, 1, 2]
