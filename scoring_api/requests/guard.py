"""Checks before every route: loopback rules, body size, security headers, agent paths."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from starlette.exceptions import HTTPException

from pipeline.plain_http import is_loopback
from scoring_api.problems import App, Message, ProblemError, Receive, Scope, Send
from scoring_api.requests.bodies import Bodies

AGENTS: Final = b"/v1/agents/"
HOOKS: Final = b"/v1/hooks/"
MOST_DROPPED: Final = 64 << 20
"""Most bytes that are read after the bound of a hook's body."""
SUFFIXES: Final = (b"/trust", b"/evidence", b"/history", b"/quarantine", b"/release")

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", CSP.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
]


_FOREIGN_HOST = "no credential store is configured: the Host must be loopback"


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Give the first header named `name` (lower case), else None."""
    for key, value in headers:
        if key == name:
            return value
    return None


@lru_cache(maxsize=256)
def _is_local_host(value: bytes) -> bool:
    # Cached: parsing takes longer than the rest of a look-up, and clients use few hosts.
    try:
        return is_loopback(urlsplit(f"//{value.decode('latin-1')}").hostname or "")
    except ValueError:
        return False


def check_local(scope: Scope) -> None:
    """Admit only local programs if callers cannot be authenticated.

    Raises
    ------
    ProblemError
        403 for a client outside loopback, and for a web page of another origin. 421 for a Host that
        is not a loopback name, which indicates DNS rebinding.
    """
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        raise ProblemError(
            403, "no credential store is configured: only loopback clients are admitted"
        )
    host = None
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
            if not _is_local_host(value):
                raise ProblemError(421, _FOREIGN_HOST)
        elif name == b"origin" and not _is_local_host(value.partition(b"//")[2]):
            raise ProblemError(403, "requests of pages from another origin are refused")
    if host is None:
        raise ProblemError(421, _FOREIGN_HOST)


def agent_path(raw_path: bytes) -> tuple[str, bytes] | None:
    """Split a raw path under ``/v1/agents/`` into the agent's id and the rest.

    Ids contain slashes and colons. Only the raw path distinguishes an encoded slash of an id from a
    separator. An unencoded id works, too, unless it ends like a sub-resource.

    >>> agent_path(b"/v1/agents/spiffe://example.com/ns/a/trust")
    ('spiffe://example.com/ns/a', b'/trust')
    >>> agent_path(b"/v1/agents/spiffe%3A%2F%2Fexample.com%2Ftrust")
    ('spiffe://example.com/trust', b'')
    >>> agent_path(b"/v1/agents") is None
    True
    """
    if not raw_path.startswith(AGENTS):
        return None
    rest = raw_path[len(AGENTS) :]
    suffix = next((s for s in SUFFIXES if rest.endswith(s) and len(rest) > len(s)), b"")
    raw_id = rest[: len(rest) - len(suffix)].decode("latin-1")
    return (unquote(raw_id), suffix) if raw_id else None


class Guard:
    """Wraps the application with checks of every request.

    Parameters
    ----------
    app
        The wrapped application.
    local_only
        Whether no credential store is configured.
    max_body
        Largest request body in bytes; a larger one gets 413.
    max_hook
        Largest body of a hook. What follows is read and dropped up to `MOST_DROPPED`, so that the
        client gets the answer: an agent that cannot write its body continues without one.
    bodies
        Counts the body bytes of running requests.
    """

    def __init__(
        self, app: App, *, local_only: bool, max_body: int, max_hook: int, bodies: Bodies
    ) -> None:
        self._app = app
        self._local_only = local_only
        self._max_body = max_body
        self._max_hook = max_hook
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on with limited receive and hardened send."""

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        is_hook = scope["raw_path"].startswith(HOOKS)
        try:
            if self._local_only:
                check_local(scope)
            if not is_hook:
                self._check_length(scope)
        except ProblemError as error:
            await send_problem_and_close(hardened, error)
            return
        split = agent_path(scope["raw_path"])
        if split is not None:
            # Routes get the id as one encoded segment.
            path = AGENTS.decode() + quote(split[0], safe="") + split[1].decode()
            scope = {**scope, "path": path}
        client = scope.get("client")
        most = self._max_hook if is_hook else self._max_body
        dropped = MOST_DROPPED if is_hook else 0
        body = _Body(receive, most, dropped, self._bodies, client[0] if client else "")
        try:
            await self._app(scope, body.receive, hardened)
        finally:
            body.forget()

    def _check_length(self, scope: Scope) -> None:
        length = header(scope["headers"], b"content-length")
        if length is not None and (not length.isdigit() or int(length[:20]) > self._max_body):
            raise self._too_large()

    def _too_large(self) -> ProblemError:
        return ProblemError(413, _at_most(self._max_body))


def _at_most(size: int) -> str:
    return f"the body must be at most {size} bytes"


class _Body:
    """The body of one request while it is received."""

    def __init__(
        self, receive: Receive, maximum: int, dropped: int, bodies: Bodies, host: str
    ) -> None:
        self._receive = receive
        self._most = maximum
        self._to_drop = dropped
        self._bodies = bodies
        self._host = host
        self._seen = 0

    async def receive(self) -> Message:
        """Give the next part; raise 413 beyond the limit, and 503 if all bodies are too large."""
        message = await self._receive()
        part = message.get("body")
        if part:
            try:
                if self._seen + len(part) > self._most:
                    # The framework replaces any other exception while a body is read.
                    raise HTTPException(413, _at_most(self._most))
                self._bodies.add(self._host, len(part))
            except HTTPException:
                await self._drop(message)
                raise
            self._seen += len(part)
        return message

    async def _drop(self, message: Message) -> None:
        """Read the rest of the body, up to a bound, and keep nothing of it."""
        while message.get("more_body") and self._to_drop > 0:
            message = await self._receive()
            self._to_drop -= len(message.get("body", b""))

    def forget(self) -> None:
        """Subtract the counted bytes at the end of the request."""
        if self._seen:
            self._bodies.remove(self._host, self._seen)


async def send_problem_and_close(send: Send, error: ProblemError) -> None:
    """Send a problem before the body was read, and close."""
    error.headers.setdefault("Connection", "close")
    await send(
        {
            "type": "http.response.start",
            "status": error.status,
            "headers": [
                (b"content-type", b"application/problem+json"),
                *((k.lower().encode(), v.encode()) for k, v in error.headers.items()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": error.body()})
