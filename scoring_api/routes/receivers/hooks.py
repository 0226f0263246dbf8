"""Hooks of coding agents: each call is reported, and answered before it runs."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from msgspec import Struct

from models.errors import HabitusError, MalformedEvent
from pipeline.configuration.hook_rules import ANY, decided, needs_operation, rules_at
from scoring_api.authentication.principal import LOCAL, Principal
from scoring_api.clock import wall_us
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import json_answer
from scoring_api.routes.receivers.hook_kinds import (
    CLAUDE_CODE,
    COPILOT_CLI,
    GEMINI_CLI,
    LONGEST_REASON,
    HookKind,
    read_payload,
)
from scoring_api.schemas.hooks import ClaudeAnswer, CopilotAnswer, GeminiAnswer
from scoring_api.service import DESCRIBED, Service, Shared, needs, problems, require_json

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["hooks"], dependencies=[*DESCRIBED, _WRITER, Depends(require_json)])

Caller = Annotated[Principal, _WRITER]
_log = logging.getLogger(__name__)


def _body(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"description": "Any JSON; the worker rejects what is no hook."},
                    "examples": {name: {"value": payload}},
                }
            },
        }
    }


class _Obligations(Struct, frozen=True):
    step_up: bool = False


class _Trust(Struct):
    gate: str = "open"
    level: str = "unknown"
    state: str = "unknown"
    obligations: _Obligations = _Obligations()


_trust = msgspec.json.Decoder(_Trust).decode


@router.post(
    "/v1/hooks/claude-code",
    summary="Hooks of Claude Code",
    response_model=ClaudeAnswer | CopilotAnswer,
    responses=problems(413, 415, 503),
    openapi_extra=_body(
        "PreToolUse",
        {
            "hook_event_name": "PreToolUse", "session_id": "s-1", "tool_name": "Bash",
            "tool_use_id": "toolu_1", "tool_input": {"command": "git status"},
        },
    ),
)  # fmt: skip
async def post_claude_code_hook(request: Request, service: Shared, caller: Caller) -> Response:
    """Accept the payload of any hook of Claude Code, and of Copilot CLI, which sends the same.

    The answer is always a JSON object. For `PreToolUse` it may hold a decision: `deny` while the
    agent is quarantined, and what `HABITUS_HOOK_DECISIONS` says. It is never `allow`, which would
    skip the question to the person. Everything else is answered by `{}`. The agent is
    `claude-code/` and the name of the credential. A payload with a time or a `sessionId` is one of
    Copilot CLI, and is answered in its form.
    """
    body = await request.body()
    kind = COPILOT_CLI if read_payload(body).of_copilot else CLAUDE_CODE
    return await _take(kind, body, service, caller)


@router.post(
    "/v1/hooks/copilot-cli",
    summary="Hooks of Copilot CLI",
    response_model=CopilotAnswer,
    responses=problems(413, 415, 503),
    openapi_extra=_body(
        "preToolUse",
        {"sessionId": "s-1", "timestamp": 1791187201000, "toolName": "bash", "toolArgs": "{}"},
    ),
)
async def post_copilot_cli_hook(request: Request, service: Shared, caller: Caller) -> Response:
    """Accept the payload of any hook of Copilot CLI.

    Copilot denies a call whose hook fails. So a payload that cannot be kept is answered by 200 all
    the same, and is one line in the log.
    """
    return await _take(COPILOT_CLI, await request.body(), service, caller)


@router.post(
    "/v1/hooks/gemini-cli",
    summary="Hooks of Gemini CLI",
    response_model=GeminiAnswer,
    responses=problems(413, 415, 503),
    openapi_extra=_body(
        "BeforeTool",
        {
            "hook_event_name": "BeforeTool", "session_id": "s-1",
            "timestamp": "2026-10-05T08:00:00Z", "tool_name": "read_file",
            "tool_input": {"path": "a.md"},
        },
    ),
)  # fmt: skip
async def post_gemini_cli_hook(request: Request, service: Shared, caller: Caller) -> Response:
    """Accept what a hook of Gemini CLI reads from its standard input; `BeforeTool` is answered."""
    return await _take(GEMINI_CLI, await request.body(), service, caller)


def reporter_of(caller: Principal) -> str:
    """Give the name of a credential; empty for a program of this machine without one."""
    return "" if caller == LOCAL else caller.subject


async def _take(kind: HookKind, body: bytes, service: Service, caller: Principal) -> Response:
    reporter = reporter_of(caller)
    try:
        caller.check_report(kind.agent_of(reporter))
    except MalformedEvent as error:
        raise ProblemError(403, error.detail) from None
    try:
        await service.reports.put(kind.fmt, reporter, body)
    except HabitusError as error:
        if not kind.errors_deny:
            raise ProblemError(503, "the store cannot accept events now") from None
        _log.error("hook_not_kept", extra={"detail": str(error)})
    asked = read_payload(body).event in kind.asks
    return json_answer(await _decision(kind, service, reporter, body) if asked else {})


async def _decision(kind: HookKind, service: Service, reporter: str, body: bytes) -> dict[str, Any]:
    """Give what a hook answers before a call; an empty object decides nothing."""
    agent_id = kind.agent_of(reporter)
    trust = _Trust()
    if service.cache.ready:
        trust = _trust(service.cache.entry(agent_id, (None, None), wall_us()).body)
    if trust.gate == "quarantined":
        return kind.answer("deny", f"agent {_cut(agent_id)} is quarantined by Habitus")
    level = "unknown" if trust.state == "unknown" else trust.level
    rules = rules_at(service.config.hook_rules, level, step_up=trust.obligations.step_up)
    operation: str = ANY
    if needs_operation(rules):
        operation = await asyncio.to_thread(service.operation_of, kind.fmt, body)
    decision = decided(rules, operation)
    if decision is None:
        return {}
    what = "calls" if operation == ANY else f"the operation {operation}"
    return kind.answer(
        decision, f"Habitus has {what} of agent {_cut(agent_id)} at level {level} set to {decision}"
    )


def _cut(agent_id: str) -> str:
    return agent_id[: LONGEST_REASON // 2]
