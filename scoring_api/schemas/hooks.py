"""Answers to hooks of coding agents, in the form that each reads."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class HookDecision(BaseModel):
    """What a hook before a call decides. It never allows: that would skip the person's prompt."""

    hookEventName: Literal["PreToolUse"]  # noqa: N815 - named by the agents
    permissionDecision: Literal["ask", "deny"]  # noqa: N815
    permissionDecisionReason: str = Field(max_length=500)  # noqa: N815


class ClaudeAnswer(BaseModel):
    """Answer to a hook of Claude Code; an empty object decides nothing."""

    hookSpecificOutput: HookDecision | None = None  # noqa: N815


class CopilotAnswer(BaseModel):
    """Answer to a hook of Copilot CLI; an empty object decides nothing."""

    permissionDecision: Literal["ask", "deny"] | None = None  # noqa: N815
    permissionDecisionReason: str | None = Field(None, max_length=500)  # noqa: N815


class GeminiAnswer(BaseModel):
    """Answer to a hook of Gemini CLI; an empty object decides nothing."""

    decision: Literal["ask", "deny"] | None = None
    reason: str | None = Field(None, max_length=500)
