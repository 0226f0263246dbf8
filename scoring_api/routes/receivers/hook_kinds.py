"""The coding agents whose hooks are taken: a row each says what asks, and how to answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from pipeline.configuration.hook_rules import Decision

LONGEST_REASON = 500


class HookKind(Struct, frozen=True):
    """One kind of hooks.

    Attributes
    ----------
    fmt
        Format that reads the payloads, and kind of the agent.
    asks
        Names of the events that wait for a decision, in lower case.
    answer
        Makes the answer of a decision and its reason.
    errors_deny
        Whether the agent denies its call where a hook fails, so that no hook may fail.
    """

    fmt: str
    asks: frozenset[str]
    answer: Callable[[Decision, str], dict[str, Any]]
    errors_deny: bool = False

    def waits(self, payload: Payload | None) -> bool:
        """Return whether a payload waits for a decision; one that does not say what it is, does.

        >>> CLAUDE_CODE.waits(None), CLAUDE_CODE.waits(Payload(hook_event_name="Stop"))
        (True, False)
        """
        event = None if payload is None else payload.event
        return event is None or event.strip().lower() in self.asks

    def agent_of(self, reporter: str) -> str:
        """Name the agent whose hooks a credential sends."""
        return f"{self.fmt}/{reporter}" if reporter else self.fmt


class Payload(Struct):
    """What a payload says about itself; members without these names do not matter."""

    hook_event_name: Any = ""
    hookEventName: Any = ""  # noqa: N815 - named by the agents
    timestamp: Raw | UnsetType = UNSET
    sessionId: Raw | UnsetType = UNSET  # noqa: N815
    toolName: Raw | UnsetType = UNSET  # noqa: N815
    toolResult: Raw | UnsetType = UNSET  # noqa: N815
    toolInput: Raw | UnsetType = UNSET  # noqa: N815
    error: Raw | UnsetType = UNSET

    @property
    def event(self) -> str | None:
        """Name of the event; None where it does not say.

        Hooks of Copilot have no name, and the members say what they are.

        >>> read_payload(b'{"sessionId":"s","toolName":"bash","toolArgs":"{}"}').event
        'preToolUse'
        >>> read_payload(b'{"tool_name":"Bash"}').event is None
        True
        """
        named = self.hook_event_name or self.hookEventName
        if named:
            return named if isinstance(named, str) else None
        if self.sessionId is UNSET:
            return None
        after = (self.toolResult, self.toolInput, self.error)
        is_call = self.toolName is not UNSET and all(one is UNSET for one in after)
        return "preToolUse" if is_call else "other"

    @property
    def of_copilot(self) -> bool:
        """Whether Copilot sent it in the form of Claude Code, whose hooks have no time.

        >>> read_payload(b'{"hook_event_name":"PreToolUse","timestamp":"t"}').of_copilot
        True
        """
        return self.sessionId is not UNSET or self.timestamp is not UNSET


_decode = msgspec.json.Decoder(Payload).decode


def read_payload(body: bytes) -> Payload | None:
    r"""Read a payload, also where a text in it is no text; None for what is no JSON object.

    >>> read_payload(rb'{"hook_event_name":"PreToolUse","a":"\ud800"}').event
    'PreToolUse'
    >>> read_payload(b'{"hook_event_name":"PreToolUse","a":"\xff","b":NaN}').event
    'PreToolUse'
    >>> read_payload(b"[]"), read_payload(b"{")
    (None, None)
    """
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode(body)
    # The reader of the standard library takes more, and texts are replaced where they are none.
    try:
        found = json.loads(body.decode(json.detect_encoding(body), "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    known = {name: found[name] for name in Payload.__struct_fields__ if name in found}
    return Payload(**known)


def _claude(decision: Decision, reason: str) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse"} | _copilot(decision, reason)}


def _copilot(decision: Decision, reason: str) -> dict[str, Any]:
    return {"permissionDecision": decision, "permissionDecisionReason": reason}


def _gemini(decision: Decision, reason: str) -> dict[str, Any]:
    return {"decision": decision, "reason": reason}


CLAUDE_CODE = HookKind("claude-code", frozenset({"pretooluse"}), _claude)
COPILOT_CLI = HookKind("copilot-cli", frozenset({"pretooluse"}), _copilot, errors_deny=True)
GEMINI_CLI = HookKind("gemini-cli", frozenset({"beforetool"}), _gemini)
