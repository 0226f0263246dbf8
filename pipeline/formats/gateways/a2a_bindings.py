"""A2A over HTTP+JSON and gRPC: the same operations as over JSON-RPC, as a proxy logs them.

Sources: the A2A specification 1.0, sections on the HTTP+JSON and gRPC bindings; gRPC status codes.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.formats.members import inner, text
from pipeline.formats.secrets import digest

_TASK = r"tasks/(?P<id>[^/:]+)"
_CONFIGS = rf"{_TASK}/pushNotificationConfigs"
# Verb and end of the path -> operation. A tenant or a version may stand before it.
_ROUTES = tuple(
    (verb, re.compile(rf"(?:.*/)?{path}"), operation)
    for verb, path, operation in (
        ("POST", "message:send", "SendMessage"),
        ("POST", "message:stream", "SendStreamingMessage"),
        ("GET", _TASK, "GetTask"),
        ("GET", "tasks", "ListTasks"),
        ("POST", f"{_TASK}:cancel", "CancelTask"),
        ("GET", f"{_TASK}:subscribe", "SubscribeToTask"),
        ("POST", f"{_TASK}:subscribe", "SubscribeToTask"),
        ("POST", _CONFIGS, "CreateTaskPushNotificationConfig"),
        ("GET", _CONFIGS, "ListTaskPushNotificationConfigs"),
        ("GET", f"{_CONFIGS}/[^/]+", "GetTaskPushNotificationConfig"),
        ("DELETE", f"{_CONFIGS}/[^/]+", "DeleteTaskPushNotificationConfig"),
        ("GET", "extendedAgentCard", "GetExtendedAgentCard"),
    )
)
_LONGEST_PATH = 2_000
_FIRST_FAILURE = 400
_OF_GRPC = {7: 403, 16: 401}  # PERMISSION_DENIED, UNAUTHENTICATED


def as_json_rpc(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record of HTTP+JSON or gRPC as one of JSON-RPC; any other as it is.

    Parameters
    ----------
    record
        With ``http`` (``method``, ``path``, ``status``) or ``grpc`` (``method``, ``status``), and
        the bodies as ``request`` and ``response``. A streamed response is an array.

    Examples
    --------
    >>> http = {"method": "POST", "path": "/v1/message:send", "status": 403}
    >>> one = as_json_rpc({"id": "r-1", "http": http, "request": {"message": {}}, "response": None})
    >>> one["request"]["method"], one["response"]["error"]["code"]
    ('SendMessage', 403)
    """
    http, grpc = inner(record.get("http")), inner(record.get("grpc"))
    if http:
        operation, named = _of_path(http)
        status = http.get("status")
        failed = isinstance(status, int) and status >= _FIRST_FAILURE
    elif grpc:
        operation, named = (text(grpc.get("method")) or "").rpartition("/")[2], {}
        status = grpc.get("status")
        failed = isinstance(status, int) and status != 0
        status = _OF_GRPC.get(status, status) if isinstance(status, int) else status
    else:
        return record
    rest = {key: value for key, value in record.items() if key not in ("request", "response")}
    if not operation:
        return rest
    name = text(record.get("id")) or digest(repr(sorted(map(repr, record.items()))))
    envelope = {"jsonrpc": "2.0", "id": name}
    rest["request"] = envelope | {
        "method": operation, "params": inner(record.get("request")) | named,
    }  # fmt: skip
    if status is None:
        return rest  # the answer has a record of its own, or has not come
    given = record.get("response")
    if failed:
        rest["response"] = envelope | {"error": {"code": status, "message": _message_of(given)}}
    else:
        streamed = given if isinstance(given, list) else [given]
        rest["response"] = [envelope | {"result": inner(one)} for one in streamed]
    return rest


def _of_path(http: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Give the operation of a request, and what its path names."""
    verb = (text(http.get("method")) or "").upper()
    path = (text(http.get("path")) or "")[:_LONGEST_PATH].partition("?")[0].strip("/")
    for wanted, pattern, operation in _ROUTES:
        found = pattern.fullmatch(path) if verb == wanted else None
        if found is not None:
            return operation, found.groupdict()
    return "", {}


def _message_of(given: Any) -> str:
    """Give the message of a failure: of `google.rpc.Status`, or of problem details."""
    body = inner(given)
    said = inner(body.get("error")) or body
    return text(said.get("message")) or text(said.get("detail")) or text(said.get("title")) or ""
