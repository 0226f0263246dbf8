"""MCP over streamable HTTP: a reverse proxy whose bodies pass as they are, piece by piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from pipeline.tap.decisions.bearer import claims_of
from pipeline.tap.decisions.gate import Caller, Refusal, introduced, refusal, requests_of
from pipeline.tap.decisions.verdict import Verdict
from pipeline.tap.recording.framing import MAX_MESSAGE
from pipeline.tap.recording.transcript import session_digest
from pipeline.tap.transports.addresses import is_local, proxy_for, upstream_of
from pipeline.tap.transports.bodies import RequestBody, Response, WholeBody
from pipeline.tap.transports.exchange import Exchange, session_in
from pipeline.tap.transports.headers import header, named_by_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.tap.decisions.verdict import AskLater
    from pipeline.tap.recording.recorder import Recorder
    from pipeline.tap.transports.headers import Headers

    Receive = Callable[[], Any]
    Send = Callable[[dict[str, Any]], Any]

_SESSION = b"mcp-session-id"
# Servers close an idle connection after five seconds; a request must not meet that moment.
_KEEP_S = 4.0
_CONNECT_S = 10.0
_MOST_NAMES = 10_000
_FORBIDDEN = 403
_NOT_LOCAL = b"the name in the header Host is not one of this machine\n"
_OK, _BAD_GATEWAY, _TOO_LARGE, _NOT_SUPPORTED = 200, 502, 413, 415


class ReverseProxy:
    """An ASGI application that passes each request on to one server.

    Parameters
    ----------
    upstream
        URL of the server. Its path answers requests for ``/``; others keep their path.
    recorder
        Records what passes.
    ask
        Asks the decision point; None: nothing is asked.
    server
        Gives the name of the server.
    agent
        Name of the agent, where the operator gives one.
    local
        Answer requests to a name of this machine only. Otherwise a page in a browser could reach
        the server under a name of its own, which the server does not see.
    """

    def __init__(
        self,
        upstream: str,
        recorder: Recorder | None,
        ask: AskLater | None,
        *,
        server: Callable[[], str],
        agent: str | None = None,
        local: bool = False,
    ) -> None:
        self._local = local
        self._upstream = upstream_of(upstream)
        self._recorder, self._ask = recorder, ask
        self._server, self._agent = server, agent
        self._names: dict[str, str] = {}
        self._number = 0
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=200, keepalive_expiry=_KEEP_S
            ),
            proxy=proxy_for(self._upstream),
        )

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass one request on; end it upstream too where the client hangs up."""
        if scope["type"] != "http":
            return
        if self._local and not is_local(header(scope["headers"], b"host")):
            await Response(send, Exchange(None, "", "")).answer(_FORBIDDEN, _NOT_LOCAL, None)
            return
        self._number += 1
        session = header(scope["headers"], _SESSION) or session_in(f"?{_query(scope)}")
        exchange = Exchange(self._recorder, f"x{self._number}", session, _party(scope))
        body = RequestBody(receive, exchange)
        passing = asyncio.ensure_future(self._pass(scope, body, Response(send, exchange), session))
        gone = asyncio.ensure_future(body.gone())
        try:
            await asyncio.wait({passing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (passing, gone):
                if not task.done():
                    task.cancel()
            await asyncio.gather(passing, gone, return_exceptions=True)
            exchange.ended()
        if not passing.cancelled() and (fault := passing.exception()) is not None:
            raise fault

    async def _pass(
        self, scope: dict[str, Any], body: RequestBody, head: Response, session: str
    ) -> None:
        stream: httpx.AsyncByteStream = body
        if self._ask is not None:
            whole = await body.whole()
            answer = await self._refusal(scope, whole, session)
            if answer is not None:
                await head.answer(*answer)
                return
            stream = WholeBody(whole)
        request = httpx.Request(
            scope["method"],
            self._url(scope),
            headers=self._headers(scope["headers"], stream),
            stream=stream,
            extensions={"timeout": {"connect": _CONNECT_S}},
        )
        try:
            response = await self._transport.handle_async_request(request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if body.hung_up or not await body.drained():
                return
            why = f"the MCP server does not answer: {type(error).__name__}\n"
            await head.answer(_BAD_GATEWAY, why.encode(), None)
            return
        try:
            opened = response.headers.get("mcp-session-id", "")
            if opened and not session:
                self._name_of(opened, body.name)
            await head.pass_on(response, opened)
        finally:
            await response.aclose()

    def _url(self, scope: dict[str, Any]) -> httpx.URL:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        target = self._upstream.raw_path.partition(b"?")[0] if path == b"/" else path
        query: bytes = scope["query_string"]
        return self._upstream.copy_with(raw_path=target + b"?" + query if query else target)

    def _headers(self, headers: Headers, stream: httpx.AsyncByteStream) -> Headers:
        """Give the headers for the server: all but those about the connection to the client."""
        listed = named_by_connection(headers)
        kept = [
            (name, value)
            for name, value in headers
            if name not in listed and name not in (b"host", b"expect")
        ]
        if any(name == b"transfer-encoding" for name, _ in headers):
            kept = [(name, value) for name, value in kept if name != b"content-length"]
            if isinstance(stream, WholeBody):
                kept.append((b"content-length", b"%d" % stream.size))
            else:
                kept.append((b"transfer-encoding", b"chunked"))
        return [(b"host", self._upstream.netloc), *kept]

    # ------------------------------------------------------------------ decisions

    async def _refusal(
        self, scope: dict[str, Any], body: bytes, session: str
    ) -> tuple[int, bytes, str | None] | None:
        """Give the status, the body and the decision that answer in place of the server."""
        assert self._ask is not None  # noqa: S101  # for the type checker
        if len(body) > MAX_MESSAGE:
            return _TOO_LARGE, b"the request is too large\n", "deny"
        if header(scope["headers"], b"content-encoding") not in ("", "identity") and body:
            return _NOT_SUPPORTED, b"an encoded request cannot be judged\n", "deny"
        name = introduced(body)
        self._name_of(session, name)
        claims = claims_of(header(scope["headers"], b"authorization"))
        known = self._agent or claims.client or name or self._names.get(session, "")
        address = (scope.get("client") or ("",))[0]
        caller = Caller(known, claims.subject, claims.audience, address)
        found = requests_of(body, caller, self._server())
        if not isinstance(found, Refusal):
            verdicts = [
                Verdict(False) if one.question is None else await self._ask(one.question)
                for one in found
            ]
            refused = refusal(body, found, verdicts)
            if refused is None:
                return None
            found = refused
        return (_OK if found.answer else 202), found.answer, found.decision

    def _name_of(self, session: str, name: str | None) -> None:
        """Remember how the client of a session introduced itself."""
        if session and name is not None and self._ask is not None:
            while len(self._names) >= _MOST_NAMES:
                del self._names[next(iter(self._names))]
            self._names[session] = name


def _party(scope: dict[str, Any]) -> str:
    """Tell a client from others by its address and its credential."""
    address = (scope.get("client") or ("",))[0]
    return session_digest(f"{address} {header(scope['headers'], b'authorization')}")


def _query(scope: dict[str, Any]) -> str:
    query: bytes = scope["query_string"]
    return query.decode("latin-1")
