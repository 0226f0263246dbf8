"""Hooks of coding agents: each call is reported, and answered before it runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from msgspec import Struct
from starlette.exceptions import HTTPException

from models.errors import HabitusError, MalformedEvent
from pipeline.configuration.hook_rules import (
    ANY,
    DENIED,
    Decision,
    decided,
    needs_operation,
    rules_at,
)
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
    Payload,
    read_payload,
)
from scoring_api.schemas.hooks import ClaudeAnswer, CopilotAnswer, GeminiAnswer
from scoring_api.service import DESCRIBED, Service, Shared, needs, problems, require_json

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["hooks"], dependencies=[*DESCRIBED, _WRITER, Depends(require_json)])

Caller = Annotated[Principal, _WRITER]
_log = logging.getLogger(__name__)
_READ_AT_ONCE = 1 << 20
"""Bytes from which a payload is read in a thread."""
_LOADING_S = 1.5
"""Most seconds that a hook waits for the trust states; agents wait for two."""


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
    body, fault = await _body_of(request)
    payload = await _payload_of(body)
    kinds: tuple[HookKind, ...] = (CLAUDE_CODE, COPILOT_CLI)  # where it does not say which
    if payload is not None:
        kinds = (COPILOT_CLI if payload.of_copilot else CLAUDE_CODE,)
    return await _take(_Hook(kinds, body, payload, fault), service, caller)


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
    return await _take_one(COPILOT_CLI, request, service, caller)


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
    return await _take_one(GEMINI_CLI, request, service, caller)


def reporter_of(caller: Principal) -> str:
    """Give the name of a credential; empty for a program of this machine without one."""
    return "" if caller == LOCAL else caller.subject


class _Hook(NamedTuple):
    """One hook: the kinds it may be of, the body, what that says about itself, and its fault.

    A body that is too large is None, with a fault. A payload that cannot be read is None.
    """

    kinds: tuple[HookKind, ...]
    body: bytes | None
    payload: Payload | None
    fault: ProblemError | None


async def _take_one(
    kind: HookKind, request: Request, service: Service, caller: Principal
) -> Response:
    body, fault = await _body_of(request)
    return await _take(_Hook((kind,), body, await _payload_of(body), fault), service, caller)


async def _body_of(request: Request) -> tuple[bytes | None, ProblemError | None]:
    """Read the body; where it is too large, the caller still says whose it is."""
    try:
        return await request.body(), None
    except HTTPException as error:
        detail = error.detail if error.status_code == 413 else "too many bodies at once"
        return None, ProblemError(error.status_code, detail, error.headers)


async def _payload_of(body: bytes | None) -> Payload | None:
    if body is None or len(body) <= _READ_AT_ONCE:
        return None if body is None else read_payload(body)
    return await asyncio.to_thread(read_payload, body)


async def _take(hook: _Hook, service: Service, caller: Principal) -> Response:
    """Decide, then keep: what a hook answers does not depend on whether it can be kept."""
    reporter = reporter_of(caller)
    decision, answer = await _decision(hook, service, reporter)
    fault = await _kept(hook, service, caller, reporter, denied=decision == "deny")
    if fault is not None:
        _log.error("hook_not_kept", extra={"detail": fault.detail})
        if not answer and not (fault.status != 403 and hook.kinds[0].errors_deny):
            raise fault
    return json_answer(answer)


async def _kept(
    hook: _Hook, service: Service, caller: Principal, reporter: str, *, denied: bool
) -> ProblemError | None:
    """Keep a payload for the worker; give the reason where that is not possible."""
    kind = hook.kinds[0]
    try:
        caller.check_report(kind.agent_of(reporter))
        if hook.body is None:
            return hook.fault
        fmt = f"{kind.fmt}{DENIED}" if denied else kind.fmt
        await service.reports.put(fmt, reporter, hook.body)
    except MalformedEvent as error:
        return ProblemError(403, error.detail)
    except HabitusError:
        return ProblemError(503, "the store cannot accept events now")
    return None


async def _decision(
    hook: _Hook, service: Service, reporter: str
) -> tuple[Decision | None, dict[str, Any]]:
    """Give the decision about a call, and the answer; an empty object decides nothing."""
    waiting = [kind for kind in hook.kinds if kind.waits(hook.payload)]
    if waiting:
        await _until_ready(service)
    found = [await _decided(kind, hook, service, reporter) for kind in waiting]
    gravest = min(filter(None, found), key=lambda one: one[0] != "deny", default=None)
    if gravest is None:
        return None, {}
    # The kinds read different members, so an answer may be for each of them.
    answers = [kind.answer(*gravest) for kind in waiting]
    return gravest[0], {name: value for answer in answers for name, value in answer.items()}


async def _until_ready(service: Service) -> None:
    """Wait until the trust states are loaded: until then nobody is known to be quarantined."""
    end = time.monotonic() + _LOADING_S
    while not service.cache.ready and time.monotonic() < end:
        await asyncio.sleep(_LOADING_S / 100)


async def _decided(
    kind: HookKind, hook: _Hook, service: Service, reporter: str
) -> tuple[Decision, str] | None:
    """Give decision and reason for an agent of one kind."""
    agent_id = kind.agent_of(reporter)
    name = agent_id[: LONGEST_REASON // 2]
    trust = _Trust()
    if service.cache.ready:
        trust = _trust(service.cache.entry(agent_id, (None, None), wall_us()).body)
    if trust.gate == "quarantined":
        return "deny", f"agent {name} is quarantined by Habitus"
    level = "unknown" if trust.state == "unknown" else trust.level
    rules = rules_at(service.config.hook_rules, level, step_up=trust.obligations.step_up)
    operations: Collection[str] = (ANY,)
    if hook.body is not None and hook.payload is not None and needs_operation(rules):
        operations = await asyncio.to_thread(service.operations_of, kind.fmt, hook.body)
    found = decided(rules, operations)
    if found is None:
        return None
    decision, operation = found
    what = "calls" if operation == ANY else f"the operation {operation}"
    reason = f"Habitus has {what} of agent {name} at level {level} set to {decision}"
    if operation != ANY and ANY in operations:
        reason += ", and could not read all of this call"
    return decision, reason
