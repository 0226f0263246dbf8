"""A real OpenTelemetry SDK and a real Collector: what an agent does ends in scored events."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.telemetry.processes import free_port, habitus, running, until

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.otel, pytest.mark.slow]
AGENT = Path(__file__).parent / "programs" / "otel_agent.py"


def report(collector: Path, folder: Path, exporter: Mapping[str, Any]) -> None:
    """Let an agent report a session through a Collector with this exporter."""
    port, (name, _) = free_port(), next(iter(exporter.items()))
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": [name]}
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "processors": {"batch": {"timeout": "100ms", "send_batch_size": 500}},
        "exporters": exporter,
        "service": {
            "pipelines": {"traces": pipeline},
            "telemetry": {"metrics": {"level": "none"}},
        },
    }
    path, log = folder / "collector.json", folder / "collector.log"
    path.write_text(json.dumps(config))
    with running([str(collector), "--config", str(path)], log):
        until(lambda: "Everything is ready" in log.read_text(), log)
        endpoint = f"http://127.0.0.1:{port}/v1/traces"
        subprocess.run(  # noqa: S603  # our own program
            [sys.executable, str(AGENT), endpoint], check=True, timeout=120
        )


def check(events: list[dict[str, Any]]) -> None:
    """Check the events of the session."""
    first, second = events
    assert [one["tool"] for one in events] == ["read_invoice", "pay"]
    for event in events:
        assert event["agent"]["id"] == "clerk"
        assert event["session"] == "thread-1"
        assert event["human"] == {"id": "jane@example.com"}
        assert event["purpose"] == "Settle invoice INV-7"
        assert event["outcome"] == "ok"
        assert isinstance(event["assessment"]["rank"], float)
        assert event["assessment"]["learned"]
    assert first["argument_origins"] == {"number": [["INV-7", ["request"]]]}
    assert second["argument_origins"] == {"account": [["AC-9930417", ["result:read_invoice"]]]}
    assert first["attributes"]["call_id"] == "call_000000000000"


def test_session_of_an_sdk_reaches_the_api_through_a_collector(
    collector: Path, tmp_path: Path
) -> None:
    with habitus(tmp_path, "serve") as api:
        report(collector, tmp_path, {"otlphttp": {"endpoint": api.url}})
        check(api.events(2))


@pytest.mark.broker
@pytest.mark.parametrize(
    ("encoding", "name"), [("otlp_proto", "otlp-proto-traces"), ("otlp_json", "otlp")]
)
def test_session_of_an_sdk_is_read_from_the_topic_of_a_collector(
    collector: Path, tmp_path: Path, kafka_address: str, admin: Any, encoding: str, name: str
) -> None:
    topic = f"test-otlp-{uuid.uuid4().hex[:10]}"
    options = {"num_partitions": 3, "replication_factor": 1}
    admin.create_topics({topic: options}, wait_for_metadata=True)
    settings = {
        "HABITUS_SOURCE": f"kafka://{kafka_address}/{topic}?group={topic}",
        "HABITUS_FORMAT": name,
    }
    exporter = {"brokers": [kafka_address], "traces": {"topic": topic, "encoding": encoding}}
    try:
        with habitus(tmp_path, "run", "serve", **settings) as api:
            report(collector, tmp_path, {"kafka": exporter})
            check(api.events(2))
    finally:
        admin.delete_topics([topic])
