"""From the messages that pass to the records of format ``mcp``: sessions, agents and calls."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from models.event import rfc3339
from models.units import MINUTE_US
from pipeline.formats.bounds import cut
from pipeline.formats.gateways.mcp import trace_of
from pipeline.formats.members import inner
from pipeline.tap.jsonrpc import items_of, params_of, read
from pipeline.tap.recording.record import DOWN, UNNAMED, UP, Record, encoded

if TYPE_CHECKING:
    from pipeline.tap.jsonrpc import Message, Params
    from pipeline.tap.recording.record import Direction, Line

MAX_OPEN = 10_000
"""Most sessions, and most calls without an answer, that are remembered."""
_GAP_US = 15 * MINUTE_US
_ANSWERED = ("tools/call", "resources/read", "prompts/get")


class Place(Struct, frozen=True):
    """Where messages pass.

    Attributes
    ----------
    session
        Id of the session; empty where the transport has none.
    scope
        The ids of requests belong together within it.
    party
        Distinguishes clients whose transport has no session.
    """

    session: str
    scope: str
    party: str = ""


class Call(Struct):
    """A request without an answer."""

    name: str
    method: str
    at_us: int
    session: str


class Transcript:
    """Makes records of messages.

    Parameters
    ----------
    server
        Name of the server until it introduces itself, and where `named` always.
    agent
        Name of the agent, where the operator gives one; else that of the client.

    Examples
    --------
    >>> transcript = Transcript("shop")
    >>> request = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    >>> [line.agent for line in transcript.lines(UP, request, 0, Place("s", "s"))]
    ['mcp-client']
    """

    def __init__(self, server: str, *, named: bool = False, agent: str | None = None) -> None:
        self.server = server
        self._named = named
        self._agent = agent
        self._token = secrets.token_hex(6)
        self._number = 0
        self._agents: OrderedDict[str, str] = OrderedDict()
        self._open: OrderedDict[tuple[str, bytes], deque[Call]] = OrderedDict()
        self._asked: OrderedDict[bytes, str] = OrderedDict()
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._grouped: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()
        self.unreadable = 0

    def new_session(self) -> str:
        """Give an id for a session that has none."""
        self._number += 1
        return f"{self._token}-s{self._number}"

    def lines(
        self,
        direction: Direction,
        data: bytes,
        at_us: int,
        place: Place,
        decision: str | None = None,
    ) -> list[Line]:
        """Give the records of one text: a message, or a batch.

        Parameters
        ----------
        place
            Where it passed.
        decision
            ``deny`` or ``unavailable`` for an answer of the tap itself.
        """
        items = items_of(data)
        if not items and data.strip():
            self.unreadable += 1
        found = []
        for item in items:
            message = read(item)
            if direction == UP:
                record = self._of_client(item, message, at_us, place)
            else:
                record = self._of_server(item, message, at_us, place)
            record.decision = decision
            found.append(encoded(record, item, message))
        return found

    def failed(self, scope: str, data: bytes, status: int, at_us: int) -> list[Line]:
        """Give a record for each call of a request that an HTTP error answers."""
        found = []
        for item in items_of(data):
            call = self._answered(scope, read(item).key)
            if call is None or call.method not in _ANSWERED:
                continue
            record = self._record(DOWN, at_us, call.session, Raw(b"{}"))
            record.call, record.method, record.status = call.name, call.method, status
            record.duration_ms = (at_us - call.at_us) / 1000
            found.append(encoded(record, b"{}", read(b"{}")))
        return found

    # ------------------------------------------------------------------ one message

    def _of_client(self, item: bytes, message: Message, at_us: int, place: Place) -> Record:
        method = message.method if isinstance(message.method, str) else None
        params = params_of(message.params)
        name = self._agent or params.client
        session = place.session
        if not session:
            trace = trace_of(inner(params.meta).get("traceparent"))
            session = trace or self._group(name or UNNAMED, at_us, place.party)
            _remember(self._sessions, place.scope, session)
        if name is not None:
            _remember(self._agents, session, cut(name, 256))
        record = self._record(UP, at_us, session, Raw(item))
        if method is not None and message.key not in (b"", b"null"):
            call = self._call(method, params, at_us, session)
            waiting = self._open.setdefault((place.scope, message.key), deque())
            waiting.append(call)
            _bound(self._open)
            record.call = call.name if method in _ANSWERED else None
        return record

    def _call(self, method: str, params: Params, at_us: int, session: str) -> Call:
        """Give a call its number; one that continues after a question of the server keeps it."""
        asked = None if params.state is None else self._asked.pop(_digest(params.state), None)
        if asked is None:
            self._number += 1
            asked = f"{self._token}-{self._number}"
        return Call(asked, method, at_us, session)

    def _of_server(self, item: bytes, message: Message, at_us: int, place: Place) -> Record:
        call = None
        if message.method is None and message.key:
            call = self._answered(place.scope, message.key)
        params = params_of(message.result)
        introduced = call is not None and call.method in ("initialize", "server/discover")
        if introduced and params.server is not None and not self._named:
            self.server = cut(params.server, 256)
        if call is None:
            session = place.session or self._sessions.get(place.scope)
            session = session or self._group(UNNAMED, at_us, place.party)
            return self._record(DOWN, at_us, session, Raw(item))
        record = self._record(DOWN, at_us, place.session or call.session, Raw(item))
        record.method = call.method
        record.duration_ms = (at_us - call.at_us) / 1000
        if call.method in _ANSWERED:
            record.call = call.name
            if params.kind == "input_required" and params.state is not None:
                _remember(self._asked, _digest(params.state), call.name)
        return record

    def _answered(self, scope: str, key: bytes) -> Call | None:
        waiting = self._open.get((scope, key))
        if not waiting:
            return None
        call = waiting.popleft()
        if not waiting:
            del self._open[scope, key]
        return call

    def _record(self, direction: Direction, at_us: int, session: str, message: Raw) -> Record:
        agent = self._agents.get(session)
        if agent is not None:
            self._agents.move_to_end(session)
        return Record(
            ts=rfc3339(at_us), server=self.server, session=session, direction=direction,
            message=message, agent=agent or self._agent or UNNAMED,
        )  # fmt: skip

    def _group(self, agent: str, at_us: int, party: str) -> str:
        """Give the session of an agent whose transport has none: it ends after 15 minutes."""
        known, last_us = self._grouped.get((agent, party), ("", 0))
        session = known if known and at_us - last_us < _GAP_US else self.new_session()
        _remember(self._grouped, (agent, party), (session, at_us))
        return session


def session_digest(session: str) -> str:
    """Give the name of a session id, which may itself open the session.

    >>> len(session_digest("1868a90c"))
    32
    """
    return sha256(session.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _digest(state: Any) -> bytes:
    return sha256(msgspec.json.encode(state)).digest()


def _remember(table: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    table[key] = value
    table.move_to_end(key)
    _bound(table)


def _bound(table: OrderedDict[Any, Any]) -> None:
    while len(table) > MAX_OPEN:
        table.popitem(last=False)
