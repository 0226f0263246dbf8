"""Payloads of exporters over HTTP: OTLP, LiteLLM and the OpenAI Agents SDK."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.scoring_api.conftest import Installation

SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
        {"key": "gen_ai.tool.name", "value": {"stringValue": "crm.read"}},
    ],
}
JSON = {"content-type": "application/json"}
GZIP = JSON | {"content-encoding": "gzip"}


def traces(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def test_payload_is_kept_with_its_format(client: httpx.Client, installation: Installation) -> None:
    body = traces(SPAN)
    answer = client.post("/v1/traces", content=gzip.compress(body), headers=GZIP)
    assert (answer.status_code, answer.json()) == (200, {})
    assert [row[2:] for row in installation.store.reports(9)] == [("otlp", "", body)]


def test_spans_that_cannot_be_used_are_counted_and_the_others_are_kept(
    client: httpx.Client, installation: Installation
) -> None:
    answer = client.post("/v1/traces", content=traces(SPAN, {}, SPAN), headers=JSON)
    partial = answer.json()["partialSuccess"]
    assert (answer.status_code, partial["rejectedSpans"]) == (200, "1")
    assert partial["errorMessage"].startswith("1: ")
    assert len(installation.store.reports(9)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"no gzip", GZIP, 400),
        (gzip.compress(traces(SPAN))[:-9], GZIP, 400),
        (gzip.compress(b" " * (17 << 20)), GZIP, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", JSON | {"content-encoding": "br"}, 415),
        (b"\xff\xff", {"content-type": "application/x-protobuf"}, 400),
    ],
)
def test_payloads_that_cannot_be_read_are_refused_and_not_kept(
    client: httpx.Client,
    installation: Installation,
    body: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == status
    assert installation.store.reports(9) == []
    if status == 400:
        assert answer.headers["content-type"] == headers["content-type"]
    if status == 400 and headers["content-type"] == "application/json":
        assert answer.json()["code"] == 3


@pytest.mark.parametrize(
    ("path", "fmt"), [("/v1/litellm", "litellm"), ("/v1/openai-traces", "openai-agents")]
)
def test_exports_are_kept_as_they_came(
    client: httpx.Client, installation: Installation, path: str, fmt: str
) -> None:
    answer = client.post(path, content=b'[{"a":1}]', headers=JSON)
    assert (answer.status_code, answer.json()) == (202, {"received": 9})
    assert [row[2:] for row in installation.store.reports(9)] == [(fmt, "", b'[{"a":1}]')]
    assert client.post(path, content=b"x", headers={"content-type": "text/xml"}).status_code == 415
