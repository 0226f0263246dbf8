"""The filter by types of findings, the same for cases and anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query
from pydantic import Field

from pipeline.publishing.catalogue import catalogue
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import NO_NUL
from scoring_api.service import nearest

Kind = Annotated[str, Field(pattern=NO_NUL, max_length=128)]
Kinds = Annotated[
    list[Kind] | None,
    Query(max_length=64, description="Type of any of its findings, one or more."),
]
_KNOWN = sorted(catalogue())


def check_kinds(kinds: Sequence[str] | None) -> None:
    """Raise a 400 `ProblemError` for a type that is not in the catalogue."""
    for name in kinds or ():
        if name not in _KNOWN:
            raise ProblemError(400, f"unknown type of anomaly{nearest(name, _KNOWN)}")
