"""Errors as RFC 9457 problem details, without input values."""

from __future__ import annotations

import http
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.errors import HabitusError

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MEDIA_TYPE = "application/problem+json"
CLIENT_CLOSED = 499
ENDED = "habitus.ended"
"""Key in a scope's state: status of a request ended by the client or a limit."""


class ProblemError(Exception):
    """An error answer.

    Parameters
    ----------
    status
        HTTP status, 400 to 599.
    detail
        The fault and the expected value; lower case, without input values and secrets.
    headers
        Further headers, such as ``WWW-Authenticate``.
    members
        Extension members, such as the result of each event.

    Examples
    --------
    >>> ProblemError(404, "no such anomaly").body()
    b'{"type":"about:blank","title":"Not Found","status":404,"detail":"no such anomaly"}'
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def body(self) -> bytes:
        """Encode as ``application/problem+json``."""
        return msgspec.json.encode(
            {
                "type": "about:blank",
                "title": http.HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                **self.members,
            }
        )

    def response(self) -> Response:
        """Convert to a Starlette response."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(self.body(), self.status, headers, media_type=MEDIA_TYPE)


async def send_problem(send: Send, error: ProblemError) -> None:
    """Send a problem from plain ASGI code."""
    body = error.body()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((k.lower().encode(), v.encode()) for k, v in error.headers.items()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _location(error: Mapping[str, Any]) -> str:
    # The location contains our parameters and the caller's keys. Keys of free-form objects may be
    # long, so only the first few steps are shown.
    return ".".join(str(step)[:64] for step in error["loc"][:4])


def _fault(error: Mapping[str, Any]) -> str:
    return f"{_location(error)}: {error['msg'] if error['type'] in _SAFE else error['type']}"


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  # registered for this type only
    return error.response()


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this type only
    found = [_fault(fault) for fault in error.errors()[:5]]
    return ProblemError(400, "; ".join(found)).response()


# Messages of pydantic that contain only our limits. Others may repeat the input.
_SAFE = frozenset(
    {"missing", "string_too_long", "string_too_short", "too_long", "too_short", "int_parsing"}
    | {"greater_than_equal", "less_than_equal", "literal_error", "enum", "list_type", "dict_type"}
    | {"string_type", "extra_forbidden", "model_attributes_type"}
)


_DETAIL = {
    404: "no such route",
    405: "the route has no such method",
    503: "too many request bodies are in memory now",
}


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this type only
    # The body is received by our guard, which names the limit.
    detail = error.detail if error.status_code == 413 else _DETAIL.get(error.status_code)
    headers = dict(error.headers or {})
    return ProblemError(error.status_code, detail or "the request was refused", headers).response()


async def _on_store(_: Request, error: Exception) -> Response:
    log.error("store_unusable", extra={"fault": type(error).__name__})
    return ProblemError(503, "the store cannot be used now", {"Retry-After": "5"}).response()


async def _on_hang_up(_: Request, __: Exception) -> Response:
    # The client is gone; the status is for the metric.
    return Response(status_code=CLIENT_CLOSED)


async def _on_unhandled(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return ProblemError(500, "an error that is logged on the server").response()


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem; an invalid body is 400, not 422."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_hang_up)
    app.add_exception_handler(HabitusError, _on_store)
    app.add_exception_handler(Exception, _on_unhandled)
