"""Limit concurrent requests of each client behind a trusted proxy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from scoring_api.problems import App, ProblemError, Receive, Scope, Send, send_problem
from scoring_api.requests.clients import client_of, source_of

if TYPE_CHECKING:
    from scoring_api.serving.admission import Admission


class ProxiedClients:
    """Bounds the concurrent requests of each client address.

    A connection of a proxy serves many clients. So the limit of connections per address applies
    here to concurrent requests. The address is the one that uvicorn took from ``X-Forwarded-For``.
    """

    def __init__(self, app: App, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        source = source_of(client_of(scope))
        if self._busy[source] >= self._admission.limits.connections_per_address:
            self._admission.refused["address_requests"] += 1
            error = ProblemError(
                429, "the address has too many requests under way", {"Retry-After": "1"}
            )
            await send_problem(send, error)
            return
        self._busy[source] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._busy[source] -= 1
            if not self._busy[source]:
                del self._busy[source]
