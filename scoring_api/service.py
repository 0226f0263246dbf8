"""Shared parts of all routes, and the FastAPI dependencies that provide them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from models.event import Event
from pipeline.events.examined import Examined
from scoring_api.authentication.authenticator import Authenticator
from scoring_api.authentication.principal import Principal
from scoring_api.config import ApiConfig
from scoring_api.problems import MEDIA_TYPE, ProblemError
from scoring_api.report_queue import ReportQueue
from scoring_api.schemas.actions import RejectedActions
from scoring_api.schemas.problem import Problem
from scoring_api.signals.receiver import Receiver
from scoring_api.status.coverage import Coverages
from scoring_api.status.metrics import Metrics
from scoring_api.status.silent_agents import Silences
from scoring_api.trust_cache.cache import TrustCache
from scoring_api.trust_cache.store_reading import Reading

Validate = Callable[[bytes], tuple[Event, tuple[str, ...]]]
"""Decodes bytes to a native event and the names of its unknown members.

Raises `models.errors.MalformedEvent` for invalid bytes.
"""

Examine = Callable[[str, bytes], Examined]
"""Reads a payload of a format; gives the number of its records, and what cannot be used.

Raises `models.errors.MalformedEvent` for bytes that are no payload.
"""


Hide = Callable[[bytes], bytes]
"""Replaces the credentials in bytes by marks of their kinds."""

OperationsOf = Callable[[str, bytes], Collection[str]]
"""Reads the payload of a hook of a format; gives what its call may do, with ``*`` for anything."""


_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Service:
    """Shared parts of the routes."""

    config: ApiConfig
    reading: Reading
    cache: TrustCache
    silences: Silences
    coverages: Coverages
    auth: Authenticator
    metrics: Metrics
    validate: Validate
    examine: Examine
    operations_of: OperationsOf
    hide: Hide
    warm: Callable[[], None]
    reports: ReportQueue
    signals: Receiver


async def service_of(request: Request) -> Service:
    """Give the service of the request's application.

    All dependencies are coroutines: FastAPI runs a plain function in another thread, and under load
    a request waits for it.
    """
    found: Service = request.app.state.service
    return found


Shared = Annotated[Service, Depends(service_of)]


def media_of(request: Request) -> str:
    """Give the media type of a body, in lower case and without parameters; empty for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def require_json(request: Request) -> None:
    """Refuse a body without the content type JSON.

    This also forces a CORS preflight for posts of foreign web pages.
    """
    if media_of(request) != "application/json":
        raise ProblemError(415, "the body must be application/json")


def _parameters(route: APIRoute) -> tuple[str, ...]:
    """Give the query parameters of a route."""
    found, names = [route.dependant], set[str]()
    for dependant in found:  # the loop appends the dependencies of each
        names |= {one.alias for one in dependant.query_params}
        found += dependant.dependencies
    return tuple(sorted(names))


def check_query(request: Request) -> None:
    """Refuse unknown query parameters of a GET, which would have no effect."""
    if request.method not in ("GET", "HEAD") or not request.query_params:
        return
    known = _parameters(request.scope["route"])
    for name in request.query_params:
        if name not in known:
            raise ProblemError(400, f"unknown query parameter{nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the closest known name, without repeating the given one.

    >>> nearest("severty", ["kind", "severity"]), nearest("x", ["a", "b"]), nearest("x", [])
    (', did you mean severity?', ', expected one of: a, b', ', expected none')
    """
    names = list(known)
    near = get_close_matches(name[:_LONGEST_NAME], names, n=1)
    if near:
        return f", did you mean {near[0]}?"
    return f", expected one of: {', '.join(names)}" if names else ", expected none"


# Both only describe the credential in OpenAPI; `Authenticator` reads it.
_BEARER = HTTPBearer(auto_error=False, description="JWT of the configured issuer, or an API key")
_API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False)


def needs(scope: str) -> Any:
    """Make a dependency that requires `scope`, and then checks the query parameters."""

    async def check(request: Request, service: Shared) -> Principal:
        caller = await service.auth.authorise(request.scope, scope)
        check_query(request)
        return caller

    dependency: Callable[[Request, Service], Awaitable[Principal]] = check
    return Depends(dependency)


DESCRIBED = [Security(_BEARER), Security(_API_KEY)]


async def agent_id_of(
    agent_id: Annotated[
        str,
        Path(
            min_length=1,
            max_length=3 * 256 * 4,
            description="The agent's id; its slashes may be encoded (%2F) or plain.",
            examples=["spiffe://example.com/ns/shop/sa/refunds"],
        ),
    ],
) -> str:
    """Give the agent id, which the guard encoded into one segment."""
    plain = unquote(agent_id)
    if len(plain) > 256:
        raise ProblemError(400, "an agent's id has at most 256 characters")
    return plain


AgentPath = Annotated[str, Depends(agent_id_of)]

_REF = "#/components/schemas/"
_MEANING = {
    400: "The request is invalid.",
    401: "No credential, or one that was refused.",
    403: "The credential lacks the scope, or the client is not on loopback.",
    404: "The object does not exist.",
    409: "The object has changed, or is so already; of a case, `case` is the newest version.",
    408: "The headers or the body took too long.",
    413: "The body is too large.",
    414: "The request target is too long.",
    415: "The body has another media type or encoding.",
    421: "The Host is not a loopback name.",
    422: "Every event of the request was rejected.",
    429: "Too many failed authentications, connections or requests of this address.",
    431: "The headers are too long.",
    503: "Not loaded yet, all connections are in use, or a store cannot be used now.",
}
_OF_ANY_ROUTE = (400, 403, 408, 414, 421, 429, 431, 503)
_TYPES = {422: RejectedActions}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the JSON body of a route that reads it after authentication."""
    schema = {"$ref": _REF + model.__name__}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route, in addition to those of all routes."""
    return open_problems(401, *statuses)


def open_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route without authentication."""
    return {
        status: {
            "description": _MEANING[status],
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": _REF + _TYPES.get(status, Problem).__name__}}
            },
        }
        for status in sorted({*_OF_ANY_ROUTE, *statuses})
    }
