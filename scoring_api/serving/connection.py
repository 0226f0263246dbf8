"""One client connection: uvicorn's HTTP/1.1 with limits on bytes, time and requests.

uvicorn's parser accepts headers of any length and waits for any time. This protocol counts bytes in
the parser's callbacks, and keeps one deadline. `Admission.sweep` checks the deadlines of all
connections once a second, without a timer per request.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from math import inf
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from scoring_api.authentication.certificate_entries import IN_STATE, ClientCertificate
from scoring_api.problems import ENDED, ProblemError
from scoring_api.serving.admission import Admission, Reason
from scoring_api.serving.peer import certificate_of

PIPELINED: Final = 16
LINGER_S: Final = 2.0
_LINGER_BYTES: Final = 512 * 1024

# Phase of the connection: between requests, reading headers, reading a body, closing.
_IDLE, _HEAD, _BODY, _CLOSING = range(4)

_ANSWERS: Final[dict[Reason, tuple[int, str]]] = {
    "connections": (503, "all connections are taken"),
    "address_connections": (429, "the address has too many connections"),
    "header_bytes": (431, "the headers are too long"),
    "target_bytes": (414, "the request target is too long"),
    "header_time": (408, "the headers took too long"),
    "body_time": (408, "the body took too long"),
    "pipelined": (400, "too many requests were sent ahead"),
    "malformed": (400, "the request is not HTTP/1.1"),
}


def _refusal(status: int, detail: str) -> bytes:
    body = ProblemError(status, detail).body()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        *(["retry-after: 1"] if status in (429, 503) else []),
        "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


REFUSALS: Final = {reason: _refusal(*answer) for reason, answer in _ANSWERS.items()}


class _LimitExceeded(Exception):
    """Stops the parser; the connection holds the reason."""


class Connection(HttpToolsProtocol):
    """A connection with limits, of an admitted client.

    Parameters
    ----------
    door
        Counts the connection until it is closed.
    host
        The client's address.
    """

    def __init__(self, door: Admission, host: str, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.door = door
        self.made = False
        self._host = host
        self._certificate: ClientCertificate | None = None
        self._limits = self.door.limits
        self._phase = _IDLE
        self._due = inf
        self._write_due = inf
        self._ignores_input = False
        self._fault: Reason = "malformed"
        # Messages begun; bytes of the current head by callback, and as received. While a body is
        # read, these are bytes of trailers, and bytes received since the last part of the body.
        self._begun = 0
        self._head = 0
        self._received = 0
        self._progress = False
        self._running: RequestResponseCycle | None = None

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Wait for the first request."""
        super().connection_made(transport)
        self.made = True
        found = transport.get_extra_info("peercert")
        self._certificate = certificate_of(found) if found else None
        self._due = self.loop.time() + self._limits.header_s

    def data_received(self, data: bytes) -> None:
        """Parse received bytes up to the first exceeded limit."""
        if self._ignores_input:
            self._received += len(data)
            if self._phase == _CLOSING and self._received > _LINGER_BYTES:
                self.transport.abort()
            return
        phase, begun = self._phase, self._begun
        self._progress = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No upgrade is supported: the request is answered, and no later bytes are read.
            self._stop_after(self.cycle)
            return
        except httptools.HttpParserError:
            self._refuse(self._fault)
            return
        if self._phase == _HEAD:
            # Bytes of other messages in the same read are not counted.
            if phase != _BODY and self._begun - begun == (phase == _IDLE):
                self._received += len(data)
        elif self._phase == _BODY and not self._progress:
            self._received += len(data)
        else:
            return
        if self._received > self._limits.header_bytes:
            self._refuse("header_bytes")

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        self._write_due = self.loop.time() + self._limits.body_s
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self._write_due = inf
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the running request, and drop the queued ones."""
        running = self._running
        if running is not None and not running.response_complete:
            running.scope["state"].setdefault(ENDED, 499)
            running.disconnected = True
            running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)
        self.door.leave(self._host)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._phase = _HEAD
        self._begun += 1
        self._head = self._received = 0
        self._due = self.loop.time() + self._limits.header_s
        if self._certificate is not None:
            self.scope["state"][IN_STATE] = self._certificate

    def on_url(self, url: bytes) -> None:
        """Add to the target."""
        super().on_url(url)
        self._head += len(url)
        if len(self.url) > self._limits.target_bytes:
            self._exceeds("target_bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; a trailer is counted and dropped, as the request is already routed."""
        self._head += len(name) + len(value) + 4
        if self._phase == _HEAD:
            super().on_header(name, value)
        elif self._head > self._limits.header_bytes:
            self._exceeds("header_bytes")

    def on_headers_complete(self) -> None:
        """Pass the request to the application."""
        if self._head > self._limits.header_bytes:
            self._exceeds("header_bytes")
        if len(self.pipeline) >= PIPELINED:
            self._exceeds("pipelined")
        super().on_headers_complete()
        self._phase = _BODY
        self._head = self._received = 0
        self._progress = True
        self._due = self.loop.time() + self._limits.body_s

    def on_body(self, body: bytes) -> None:
        """Add to the body."""
        self._received = 0
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; the idle timeout begins after its answer."""
        super().on_message_complete()
        self._phase = _IDLE
        answered = self.cycle.response_complete
        self._due = self.loop.time() + self._limits.idle_s if answered else inf

    # Callbacks of the application.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Answer the next request, or wait for it, without the timer of the base class."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._phase == _IDLE:
            self._due = self.loop.time() + self._limits.idle_s

    # The end of a connection.

    def expire(self, now: float) -> None:
        """End the connection if its deadline has passed."""
        if self._phase == _CLOSING:
            if self._due <= now:
                self.transport.abort()
        elif self._write_due <= now:
            self.door.refused["send_time"] += 1
            self.transport.abort()
        elif self.transport.is_closing():
            # Closing, and part of the answer is still unsent.
            self._phase, self._due = _CLOSING, now + LINGER_S
        elif self._due <= now and not self.flow.read_paused:
            self._too_late()

    def _too_late(self) -> None:
        if self._phase == _HEAD:
            self._refuse("header_time")
        elif self._phase == _BODY:
            self._refuse("body_time")
        else:
            if not self._begun:
                self.door.refused["header_time"] += 1
            self.transport.close()

    def _exceeds(self, reason: Reason) -> None:
        self._fault = reason
        raise _LimitExceeded

    def _refuse(self, reason: Reason) -> None:
        """Refuse the request that is being read, after answering an earlier one."""
        self.door.refused[reason] += 1
        running = self._running
        pending = running is not None and not running.response_complete
        own = self._phase == _BODY and running is self.cycle
        if running is not None and pending and not own:
            if self._phase == _BODY:
                self.pipeline.popleft()
            self._stop_after(self.pipeline[0][0] if self.pipeline else running)
            return
        if running is not None and pending:
            running.scope["state"].setdefault(ENDED, _ANSWERS[reason][0])
        self._ignores_input = True
        if running is not None and pending and running.response_started:
            self.transport.close()
            return
        if self._phase == _BODY and self.cycle.response_complete:
            # The remainder of an answered request: a second answer would belong to another request.
            self._linger()
            return
        if running is not None and pending:
            running.disconnected = True
            running.message_event.set()
        self.transport.write(REFUSALS[reason])
        self._linger()

    def _stop_after(self, cycle: RequestResponseCycle) -> None:
        """Stop reading, and close after this request is answered."""
        self._ignores_input = True
        self._phase, self._due = _IDLE, inf
        if cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False

    def _linger(self) -> None:
        """Let the client read the answer: closing with unread bytes would discard it."""
        if self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            self._phase, self._due = _CLOSING, self.loop.time() + LINGER_S
        else:
            self.transport.close()
