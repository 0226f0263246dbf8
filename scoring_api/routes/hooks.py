"""Hooks of coding agents: each call is reported, and answered before it runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from msgspec import Struct

from models.errors import HabitusError, MalformedEvent
from scoring_api.authentication.principal import LOCAL, Principal
from scoring_api.clock import wall_us
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import json_answer
from scoring_api.schemas.hooks import HookAnswer
from scoring_api.service import DESCRIBED, Shared, needs, problems, require_json

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["hooks"], dependencies=[*DESCRIBED, _WRITER])

FORMAT = "claude-code"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"description": "Any JSON; the worker rejects what is no hook."},
                "examples": {
                    "PreToolUse": {
                        "value": {
                            "hook_event_name": "PreToolUse", "session_id": "s-1",
                            "tool_name": "Bash", "tool_use_id": "toolu_1",
                            "tool_input": {"command": "git status"},
                        }
                    }
                },
            }
        },
    }
}  # fmt: skip


class _Hook(Struct):
    hook_event_name: str = ""


class _Trust(Struct):
    gate: str = "open"
    level: str = "unknown"


_hook = msgspec.json.Decoder(_Hook).decode
_trust = msgspec.json.Decoder(_Trust).decode


@router.post(
    "/v1/hooks/claude-code",
    summary="Hooks of Claude Code",
    response_model=HookAnswer,
    responses=problems(413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=_BODY,
)
async def post_claude_code_hook(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept the payload of any hook of Claude Code, and of agents that send the same.

    The answer is always a JSON object. For `PreToolUse` it may hold a decision: `deny` while the
    agent is quarantined, never `allow`, which would skip the question to the person. Everything
    else is answered by `{}`. The agent is `claude-code/` and the name of the credential.
    """
    body = await request.body()
    reporter = reporter_of(caller)
    try:
        caller.check_report(agent_of(reporter))
    except MalformedEvent as error:
        raise ProblemError(403, error.detail) from None
    try:
        await service.cache.read(lambda: service.reading.report(FORMAT, reporter, [body]))
    except HabitusError:
        raise ProblemError(503, "the store cannot accept events now") from None
    try:
        asked = _hook(body).hook_event_name == "PreToolUse"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        asked = False  # the worker rejects it, with its reason
    return json_answer(decision_for(service, reporter) if asked else {})


def reporter_of(caller: Principal) -> str:
    """Give the name of a credential; empty for a program of this machine without one."""
    return "" if caller == LOCAL else caller.subject


def agent_of(reporter: str) -> str:
    """Name the agent whose hooks a credential sends."""
    return f"{FORMAT}/{reporter}" if reporter else FORMAT


def decision_for(service: Shared, reporter: str) -> dict[str, Any]:
    """Give what a hook answers before a call."""
    agent_id = agent_of(reporter)
    if not service.cache.ready:
        return {}
    now = wall_us()
    trust = _trust(service.cache.entry(agent_id, (None, None), now).body)
    if trust.gate == "quarantined":
        return _decided("deny", f"agent {agent_id} is quarantined; habitus release ends that")
    return {}


def _decided(decision: Literal["ask", "deny"], reason: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }
