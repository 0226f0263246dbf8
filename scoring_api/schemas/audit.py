"""Schemas of the audit log."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from pipeline.store.registers.audit import Action
from scoring_api.schemas.values import DispositionName


class AuditEntry(BaseModel):
    """One thing that a person did.

    `before` and `after` are the versions of the object: of a case its own, else the number of
    earlier entries about it. `target` is the agent that an identifier is merged with or split from.
    """

    number: Annotated[int, Field(ge=1)]
    time: str
    by: str
    action: Action
    object: str
    reason: str
    before: Annotated[int, Field(ge=0)]
    after: Annotated[int, Field(ge=1)]
    disposition: DispositionName | None
    scope: dict[str, str] | None
    until: str | None
    case_id: str | None
    target: str | None


class AuditPage(BaseModel):
    """A page of the audit log, the newest first, with the cursor of the next one."""

    entries: list[AuditEntry]
    next_cursor: str | None
