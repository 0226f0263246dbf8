"""Servers of the benchmark: ``stdio``, ``http PORT``, or ``proxy PORT URL``.

The proxy passes requests on with the libraries of the tap, and does nothing else.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_JSON = [(b"content-type", b"application/json")]


def answer_to(request: bytes) -> bytes:
    """Answer a call with the text that it has as its argument."""
    message = msgspec.json.decode(request)
    said = message["params"]["arguments"]["text"]
    result = {"content": [{"type": "text", "text": said}], "isError": False}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": message["id"], "result": result})


def stdio() -> None:
    """Answer each line."""
    buffer = b""
    while data := os.read(0, 1 << 16):
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            answer = answer_to(line) + b"\n"
            while answer:
                answer = answer[os.write(1, answer) :]


async def _body(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def server(_: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer each request; an ASGI application."""
    answer = answer_to(b"".join([data async for data in _body(receive)]))
    headers = [*_JSON, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


class _Stream(httpx.AsyncByteStream):
    def __init__(self, receive: Any) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in _body(self._receive):
            yield data


class BareProxy:
    """Pass each request on, piece by piece; an ASGI application."""

    def __init__(self, upstream: str) -> None:
        self._upstream = httpx.URL(upstream)
        self._transport = httpx.AsyncHTTPTransport()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass one request on."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        request = httpx.Request(
            scope["method"],
            self._upstream.copy_with(raw_path=scope["raw_path"]),
            headers=[(b"host", self._upstream.netloc), *headers],
            stream=_Stream(receive),
            extensions={"timeout": {}},
        )
        response = await self._transport.handle_async_request(request)
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": response.headers.raw,
            }
        )
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        async for data in stream:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await response.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def main() -> None:
    """Serve until the end of the input, or until a signal."""
    kind, *rest = sys.argv[1:]
    if kind == "stdio":
        stdio()
        return
    application = server if kind == "http" else BareProxy(rest[1])
    uvicorn.run(
        application, port=int(rest[0]), log_level="critical", access_log=False, lifespan="off",
        server_header=False, date_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
