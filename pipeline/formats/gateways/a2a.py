"""A2A: traffic between agents, versions 1.0 and 0.3, over JSON-RPC, HTTP+JSON and gRPC.

Messages carry no identity of the caller: it is in the token or the certificate that the proxy
logs. Agent Cards are no traffic and give no part. Source: the A2A specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.bounded_event import bounded, ip_of, result_of
from pipeline.formats.gateways.a2a_bindings import as_json_rpc
from pipeline.formats.gateways.json_rpc import Message, messages_in
from pipeline.formats.identity.claims import event_of_claims
from pipeline.formats.json_records import object_in, parts_in
from pipeline.formats.members import inner, text
from pipeline.formats.part import Part
from pipeline.formats.secrets import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.event import Operation

NAME = "a2a"
# Method of each version -> what it does.
_METHODS: dict[str, tuple[str, Operation]] = {
    "SendMessage": ("1.0", "send"),
    "SendStreamingMessage": ("1.0", "send"),
    "GetTask": ("1.0", "read"),
    "ListTasks": ("1.0", "read"),
    "CancelTask": ("1.0", "delete"),
    "SubscribeToTask": ("1.0", "read"),
    "CreateTaskPushNotificationConfig": ("1.0", "write"),
    "GetTaskPushNotificationConfig": ("1.0", "read"),
    "ListTaskPushNotificationConfigs": ("1.0", "read"),
    "DeleteTaskPushNotificationConfig": ("1.0", "delete"),
    "GetExtendedAgentCard": ("1.0", "read"),
    "message/send": ("0.3", "send"),
    "message/stream": ("0.3", "send"),
    "tasks/get": ("0.3", "read"),
    "tasks/list": ("0.3", "read"),
    "tasks/cancel": ("0.3", "delete"),
    "tasks/resubscribe": ("0.3", "read"),
    "tasks/pushNotificationConfig/set": ("0.3", "write"),
    "tasks/pushNotificationConfig/get": ("0.3", "read"),
    "tasks/pushNotificationConfig/list": ("0.3", "read"),
    "tasks/pushNotificationConfig/delete": ("0.3", "delete"),
    "agent/getAuthenticatedExtendedCard": ("0.3", "read"),
}
_STATES = {"rejected": "denied", "auth_required": "denied", "failed": "error"}
_ENDED = {"completed", "failed", "canceled", "rejected", "auth_required", "input_required"}
_DENIALS = {401, 403, -32401, -32403}
_MAX_PARTS = 200


class A2A:
    """Reader of A2A traffic.

    Examples
    --------
    >>> line = (
    ...     b'{"session":"s","token":{"client_id":"orders-bot","sub":"orders-bot"},"message":'
    ...     b'{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":'
    ...     b'{"kind":"message","messageId":"m1","role":"user","parts":[]}}}}'
    ... )
    >>> about, call = A2A().decode(line)
    >>> call.event["agent"]["id"], call.event["tool"], call.event["attributes"]["protocol_version"]
    ('orders-bot', 'message/send', '0.3')
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "human", "network"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record."""
        return parts_in(value, _record)


def _record(given: dict[str, Any]) -> Iterator[Part]:
    for message in messages_in(as_json_rpc(given)):
        yield from _parts(message)


def _parts(message: Message) -> Iterator[Part]:
    # A pair without a session is complete by itself.
    place = message.place
    if not message.session and "request" in message.record:
        place = digest(repr(sorted(map(repr, message.record.items()))))
    key, call = f"{NAME}/{place}", f"{place}/{message.id}"
    method = message.method
    if method is None and message.id:
        yield from _response(message, key, call)
    elif method in _METHODS:
        yield from _request(message, key, call, method)


def _request(message: Message, key: str, call: str, method: str) -> Iterator[Part]:
    record, params = message.record, inner(message.body.get("params"))
    version, operation = _METHODS[method]
    sent, url = inner(params.get("message")), _url(record)
    event = event_of_claims(object_in(record.get("token")) or object_in(record.get("claims")))
    caller = next((name for one in _CALLERS if (name := _name(record.get(one)))), None)
    agent = event["agent"]["id"] or caller
    # A caller without a name is the last resort of the session.
    yield Part(kind="about", session=key, event={"agent": {"kind": f"{NAME}-client"}})
    callee = next((name for one in _CALLEES if (name := _name(record.get(one)))), None)
    event |= {
        "agent": {"id": agent},
        "session": text(sent.get("contextId")) or text(params.get("contextId")),
        "task": text(sent.get("taskId")) or _task(params),
        "tool": method,
        "operation": operation,
        "arguments": _arguments(sent),
        "resource": {"id": callee or url, "type": "agent"},
        "network": {
            "source_ip": ip_of(record.get("src_ip") or record.get("source_ip")),
            "destination": url,
        },
    }
    references = sent.get("referenceTaskIds")
    event["attributes"] |= {
        "protocol_version": version,
        "message_id": text(sent.get("messageId")),
        "jsonrpc_id": None if "http" in record or "grpc" in record else message.id or None,
        "reference_tasks": [one for one in references if isinstance(one, str)][:16]
        if isinstance(references, list) and references
        else None,
        "tenant": text(params.get("tenant")),
    }
    yield Part(kind="call", session=key, call=call, time_us=message.at_us, event=bounded(event))


def _response(message: Message, key: str, call: str) -> Iterator[Part]:
    error, result = inner(message.body.get("error")), inner(message.body.get("result"))
    if error:
        code = error.get("code")
        denied = isinstance(code, int) and code in _DENIALS
        ended: dict[str, Any] = {
            "outcome": "denied" if denied else "error",
            "attributes": {"error_code": code if isinstance(code, int) else None},
        }
        yield result_of(key, call, message.at_us, ended, text(error.get("message")) or "")
        return
    kind = text(result.get("kind"))
    wrapped = {name: inner(result.get(name)) for name in ("task", "message", "statusUpdate")}
    update = wrapped["statusUpdate"] or (result if kind == "status-update" else {})
    state = _state(update or wrapped["task"] or result)
    if "artifactUpdate" in result or kind == "artifact-update" or (update and state not in _ENDED):
        return
    body = wrapped["task"] or wrapped["message"] or update or result
    is_message = bool(wrapped["message"]) or kind == "message"
    task = text(body.get("taskId")) or (None if is_message else text(body.get("id")))
    ended = {
        "outcome": _STATES.get(state, "ok"),
        "session": text(body.get("contextId")),
        "task": task,
        "attributes": {"task_state": state or None},
    }
    yield result_of(key, call, message.at_us, ended, _said(body))


_CALLERS = ("caller", "client", "agent", "src_identity")
_CALLEES = ("callee", "server", "target")


def _state(body: dict[str, Any]) -> str:
    """Give the state of a task in the same word for both versions.

    >>> _state({"status": {"state": "TASK_STATE_AUTH_REQUIRED"}})
    'auth_required'
    >>> _state({"status": {"state": "auth-required"}})
    'auth_required'
    """
    state = text(inner(body.get("status")).get("state")) or ""
    return state.removeprefix("TASK_STATE_").lower().replace("-", "_")


def _task(params: dict[str, Any]) -> str | None:
    """Give the task of a method on tasks: an id, or a resource name."""
    named = text(params.get("id")) or text(params.get("taskId")) or text(params.get("name"))
    return named.removeprefix("tasks/") if named else None


def _arguments(sent: dict[str, Any]) -> dict[str, Any]:
    said = _texts_of(sent.get("parts"))
    return {"message": said} if said else {}


def _said(body: dict[str, Any]) -> str:
    artifacts = body.get("artifacts")
    held = [*artifacts[:_MAX_PARTS]] if isinstance(artifacts, list) else []
    found = [_texts_of(inner(one).get("parts")) for one in held]
    found += [_texts_of(body.get("parts"))]
    found += [_texts_of(inner(inner(body.get("status")).get("message")).get("parts"))]
    return "\n".join(one for one in found if one)


def _texts_of(parts: Any) -> str:
    held = parts[:_MAX_PARTS] if isinstance(parts, list) else []
    return "\n".join(said for one in held if (said := text(inner(one).get("text"))))


def _name(value: Any) -> str | None:
    found = inner(value)
    return text(value) or text(found.get("name")) or text(found.get("id"))


def _url(record: dict[str, Any]) -> str | None:
    server = inner(record.get("server")) or inner(record.get("callee"))
    return text(server.get("url")) or text(record.get("url"))
