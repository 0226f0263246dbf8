"""One HTTP exchange, and its recording."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from pipeline.clock import clock_us
from pipeline.tap.recording.framing import MAX_MESSAGE, Events, Plain, decompressor
from pipeline.tap.recording.record import DOWN, UP
from pipeline.tap.recording.transcript import Place, session_digest

if TYPE_CHECKING:
    from pipeline.tap.recording.framing import Decompressor
    from pipeline.tap.recording.record import Line
    from pipeline.tap.recording.recorder import Recorder
    from pipeline.tap.recording.transcript import Transcript

_FAILED = 400
_SESSION_KEYS = ("session_id", "sessionId")


class Part(Struct, frozen=True):
    """A piece of an exchange that passed."""

    exchange: Exchange
    data: bytes
    at_us: int
    end: bool = False

    def lines(self, transcript: Transcript) -> list[Line]:
        """Give the records of the messages that it completes."""
        return self.exchange.response_lines(transcript, self)

    def __len__(self) -> int:
        return len(self.data)


class Sent(Struct, frozen=True):
    """A whole request."""

    exchange: Exchange
    data: bytes
    at_us: int

    def lines(self, transcript: Transcript) -> list[Line]:
        """Give its records."""
        return self.exchange.request_lines(transcript, self)

    def __len__(self) -> int:
        return len(self.data)


class Exchange:
    """Records one request and its response, which may be a stream.

    Parameters
    ----------
    recorder
        None: nothing is recorded.
    name
        Unique among the exchanges: ids of requests belong together in one, where there is no
        session.
    session
        Id of the session in the request; empty for none.
    party
        Distinguishes clients where there is no session; it is not recorded.
    """

    def __init__(self, recorder: Recorder | None, name: str, session: str, party: str = "") -> None:
        self._recorder, self._name, self._party = recorder, name, party
        self._session = session_digest(session) if session else ""
        self._sent: list[bytes] = []
        self._size = 0
        self._request = b""
        self._held: Sent | None = None
        self._status = 0
        self._stream: Events | None = None
        self._plain: Decompressor | None = Plain()
        self._parts: list[bytes] = []
        self._received = 0
        self._decision: str | None = None
        self._done = False

    # ------------------------------------------------------------------ where bytes pass

    def saw_request(self, data: bytes) -> None:
        """Take a piece of the request."""
        if self._recorder is not None and data:
            self._size += len(data)
            if self._size <= MAX_MESSAGE:
                self._sent.append(data)

    def request_ended(self) -> None:
        """Record the request; one that opens a session waits for its id."""
        if self._recorder is None or not self._sent:
            return
        whole = b"".join(self._sent) if self._size <= MAX_MESSAGE else b"?"
        self._sent.clear()
        sent = Sent(self, whole, clock_us())
        if not self._session and b'"initialize"' in whole:
            self._held = sent
        else:
            self._recorder.offer(sent)

    def response_began(self, status: int, kind: str, encoding: str, session: str) -> None:
        """Take the head of the response."""
        if self._recorder is None:
            return
        self._status = status
        self._session = self._session or (session_digest(session) if session else "")
        if kind.partition(";")[0].strip().lower() == "text/event-stream":
            self._stream = Events()
        self._plain = decompressor(encoding.strip().lower())
        self._release()

    def saw_response(self, data: bytes) -> None:
        """Take a piece of the response."""
        if self._recorder is not None and data:
            self._recorder.offer(Part(self, data, clock_us()))

    def ended(self, decision: str | None = None) -> None:
        """End the exchange; `decision` where the tap answered itself."""
        if self._recorder is not None and not self._done:
            self._done = True
            self._release()
            self._decision = decision
            self._recorder.offer(Part(self, b"", clock_us(), end=True))

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None and self._recorder is not None:
            self._recorder.offer(held)

    # ------------------------------------------------------------------ in the recorder's thread

    def request_lines(self, transcript: Transcript, sent: Sent) -> list[Line]:
        """Give the records of the request."""
        self._request = sent.data
        return transcript.lines(UP, sent.data, sent.at_us, self._place)

    def response_lines(self, transcript: Transcript, part: Part) -> list[Line]:
        """Give the records of the messages that a piece completes."""
        data = self._decoded(part.data)
        if self._stream is not None:
            found: list[Line] = []
            for kind, message in self._stream.feed(data):
                if kind == "endpoint":
                    self._opened(message)
                else:
                    found += self._down(transcript, message, part.at_us)
            return found + self._failed(transcript, part)
        self._received += len(data)
        if self._received <= MAX_MESSAGE:
            self._parts.append(data)
        if not part.end:
            return []
        whole = b"".join(self._parts) if self._received <= MAX_MESSAGE else b""
        self._parts.clear()
        is_json = whole.lstrip()[:1] in (b"{", b"[")
        answered = self._down(transcript, whole, part.at_us) if is_json else []
        return answered + self._failed(transcript, part)

    def _down(self, transcript: Transcript, data: bytes, at_us: int) -> list[Line]:
        return transcript.lines(DOWN, data, at_us, self._place, self._decision)

    def _failed(self, transcript: Transcript, part: Part) -> list[Line]:
        """Give the calls of this exchange that an HTTP error left without an answer."""
        if part.end and self._status >= _FAILED:
            return transcript.failed(self._place.scope, self._request, self._status, part.at_us)
        return []

    def _decoded(self, data: bytes) -> bytes:
        if self._plain is None:
            return b""
        try:
            return self._plain.decompress(data)
        except zlib.error:
            self._plain = None
            return b""

    def _opened(self, endpoint: bytes) -> None:
        """Take the session of the transport of 2024, which names it in the URL for messages."""
        session = session_in(endpoint.decode("utf-8", "replace"))
        self._session = self._session or (session_digest(session) if session else "")

    @property
    def _place(self) -> Place:
        return Place(self._session, self._session or self._name, self._party)


def session_in(url: str) -> str:
    """Give the session id in a URL; empty for none.

    >>> session_in("/messages/?session_id=ab12"), session_in("/mcp")
    ('ab12', '')
    """
    try:
        query = dict(parse_qsl(urlsplit(url).query))
    except ValueError:
        return ""
    return next((query[key] for key in _SESSION_KEYS if key in query), "")
