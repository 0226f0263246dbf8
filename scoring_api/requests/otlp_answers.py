"""Answers to OTLP exporters: partial success and errors, in the encoding of the request."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi.responses import Response
from msgspec import Struct

from scoring_api.problems import MEDIA_TYPE, App, Message, Receive, Scope, Send
from scoring_api.requests.guard import header

Signal = Literal["traces", "logs"]
JSON, PROTOBUF = "application/json", "application/x-protobuf"
PATHS = frozenset({"/v1/traces", "/v1/logs"})
_REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}
# Codes of `google.rpc.Status`: invalid argument for all others.
_CODES = {401: 16, 403: 7, 404: 5, 408: 4, 429: 8, 500: 13, 503: 14}
_INVALID_ARGUMENT = 3
_OF_BODY = frozenset({b"content-type", b"content-length"})


class _Problem(Struct):
    detail: str = ""


def accepted(signal: Signal, media: str, rejected: int, message: str) -> Response:
    r"""Answer a payload that was accepted, in whole or in part.

    >>> accepted("logs", JSON, 0, "").body
    b'{}'
    >>> accepted("traces", JSON, 2, "no span id").body
    b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no span id"}}'
    >>> accepted("traces", PROTOBUF, 2, "x").body
    b'\n\x05\x08\x02\x12\x01x'
    """
    if media == JSON:
        partial = {_REJECTED[signal]: str(rejected), "errorMessage": message}
        body = msgspec.json.encode({"partialSuccess": partial} if rejected else {})
    else:
        inner = _number(1, rejected) + _text(2, message)
        body = _bytes(1, inner) if rejected else b""
    return Response(body, media_type=media)


def status_body(status: int, media: str, message: str) -> bytes:
    r"""Encode an error as ``google.rpc.Status``.

    >>> status_body(400, JSON, "no JSON")
    b'{"code":3,"message":"no JSON"}'
    >>> status_body(503, PROTOBUF, "x")
    b'\x08\x0e\x12\x01x'
    """
    code = _CODES.get(status, _INVALID_ARGUMENT)
    if media == JSON:
        return msgspec.json.encode({"code": code, "message": message})
    return _number(1, code) + _text(2, message)


class OtlpErrors:
    """Turns problems of the OTLP routes into what their exporters read, wherever they come from.

    An exporter sends again after 429, 502, 503 and 504 only.

    Parameters
    ----------
    app
        The wrapped application, whose errors are problem details.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        given = (header(scope["headers"], b"content-type") or b"").partition(b";")[0]
        media = PROTOBUF if given.strip().lower() == PROTOBUF.encode() else JSON
        await self._app(scope, receive, _Translated(send, media))


class _Translated:
    """Sends an answer, and a `Status` in place of a problem."""

    def __init__(self, send: Send, media: str) -> None:
        self._send, self._media = send, media
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = header(message["headers"], b"content-type") or b""
            if kind.startswith(MEDIA_TYPE.encode()):
                self._start = message
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        start, self._start = self._start, None
        detail = msgspec.json.decode(self._body, type=_Problem).detail
        body = status_body(start["status"], self._media, detail)
        kept = [(name, value) for name, value in start["headers"] if name not in _OF_BODY]
        start["headers"] = [
            (b"content-type", self._media.encode()),
            (b"content-length", str(len(body)).encode()),
            *kept,
        ]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
