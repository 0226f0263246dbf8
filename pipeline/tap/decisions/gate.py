"""What a decision point is asked before a request passes, and what answers a refused one.

The mapping is that of the MCP binding of AuthZEN. Arguments are not sent. What the tap and the
server could read differently is refused: a text that is not strict JSON, a key that occurs twice,
a line break that some readers take for the end of a message.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from models.event import rfc3339
from pipeline.clock import clock_us
from pipeline.formats.members import inner, text
from pipeline.tap.decisions.verdict import Verdict
from pipeline.tap.jsonrpc import Message, items_of, params_of, read, repeats
from pipeline.tap.recording.record import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.tap.decisions.verdict import Ask
    from pipeline.tap.jsonrpc import Params

DENIED, UNAVAILABLE, NOT_JSON = -32001, -32603, -32700
_FREE = frozenset({"initialize", "ping", "server/discover"})
_OF_SERVER = frozenset({
    "tools/list", "resources/list", "resources/templates/list", "prompts/list",
    "logging/setLevel", "subscriptions/listen", "tasks/list", "tasks/get", "tasks/result",
    "tasks/cancel", "tasks/update",
})  # fmt: skip
_OF_RESOURCE = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})
_OWN_KEYS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_STATELESS = "io.modelcontextprotocol/protocolVersion"


class Caller(Struct, frozen=True):
    """Who asks, as far as the transport says.

    Attributes
    ----------
    agent
        Name of the agent; empty where it is not known.
    human
        Subject of the token; empty for none.
    audience, address
        Audience of the token, and network address of the client; empty where unknown.
    """

    agent: str = ""
    human: str = ""
    audience: str = ""
    address: str = ""


class Refusal(Struct, frozen=True):
    """Why a text does not pass.

    Attributes
    ----------
    answer
        What answers in place of the server; empty where nothing may answer.
    decision
        ``deny`` or ``unavailable``.
    """

    answer: bytes
    decision: str


class Request(Struct, frozen=True):
    """A message that needs a decision.

    Attributes
    ----------
    question
        What is asked; None where no mapping exists, which is a denial.
    """

    message: Message
    params: Params
    question: dict[str, Any] | None


class Gate:
    """Asks before requests pass, for a connection over stdio.

    Parameters
    ----------
    ask
        Asks the decision point.
    server
        Gives the name of the server.
    agent
        Name of the agent, where the operator gives one.
    """

    def __init__(self, ask: Ask, server: Callable[[], str], agent: str | None = None) -> None:
        self._ask, self._server = ask, server
        self._fixed = agent
        self._agent = agent or ""

    def refusal_of(self, data: bytes) -> Refusal | None:
        """Give why a line does not pass; None if it passes."""
        self._agent = self._fixed or introduced(data) or self._agent
        requests = requests_of(data, Caller(self._agent), self._server())
        if _hides_message(data):
            return _NOT_JSON
        if isinstance(requests, Refusal):
            return requests
        verdicts = [
            Verdict(False) if one.question is None else self._ask(one.question) for one in requests
        ]
        return refusal(data, requests, verdicts)


def introduced(data: bytes) -> str | None:
    """Give the name by which a client introduces itself, if it does."""
    if b"clientInfo" not in data:
        return None
    names = [params_of(read(item).params).client for item in items_of(data)]
    return next((name for name in names if name is not None), None)


def requests_of(data: bytes, caller: Caller, server: str) -> list[Request] | Refusal:
    """Give the requests of a text that need a decision, or why it is refused at once.

    >>> call = b'{"id":1,"method":"tools/call","params":{"name":"pay","arguments":{"to":"Ines"}}}'
    >>> found = requests_of(call, Caller("bot"), "shop")
    >>> [one.question["resource"] for one in found]
    [{'type': 'tool', 'id': 'pay'}]
    >>> requests_of(b'{"id":1,"method":"ping","method":"tools/call"}', Caller(), "").decision
    'deny'
    """
    start = data.lstrip()[:1]
    if start not in (b"{", b"["):
        return [] if start.isascii() and start != b"\0" else _NOT_JSON
    if not _unambiguous(data):
        return _NOT_JSON
    found = [_request(read(item), caller, server) for item in items_of(data)]
    return [one for one in found if one is not None]


def _request(message: Message, caller: Caller, server: str) -> Request | None:
    method = message.method
    if method is None or method in _FREE or str(method).startswith("notifications/"):
        return None
    params = params_of(message.params)
    resource = _resource(str(method), params, caller.audience or server)
    if resource is None:
        return Request(message, params, None)
    agent = caller.agent or params.client or UNNAMED
    subject = {"type": "identity", "id": caller.human}
    context = {"agent": agent, "time": rfc3339(clock_us()), "mcp_server": server}
    if caller.address:
        context["ip"] = caller.address
    question = {
        "subject": subject if caller.human else {"type": "agent", "id": agent},
        "action": {"name": method},
        "resource": resource,
        "context": context,
    }
    return Request(message, params, question)


def _resource(method: str, params: Params, server: str) -> dict[str, str] | None:
    if method in _OF_SERVER:
        return {"type": "mcp_server", "id": server}
    kind, name = "", None
    ref = inner(params.ref)
    if method == "tools/call":
        kind, name = "tool", params.name
    elif method == "prompts/get":
        kind, name = "prompt", params.name
    elif method in _OF_RESOURCE:
        kind, name = "resource", params.uri
    elif method == "completion/complete":
        kind = "prompt" if ref.get("type") == "ref/prompt" else "resource"
        name = ref.get("name" if kind == "prompt" else "uri")
    found = text(name)
    return None if found is None else {"type": kind, "id": found}


def refusal(
    data: bytes, requests: Sequence[Request], verdicts: Sequence[Verdict]
) -> Refusal | None:
    """Give the answer to a text of which a request is refused; a batch passes as a whole or not."""
    if all(verdict.allowed for verdict in verdicts):
        return None
    denied = any(verdict.allowed is False for verdict in verdicts)
    decision = "deny" if denied else "unavailable"
    answered = {id(one.message): _answer(one, verdict)
                for one, verdict in zip(requests, verdicts, strict=True)
                if not verdict.allowed}  # fmt: skip
    if data.lstrip()[:1] != b"[":
        return Refusal(next(iter(answered.values())) or b"", decision)
    answers = [one for one in answered.values() if one]
    known = {one.message.key for one in requests if id(one.message) in answered}
    for item in items_of(data):
        other = read(item)
        if other.method is not None and other.key and other.key not in known:
            answers.append(_error(other, DENIED, "another request of this batch is refused"))
    return Refusal(b"[" + b",".join(answers) + b"]" if answers else b"", decision)


def _answer(request: Request, verdict: Verdict) -> bytes:
    message = request.message
    if not message.key:
        return b""
    if request.question is None:
        return _error(message, DENIED, "the method is not known to the decision point")
    name = request.question["resource"]["id"]
    if verdict.allowed is None:
        code, why = UNAVAILABLE, f"the call was not made: {verdict.reason or 'no decision'}"
    else:
        code, why = DENIED, f"the decision point denies {request.question['action']['name']}"
        why += f" of {name}" + (f": {verdict.reason}" if verdict.reason else "")
    if message.method != "tools/call":
        return _error(message, code, why)
    result: dict[str, Any] = {"content": [{"type": "text", "text": why}], "isError": True}
    if _STATELESS in inner(request.params.meta):
        result = {"resultType": "complete"} | result
    return msgspec.json.encode({"jsonrpc": "2.0", "id": message.id, "result": result})


def _error(message: Message, code: int, why: str) -> bytes:
    error = {"code": code, "message": why}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": message.id, "error": error})


_NOT_JSON = Refusal(
    msgspec.json.encode(
        {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": NOT_JSON, "message": "the message is not unambiguous JSON"},
        }
    ),
    "deny",
)


def _unambiguous(data: bytes) -> bool:
    """Tell whether every reader finds the same messages in a text."""
    try:
        found = msgspec.json.decode(data)
        json.loads(data, object_pairs_hook=repeats)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return False
    several = found if isinstance(found, list) else [found]
    return all(isinstance(one, dict) and _has_own_keys(one) for one in several)


def _has_own_keys(message: dict[str, Any]) -> bool:
    """Tell whether no key is another one for readers that ignore case."""
    for members in (message, inner(message.get("params"))):
        if len({key.casefold() for key in members}) < len(members):
            return False
    known = {key for key in message if key.casefold() in _OWN_KEYS}
    if known - _OWN_KEYS or not isinstance(message.get("method", ""), str):
        return False
    return all(
        key in ("name", "uri", "ref") or key.casefold() not in ("name", "uri", "ref")
        for key in inner(message.get("params"))
    )


def _hides_message(line: bytes) -> bool:
    """Tell whether a reader that ends lines elsewhere finds another message in one."""
    parts = line.decode("utf-8", "replace").strip().splitlines()
    return len(parts) > 1 and any(map(_is_message, parts))


def _is_message(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict | list)
