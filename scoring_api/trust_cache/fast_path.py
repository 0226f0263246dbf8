"""The trust look-up without a framework: one exact route before all others.

With the framework a look-up takes 90 microseconds instead of 20. Only ``GET /v1/agents/{id}/trust``
with plain parameters is answered here. Other requests go to the ordinary route, which gives the
same answer and is described in OpenAPI.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final, get_args

from scoring_api.authentication.authenticator import Authenticator
from scoring_api.clock import wall_us
from scoring_api.problems import App, Message, ProblemError, Receive, Scope, Send, send_problem
from scoring_api.requests.guard import agent_path, check_local, header
from scoring_api.schemas.values import ModeName, OperationName
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cache import TrustCache
from scoring_api.trust_cache.cached_agent import Known, Question

TRUST: Final = b"/trust"
MAX_ID: Final = 256
MAX_PATHS: Final = 65_536
ROUTE: Final = "/v1/agents/{agent_id}/trust"
MODES: Final = get_args(ModeName)
OPERATIONS: Final = get_args(OperationName)

_NO_BODY: Final[Message] = {"type": "http.response.body", "body": b""}
_QUESTIONS: Final[dict[bytes, Question]] = {
    b"": (None, None),
    **{f"mode={m}".encode(): (m, None) for m in MODES},
    **{f"operation={o}".encode(): (None, o) for o in OPERATIONS},
    **{f"mode={m}&operation={o}".encode(): (m, o) for m in MODES for o in OPERATIONS},
}


def not_modified(condition: bytes, tag: bytes) -> bool:
    """Return whether ``If-None-Match`` contains this tag; weak comparison, as for any GET.

    >>> not_modified(b'W/"a", "b"', b'"a"'), not_modified(b'"a"', b'"b"')
    (True, False)
    """
    if condition == tag:
        return True
    if condition.strip() == b"*":
        return True
    return any(part.strip().removeprefix(b"W/") == tag for part in condition.split(b","))


class FastTrust:
    """Answers trust look-ups, and passes other requests on.

    Parameters
    ----------
    app
        The application for all other requests.
    cache, auth, metrics
        Shared with the ordinary routes.
    """

    def __init__(self, app: App, cache: TrustCache, auth: Authenticator, metrics: Metrics) -> None:
        self._app = app
        self._cache = cache
        self._auth = auth
        self._seen = metrics.requests.of(ROUTE)
        # Known agents by path: unquoting an id takes as long as all other steps here.
        self._paths: dict[bytes, Known] = {}
        self._joined_version = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        raw = scope["raw_path"]
        question = _QUESTIONS.get(scope["query_string"])
        if scope["method"] != "GET" or question is None or not raw.endswith(TRUST):
            await self._app(scope, receive, send)
            return
        if self._joined_version != self._cache.joined_version:
            self._paths.clear()
            self._joined_version = self._cache.joined_version
        asked = self._paths.get(raw) or self._asked(raw)
        if asked is None:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        try:
            headers = scope["headers"]
            if self._auth.open:
                check_local(scope)
            else:
                known = self._auth.remembered(headers)
                if known is None or not known.may("trust:read"):
                    await self._auth.authorise(scope, "trust:read")
            self._cache.require_ready()
            now = wall_us()
            entry = self._cache.entry_of(asked, question, now)
            condition = header(headers, b"if-none-match")
            if condition is not None and not_modified(condition, entry.tag):
                status = 304
                await send(entry.unchanged_message(now))
                await send(_NO_BODY)
            else:
                status = 200
                await send(entry.start_message(now))
                await send(entry.body_message)
        except ProblemError as error:
            status = error.status
            await send_problem(send, error)
        self._seen.saw(status, perf_counter() - started)

    def _asked(self, raw: bytes) -> Known | None:
        """Give the agent of a path; None for another kind of path."""
        split = agent_path(raw)
        if split is None or split[1] != TRUST or len(split[0]) > MAX_ID:
            return None
        known = self._cache.known(split[0])
        if known is None:
            # Not cached: invented ids must not fill the memory.
            return Known(split[0])
        if self._cache.joined.get(split[0], known.agent_id) != known.agent_id:
            return known  # until the agent of the alias acts
        if len(self._paths) >= MAX_PATHS:
            del self._paths[next(iter(self._paths))]  # the oldest
        self._paths[raw] = known
        return known
