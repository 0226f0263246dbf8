"""Problem details of every error."""

from __future__ import annotations

from pydantic import BaseModel


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
