"""Answers to OTLP exporters: partial success and errors, in the encoding of the request."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi.responses import Response

Signal = Literal["traces", "logs"]
JSON, PROTOBUF = "application/json", "application/x-protobuf"
INVALID_ARGUMENT, UNAVAILABLE = 3, 14
"""Codes of ``google.rpc.Status``."""
_REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}


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


def refused(status: int, media: str, code: int, message: str) -> Response:
    r"""Answer a payload that was refused, with a ``google.rpc.Status``.

    >>> refused(400, JSON, INVALID_ARGUMENT, "no JSON").body
    b'{"code":3,"message":"no JSON"}'
    >>> refused(400, PROTOBUF, INVALID_ARGUMENT, "x").body
    b'\x08\x03\x12\x01x'
    """
    if media == JSON:
        body = msgspec.json.encode({"code": code, "message": message})
    else:
        body = _number(1, code) + _text(2, message)
    return Response(body, status_code=status, media_type=media)


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
