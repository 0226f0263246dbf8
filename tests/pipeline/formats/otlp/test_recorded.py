"""What a Collector wrote to its topic, record by record, for a session of OpenTelemetry's SDK."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.formats.otlp.payloads import events_of, proto_of

# The Collector 0.155 with encoding otlp_json; the agent's span comes after its calls.
RECORDED = (Path(__file__).parent / "collector_topic.jsonl").read_bytes().splitlines()


def test_recorded_topic_gives_the_session_of_the_agent() -> None:
    first, second = events_of(*RECORDED)
    assert (first["tool"], second["tool"]) == ("read_invoice", "pay")
    for event in (first, second):
        assert event["agent"]["id"] == "clerk"
        assert event["session"] == "thread-1"
        assert event["purpose"] == "Settle invoice INV-7"
        assert event["human"] == {"id": "jane@example.com"}
    assert first["argument_origins"] == {"number": [["INV-7", ["request"]]]}
    assert second["argument_origins"] == {"account": [["AC-9930417", ["result:read_invoice"]]]}


def test_recorded_topic_gives_the_same_in_protobuf() -> None:
    assert events_of(*map(proto_of, RECORDED), fmt="otlp-proto-traces") == events_of(*RECORDED)
