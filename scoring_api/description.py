"""The OpenAPI document: the framework's description of the routes, with additions."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from pipeline.events.schema import event_parts
from scoring_api.schemas.actions import RejectedActions
from scoring_api.schemas.decisions import CommentRequest, DispositionRequest, UndoRequest
from scoring_api.schemas.gates import GateRequest
from scoring_api.schemas.people.identities import MergeRequest, RefuseRequest, SplitRequest
from scoring_api.schemas.problem import Problem
from scoring_api.schemas.suppressions import EndRequest, SuppressionRequest
from scoring_api.schemas.trust import TrustQuery

_TEMPLATE: Final = "#/components/schemas/{name}"
_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError")


def described(app: FastAPI) -> dict[str, Any]:
    """Describe `app`; computed once.

    The framework describes a 422 answer to an invalid body, which `problems.install` replaces by
    400. Problem details and bodies that routes read themselves are added, as they are in no
    signature.
    """
    if app.openapi_schema is None:
        api = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for verbs in api["paths"].values():
            for operation in verbs.values():
                if _FRAMEWORK[0] in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
        parts = api["components"]["schemas"]
        for name in _FRAMEWORK:
            parts.pop(name, None)
        api["components"]["schemas"] = dict(sorted((parts | _declared() | _events()).items()))
        app.openapi_schema = api
    return app.openapi_schema


def _declared() -> dict[str, Any]:
    _, found = models_json_schema(
        [
            (Problem, "serialization"),
            (RejectedActions, "serialization"),
            (TrustQuery, "validation"),
            (DispositionRequest, "validation"),
            (UndoRequest, "validation"),
            (CommentRequest, "validation"),
            (SuppressionRequest, "validation"),
            (EndRequest, "validation"),
            (GateRequest, "validation"),
            (MergeRequest, "validation"),
            (SplitRequest, "validation"),
            (RefuseRequest, "validation"),
        ],
        ref_template=_TEMPLATE.replace("name", "model"),
    )
    parts: dict[str, Any] = found["$defs"]
    return parts


def _events() -> dict[str, Any]:
    event = {"$ref": _TEMPLATE.format(name="Event")}
    batch = {
        "title": "EventBatch",
        "description": "Several events.",
        "type": "object",
        "required": ["events"],
        "properties": {"events": {"type": "array", "items": event, "maxItems": 1000}},
    }
    return {**event_parts(_TEMPLATE), "EventBatch": batch}


def operation_id(route: APIRoute) -> str:
    """Give the id of an operation: the name of its function in camel case.

    >>> operation_id(APIRoute("/", lambda: None, name="get_agent_trust"))
    'getAgentTrust'
    """
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)
