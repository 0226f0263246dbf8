"""The trust look-up without a framework: one exact route in front of everything else.

A framework spends 90 microseconds on what needs 20. Only ``GET /v1/agents/{id}/trust`` with plain
questions is answered here; what is unusual goes on to the ordinary route, which gives the same
answer and describes it in OpenAPI.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from scoring_api.auth import Authenticator, check_scope
from scoring_api.cache import Entry, Question, TrustCache
from scoring_api.clock import wall_us
from scoring_api.guard import AGENTS, agent_path, check_local, header
from scoring_api.metrics import Metrics
from scoring_api.problems import App, ProblemError, Receive, Scope, Send, send_problem

TRUST: Final = b"/trust"
MAX_ID: Final = 256
ROUTE: Final = "/v1/agents/{agent_id}/trust"
MODES: Final = ("delegated", "autonomous", "unknown")
OPERATIONS: Final = ("read", "write", "delete", "execute", "send", "pay", "admin", "unknown")

_QUESTIONS: Final[dict[bytes, Question]] = {
    b"": (None, None),
    **{f"mode={m}".encode(): (m, None) for m in MODES},
    **{f"operation={o}".encode(): (None, o) for o in OPERATIONS},
    **{f"mode={m}&operation={o}".encode(): (m, o) for m in MODES for o in OPERATIONS},
}


def not_modified(condition: bytes | None, tag: bytes) -> bool:
    """Tell whether ``If-None-Match`` names this entity; weak comparison, as for any GET.

    >>> not_modified(b'W/"a", "b"', b'"a"'), not_modified(b'"a"', b'"b"')
    (True, False)
    """
    if condition is None:
        return False
    if condition == tag:
        return True
    if condition.strip() == b"*":
        return True
    return any(part.strip().removeprefix(b"W/") == tag for part in condition.split(b","))


async def send_entry(scope: Scope, send: Send, entry: Entry, now_us: int) -> int:
    """Answer with an entry, or with 304 when the caller has it; gives the status."""
    headers = entry.headers(now_us)
    if not_modified(header(scope["headers"], b"if-none-match"), entry.tag):
        # The body's length is not that of this message.
        kept = [item for item in headers if item[0] not in (b"content-length", b"content-type")]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return 304
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": entry.body})
    return 200


class FastTrust:
    """Answer trust look-ups, pass on the rest.

    Parameters
    ----------
    app
        What answers everything else.
    cache, auth, metrics
        Shared with the ordinary routes.
    """

    def __init__(self, app: App, cache: TrustCache, auth: Authenticator, metrics: Metrics) -> None:
        self._app = app
        self._cache = cache
        self._auth = auth
        self._requests = metrics.requests
        self._observe = metrics.seconds.labels(ROUTE).observe
        self._ok = metrics.requests.labels(ROUTE, "200").inc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        raw = scope.get("raw_path") or b""
        question = _QUESTIONS.get(scope["query_string"])
        if question is None or not (raw.startswith(AGENTS) and raw.endswith(TRUST)):
            await self._app(scope, receive, send)
            return
        split = agent_path(raw)
        if split is None or split[1] != TRUST or len(split[0]) > MAX_ID:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        try:
            status = await self._answer(scope, send, split[0], question)
        except ProblemError as error:
            await send_problem(send, error)
            status = error.status
        if status == 200:
            self._ok()
        else:
            self._requests.labels(ROUTE, str(status)).inc()
        self._observe(perf_counter() - started)

    async def _answer(self, scope: Scope, send: Send, agent_id: str, question: Question) -> int:
        headers = scope["headers"]
        if self._auth.open:
            check_local(scope)
        principal = self._auth.remembered(headers) or await self._auth.authenticate(headers)
        check_scope(principal, "trust:read")
        self._cache.require_ready()
        now = wall_us()
        entry = self._cache.entry(agent_id, question, now)
        return await send_entry(scope, send, entry, now)
