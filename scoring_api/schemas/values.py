"""Names and numbers in several schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

ModeName = Literal["delegated", "autonomous", "unknown"]
OperationName = Literal["read", "write", "delete", "execute", "send", "pay", "admin", "unknown"]
LevelName = Literal["trusted", "normal", "watch", "restricted"]
StateName = Literal["active", "learning", "relearning", "stale", "unknown"]
SeverityName = Literal["low", "medium", "high", "critical"]
DispositionName = Literal["benign", "expected_change", "malicious", "unclear"]
GateName = Literal["open", "quarantined"]

Points = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
AgentId = Annotated[str, Field(min_length=1, max_length=256)]
