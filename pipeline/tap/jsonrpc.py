"""Read what the tap needs of JSON-RPC messages, without touching their bytes."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct, field

from pipeline.formats.gateways.mcp import CLIENT_INFO, SERVER_INFO
from pipeline.formats.members import inner, text

if TYPE_CHECKING:
    from collections.abc import Iterable

_NONE = Raw(b"")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Message(Struct):
    """The members of a message; those that are absent are empty."""

    id: Raw = _NONE
    method: Any = None
    params: Raw = _NONE
    result: Raw = _NONE
    error: Raw = _NONE

    @property
    def key(self) -> bytes:
        """Give the id as it is written; empty for none."""
        return bytes(self.id).strip()


class Params(Struct):
    """The members of parameters and results that the tap reads; arguments stay undecoded."""

    name: Any = None
    uri: Any = None
    ref: Any = None
    client_info: Any = field(default=None, name="clientInfo")
    server_info: Any = field(default=None, name="serverInfo")
    meta: Any = field(default=None, name="_meta")
    kind: Any = field(default=None, name="resultType")
    state: Any = field(default=None, name="requestState")

    @property
    def client(self) -> str | None:
        """Name of the client, where it introduces itself."""
        info = inner(self.client_info) or inner(inner(self.meta).get(CLIENT_INFO))
        return text(info.get("name"))

    @property
    def server(self) -> str | None:
        """Name of the server, where it introduces itself."""
        info = inner(self.server_info) or inner(inner(self.meta).get(SERVER_INFO))
        return text(info.get("name"))


_items = msgspec.json.Decoder(list[Raw]).decode
_message = msgspec.json.Decoder(Message).decode
_params = msgspec.json.Decoder(Params).decode
_anything = msgspec.json.Decoder().decode


def items_of(data: bytes) -> list[bytes]:
    """Give the messages of a text: one, or those of a batch; none where it is not JSON.

    A message that another reader accepts and the decoder of the formats does not (numbers out of
    range, halves of surrogate pairs) is written again, for the record only.

    >>> items_of(b'[{"id":1}, {"id":2}]'), items_of(b"no JSON")
    ([b'{"id":1}', b'{"id":2}'], [])
    """
    line = data.strip()
    if line[:1] not in (b"{", b"["):
        return []
    try:
        _anything(line)
    except _UNREADABLE:
        line = _repaired(line)
    try:
        if line[:1] == b"[":
            items = [bytes(item).strip() for item in _items(line)]
            return [item for item in items if item[:1] == b"{"]
    except _UNREADABLE:
        return []
    return [line] if line else []


def read(item: bytes) -> Message:
    """Read one message of `items_of`."""
    try:
        return _message(item)
    except _UNREADABLE:
        return Message()


def params_of(raw: Raw) -> Params:
    """Read parameters or a result; empty ones where they are no object."""
    try:
        return _params(raw)
    except _UNREADABLE:
        return Params()


def one_line(item: bytes) -> bytes:
    """Give JSON without line breaks between its tokens."""
    if b"\n" in item or b"\r" in item:
        return msgspec.json.format(item, indent=-1)
    return item


def _repaired(line: bytes) -> bytes:
    try:
        found = json.loads(line.decode("utf-8", "replace"), parse_float=_number)
        return json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return b""


def _number(digits: str) -> float | str:
    value = float(digits)
    return value if abs(value) < inf else digits


def repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Give an object of its pairs; raise `ValueError` if two have one key."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key occurs twice")
        found[key] = value
    return found
