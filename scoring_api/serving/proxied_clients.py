"""What each client behind a trusted proxy may ask at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from scoring_api.problems import App, ProblemError, Receive, Scope, Send, send_problem
from scoring_api.requests.clients import client_of, source_of

if TYPE_CHECKING:
    from scoring_api.serving.door import Door


class ProxiedClients:
    """Bound the requests of each client address.

    A connection of a proxy belongs to many clients, so the limit of connections from one address
    is one of requests under way here. The address is the one that uvicorn took from
    ``X-Forwarded-For``.
    """

    def __init__(self, app: App, door: Door) -> None:
        self._app = app
        self._door = door
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        source = source_of(client_of(scope))
        if self._busy[source] >= self._door.limits.connections_per_address:
            self._door.refused["address_requests"] += 1
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
