"""The OpenAPI document: what the framework says of the routes, and the parts it cannot know."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from scoring_api.schemas import Problem, RejectedActions

_FRAMEWORK: Final = ("HTTPValidationError", "ValidationError")


def described(app: FastAPI) -> dict[str, Any]:
    """Describe `app`; made once.

    The framework describes an own answer 422 to a bad body, which `problems.install` replaces by
    400. The types of problem details are added, because no route returns them.
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
        api["components"]["schemas"] = dict(sorted((parts | _problems()).items()))
        app.openapi_schema = api
    return app.openapi_schema


def _problems() -> dict[str, Any]:
    _, found = models_json_schema(
        [(Problem, "serialization"), (RejectedActions, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    parts: dict[str, Any] = found["$defs"]
    return parts
