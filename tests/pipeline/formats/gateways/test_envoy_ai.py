from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.decoding import event_of, events_of
from tests.pipeline.formats.samples import ENVOY


def test_tool_call_is_an_event() -> None:
    event = event_of("envoy-ai-gateway", ENVOY)
    assert event["id"] == "cf2c0454"
    assert event["agent"] == {"id": "docs-bot"}
    assert event["human"] == {"id": "ines"}
    assert event["mode"] == "delegated"
    assert event["tool"] == "get-docs"
    assert event["resource"] == {"id": "context7", "type": "mcp_server"}
    assert event["network"] == {"source_ip": "192.0.2.7", "destination": "192.0.2.66:443"}
    assert event["volume"] == {"bytes_in": 10255, "bytes_out": 165}
    assert event["duration_ms"] == 653


def test_call_without_headers_is_named_after_its_route() -> None:
    bare = {key: one for key, one in ENVOY.items() if not key.startswith("x-")}
    event = event_of("envoy-ai-gateway", bare | {"mcp_tool_name": None})
    assert event["agent"] == {"id": "envoy-ai-gateway/mcp-route"}
    assert event["tool"] == "tools/call"
    assert "human" not in event


def test_model_request_is_an_event_with_its_tokens() -> None:
    entry = ENVOY | {"mcp_method": None, "mcp_tool_name": None, "genai_model_name": "gpt-5",
                     "genai_tokens_total": 22}  # fmt: skip
    event = event_of("envoy-ai-gateway", entry)
    assert (event["tool"], event["agent"]["model"]) == ("llm.chat", "gpt-5")
    assert event["attributes"]["tokens"] == 22


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"response_code": 403}, "denied"),
        ({"response_code_details": "rbac_access_denied_matched_policy"}, "denied"),
        ({"response_code": 503}, "error"),
        ({"upstream_transport_failure_reason": "reset"}, "error"),
    ],
)
def test_outcome_is_read_from_the_response(more: dict[str, Any], outcome: str) -> None:
    assert event_of("envoy-ai-gateway", ENVOY | more)["outcome"] == outcome


def test_plain_request_gives_no_event() -> None:
    assert events_of("envoy-ai-gateway", ENVOY | {"mcp_method": "-", "mcp_tool_name": "-"}) == []
    assert (
        events_of("envoy-ai-gateway", ENVOY | {"mcp_method": "ping", "mcp_tool_name": None}) == []
    )
