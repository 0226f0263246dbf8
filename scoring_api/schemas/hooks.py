"""Answers to hooks of coding agents, in the form that they read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class HookDecision(BaseModel):
    """What a hook before a call decides. It never allows: that would skip the person's prompt."""

    hookEventName: Literal["PreToolUse"]  # noqa: N815 - named by the agents
    permissionDecision: Literal["ask", "deny"]  # noqa: N815
    permissionDecisionReason: str = Field(max_length=500)  # noqa: N815


class HookAnswer(BaseModel):
    """Answer to a hook; an empty object decides nothing."""

    hookSpecificOutput: HookDecision | None = None  # noqa: N815
