"""The body of a request and the response to it, passed on piece by piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from pipeline.tap.decisions.gate import introduced
from pipeline.tap.recording.framing import MAX_MESSAGE
from pipeline.tap.transports.headers import named_by_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pipeline.tap.transports.exchange import Exchange

    Receive = Callable[[], Any]
    Send = Callable[[dict[str, Any]], Any]


class WholeBody(httpx.ByteStream):
    """A body that was read before it is passed on."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.size = len(body)


class RequestBody(httpx.AsyncByteStream):
    """The body of a request, as it comes in; afterwards it notices that the client hangs up."""

    def __init__(self, receive: Receive, exchange: Exchange) -> None:
        self._receive, self._exchange = receive, exchange
        self._read = asyncio.Event()
        self._whole: bytes = b""
        self.hung_up = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = not self._read.is_set()
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                self.hung_up = True
                self._read.set()
                raise httpx.ReadError("the client hung up")
            data, more = message.get("body", b""), message.get("more_body", False)
            self._exchange.saw_request(data)
            if not more:
                self._exchange.request_ended()
                self._read.set()
            if data:
                yield data

    async def drained(self) -> bool:
        """Read what no server takes, so that it is recorded; tell whether the client is there."""
        try:
            async for _ in self:
                pass
        except httpx.ReadError:
            return False
        return True

    async def whole(self) -> bytes:
        """Read it all, at most one byte more than a message may have."""
        parts, size = [], 0
        async for data in self:
            parts.append(data)
            size += len(data)
            if size > MAX_MESSAGE:
                break
        self._whole = b"".join(parts)
        return self._whole

    @property
    def name(self) -> str | None:
        """Give how the client introduces itself in a body that was read as a whole."""
        return introduced(self._whole)

    async def gone(self) -> None:
        """Return when the client has hung up."""
        await self._read.wait()
        while not self.hung_up:
            self.hung_up = (await self._receive())["type"] == "http.disconnect"


class Response:
    """The response to the client."""

    def __init__(self, send: Send, exchange: Exchange) -> None:
        self._send, self._exchange = send, exchange

    async def pass_on(self, response: httpx.Response, session: str) -> None:
        """Pass a response on, piece by piece."""
        headers = response.headers
        self._exchange.response_began(
            response.status_code, headers.get("content-type", ""),
            headers.get("content-encoding", ""), session,
        )  # fmt: skip
        listed = named_by_connection([(name.lower(), value) for name, value in headers.raw])
        kept = [(name, value) for name, value in headers.raw if name.lower() not in listed]
        await self._send(
            {"type": "http.response.start", "status": response.status_code, "headers": kept}
        )
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # for the type checker
        async for data in response.stream:
            self._exchange.saw_response(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._exchange.ended()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def answer(self, status: int, body: bytes, decision: str | None) -> None:
        """Answer in place of the server."""
        kind = "application/json" if body[:1] in (b"{", b"[") else "text/plain"
        self._exchange.response_began(status, kind, "", "")
        self._exchange.saw_response(body)
        self._exchange.ended(decision)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
