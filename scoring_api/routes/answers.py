"""Answers of the routes for analysts: JSON that nobody keeps."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi.responses import Response

NO_NUL = r"^[^\x00]*$"
"""Pattern of names: PostgreSQL refuses NUL."""
NO_STORE = {"Cache-Control": "no-store"}


def json_answer(content: Any, status: int = 200) -> Response:
    """Give an answer with this content."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers=NO_STORE,
    )
