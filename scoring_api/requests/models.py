"""Bodies that a route reads after the caller is authenticated."""

from __future__ import annotations

from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


def body_as(model: type[T], body: bytes) -> T:
    """Decode a body; a fault is a 400 as that of a parameter.

    A body parameter would be parsed before the caller is authenticated.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        ) from None
