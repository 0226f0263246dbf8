"""Payloads of exporters over HTTP: OTLP, LiteLLM and the OpenAI Agents SDK."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from models.errors import StateError
from pipeline.credentials.entries import make_key

if TYPE_CHECKING:
    from pathlib import Path

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
# In the JSON of protobuf, bytes are base64.
PROTO_SPAN = {"traceId": "W47/+YA4EDHSa2mzgT/GDA==", "spanId": "7uGbfsPBsXQ=", "name": "x"}
JSON = {"content-type": "application/json"}
GZIP = JSON | {"content-encoding": "gzip"}


def traces(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def test_payload_is_kept_with_its_format(client: httpx.Client, installation: Installation) -> None:
    body = traces(SPAN)
    answer = client.post("/v1/traces", content=gzip.compress(body), headers=GZIP)
    assert (answer.status_code, answer.json()) == (200, {})
    assert [row[2:] for row in installation.store.reports(9)] == [("otlp", "", body)]


@pytest.mark.parametrize("cut", [7, 2 << 20])
def test_members_of_a_gzip_are_one_payload_and_its_name_ignores_case(
    client: httpx.Client, installation: Installation, cut: int
) -> None:
    body = traces(SPAN)
    packed = gzip.compress(body[:cut]) + gzip.compress(body[cut:])
    headers = GZIP | {"content-encoding": "GZip"}
    answer = client.post("/v1/traces", content=packed, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert [row[4] for row in installation.store.reports(9)] == [body]


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
        (gzip.compress(traces(SPAN)) + b"rest", GZIP, 400),
        (gzip.compress(traces(SPAN)) + gzip.compress(b"rest"), GZIP, 400),
        (gzip.compress(traces(SPAN)) + gzip.compress(b" ")[:-9], GZIP, 400),
        (gzip.compress(b" " * (17 << 20)), GZIP, 413),
        (gzip.compress(b" " * (9 << 20)) * 2, GZIP, 413),
        (gzip.compress(b" ") * 101, GZIP, 413),
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
    _check_status(answer, headers["content-type"])


def _check_status(answer: httpx.Response, media: str) -> str:
    """Check that an error is a `google.rpc.Status` in the encoding of its request."""
    if media == "application/x-protobuf":
        assert answer.headers["content-type"] == media
        found = Status.FromString(answer.content)
        assert found.code
        return str(found.message)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"code", "message"}
    return str(answer.json()["message"])


@pytest.mark.parametrize("media", ["application/json", "application/x-protobuf"])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
def test_every_error_is_a_status_in_the_encoding_of_the_request(
    installation: Installation, path: str, media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StateError("the disk is full")

    with installation.client(max_body=1_000) as client:
        headers = {"content-type": media}
        too_large = client.post(path, content=b"x" * 2_000, headers=headers)
        in_parts = client.post(path, content=iter([b"x" * 2_000]), headers=headers)
        of_get = client.get(path, headers=headers)
        from_afar = client.post(path, content=b"", headers=headers | {"host": "example.com"})
        monkeypatch.setattr(installation.store, "report", refuse)
        unable = client.post(path, content=b"" if "proto" in media else b"{}", headers=headers)
    answers = (too_large, in_parts, of_get, from_afar, unable)
    assert [one.status_code for one in answers] == [413, 413, 405, 421, 503]
    assert all(_check_status(one, media) for one in answers)
    assert unable.headers["retry-after"] == "5"


def test_error_of_authentication_is_a_status(installation: Installation, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(msgspec.json.encode([make_key("client", ["admin"])[1]]))
    with installation.client(api_keys_file=keys) as client:
        answer = client.post("/v1/traces", content=b"{}", headers=JSON)
        other = client.post("/v1/actions", content=b"{}", headers=JSON)
    assert answer.status_code == 401
    assert answer.json()["code"] == 16
    assert "www-authenticate" in answer.headers
    assert other.headers["content-type"] == "application/problem+json"


LOG = {"timeUnixNano": "1791187200000000000", "body": {"stringValue": "x"}}
LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG]}]}]}


@pytest.mark.parametrize(
    ("path", "payload", "message"),
    [
        ("/v1/traces", {"resourceSpans": 5}, "expected `array`, got `number` at $.resourceSpans"),
        ("/v1/traces", {"resourceSpans": [5]}, "$.resourceSpans[0]"),
        ("/v1/traces", {"resourceSpans": [{"scopeSpans": {}}]}, "$.resourceSpans[0].scopeSpans"),
        ("/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": 5}]}]}, ".spans"),
        ("/v1/traces", {"resourceSpans": [{"resource": 5}]}, "$.resourceSpans[0].resource"),
        ("/v1/traces", LOGS, "expected `resourceSpans` at $, got logs"),
        ("/v1/traces", {"resourceMetrics": []}, "expected `resourceSpans` at $, got metrics"),
        ("/v1/traces", LOGS | json.loads(traces(SPAN)), "got logs"),
        ("/v1/logs", json.loads(traces(SPAN)), "expected `resourceLogs` at $, got traces"),
        ("/v1/logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": {}}]}]}, ".logRecords"),
        ("/v1/logs", [], "expected `object`"),
    ],
)
def test_payload_of_the_wrong_kind_is_refused(
    client: httpx.Client, installation: Installation, path: str, payload: Any, message: str
) -> None:
    answer = client.post(path, json=payload)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert installation.store.reports(9) == []


@pytest.mark.parametrize(
    ("path", "other", "empty"),
    [
        ("/v1/traces", ExportLogsServiceRequest, ExportTraceServiceResponse),
        ("/v1/logs", ExportTraceServiceRequest, ExportLogsServiceResponse),
    ],
)
def test_protobuf_of_the_other_signal_is_refused_or_rejected(
    client: httpx.Client, path: str, other: Any, empty: Any
) -> None:
    payload = LOGS if other is ExportLogsServiceRequest else json.loads(traces(PROTO_SPAN))
    body = ParseDict(payload, other()).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    answer = client.post(path, content=body, headers=headers)
    if answer.status_code != 400:
        partial = empty.FromString(answer.content).partial_success
        rejected = getattr(partial, "rejected_spans", 0) or getattr(
            partial, "rejected_log_records", 0
        )
        assert rejected == 1
        assert partial.error_message.startswith("0: expected a")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": 5}, "1: expected `str`, got `number` at `name`"),
        ({"attributes": {"a": 1}}, "1: expected `array`, got `object` at `attributes`"),
        ({"events": "x"}, "`events`"),
        ({"kind": True}, "`kind`"),
        ({"status": []}, "`status`"),
        ({"startTimeUnixNano": {}}, "`startTimeUnixNano`"),
    ],
)
def test_span_with_a_member_of_another_type_is_counted_and_named(
    client: httpx.Client, installation: Installation, wrong: dict[str, Any], message: str
) -> None:
    body = traces(SPAN, SPAN | wrong, SPAN | {"name": None}, SPAN | wrong)
    partial = client.post("/v1/traces", content=body, headers=JSON).json()["partialSuccess"]
    assert partial["rejectedSpans"] == "2"
    assert message in partial["errorMessage"]
    assert partial["errorMessage"].startswith("1: ")
    assert len(installation.store.reports(9)) == 1


def test_log_record_with_a_member_of_another_type_is_counted(client: httpx.Client) -> None:
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG, LOG | {"body": "x"}]}]}]}
    partial = client.post("/v1/logs", json=logs).json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "1"
    assert partial["errorMessage"] == "1: expected `object`, got `str` at `body`"


ROW = {"id": "r1", "call_type": "acompletion", "messages": []}
TRACE = {"object": "trace", "id": "trace_1"}
GOOD = {
    "litellm": ("/v1/litellm", [ROW, ROW]),
    "openai-agents": ("/v1/openai-traces", {"data": [TRACE, TRACE]}),
}
MIXED = {
    "litellm": ("/v1/litellm", [ROW, {"a": 1}, 5]),
    "openai-agents": ("/v1/openai-traces", {"data": [TRACE, {"object": "trace"}, 5]}),
}


@pytest.mark.parametrize(("path", "payload"), GOOD.values(), ids=GOOD.keys())
def test_exports_are_kept_as_they_came_and_counted(
    client: httpx.Client, installation: Installation, path: str, payload: Any
) -> None:
    body = json.dumps(payload).encode()
    answer = client.post(path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()) == (
        202, {"received": 2, "rejected": 0, "detail": ""}
    )  # fmt: skip
    fmt = next(name for name, one in GOOD.items() if one[0] == path)
    assert [row[2:] for row in installation.store.reports(9)] == [(fmt, "", body)]
    assert client.post(path, content=b"x", headers={"content-type": "text/xml"}).status_code == 415


@pytest.mark.parametrize(("path", "payload"), MIXED.values(), ids=MIXED.keys())
def test_records_of_an_export_that_are_none_are_counted(
    client: httpx.Client, installation: Installation, path: str, payload: Any
) -> None:
    found = client.post(path, json=payload).json()
    assert (found["received"], found["rejected"]) == (3, 2)
    assert found["detail"].startswith("1: expected `id`; 2: expected")
    assert len(installation.store.reports(9)) == 1


def test_lines_of_an_export_are_counted(client: httpx.Client) -> None:
    body = b"\n".join([json.dumps(ROW).encode()] * 3)
    headers = {"content-type": "application/x-ndjson"}
    assert client.post("/v1/litellm", content=body, headers=headers).json()["received"] == 3
    found = client.post("/v1/litellm", content=body + b"\n{", headers=headers).json()
    assert (found["received"], found["rejected"]) == (4, 1)
    assert found["detail"].startswith("a line: ")


@pytest.mark.parametrize("path", [path for path, _ in GOOD.values()])
@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'[{"a":1}]', b'{"data":[5]}', b'{"data":[]}', b"5", b'"x"', b"text", b"",
     b"\xff"],
)  # fmt: skip
def test_body_that_holds_no_record_is_refused_with_what_was_expected(
    client: httpx.Client, installation: Installation, path: str, body: bytes
) -> None:
    answer = client.post(path, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("expected ")
    assert "`id`" in answer.json()["detail"]
    assert installation.store.reports(9) == []
