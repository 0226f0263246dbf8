"""The coding agents whose hooks are taken: a row each says what asks, and how to answer."""

from __future__ import annotations

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
        Names of the events that wait for a decision.
    answer
        Makes the answer of a decision and its reason.
    errors_deny
        Whether the agent denies its call where a hook fails, so that no hook may fail.
    """

    fmt: str
    asks: frozenset[str]
    answer: Callable[[Decision, str], dict[str, Any]]
    errors_deny: bool = False

    def agent_of(self, reporter: str) -> str:
        """Name the agent whose hooks a credential sends."""
        return f"{self.fmt}/{reporter}" if reporter else self.fmt


class Payload(Struct):
    """What a payload says about itself; members without these names do not matter."""

    hook_event_name: str = ""
    hookEventName: str = ""  # noqa: N815 - named by the agents
    timestamp: Raw | UnsetType = UNSET
    sessionId: Raw | UnsetType = UNSET  # noqa: N815
    toolName: Raw | UnsetType = UNSET  # noqa: N815
    toolResult: Raw | UnsetType = UNSET  # noqa: N815
    toolInput: Raw | UnsetType = UNSET  # noqa: N815
    error: Raw | UnsetType = UNSET

    @property
    def event(self) -> str:
        """Name of the event; hooks of Copilot have none, and the members say what they are.

        >>> read_payload(b'{"sessionId":"s","toolName":"bash","toolArgs":"{}"}').event
        'preToolUse'
        """
        named = self.hook_event_name or self.hookEventName
        after = (self.toolResult, self.toolInput, self.error)
        if not named and self.toolName is not UNSET and all(one is UNSET for one in after):
            return "preToolUse"
        return named

    @property
    def of_copilot(self) -> bool:
        """Whether Copilot sent it in the form of Claude Code, whose hooks have no time.

        >>> read_payload(b'{"hook_event_name":"PreToolUse","timestamp":"t"}').of_copilot
        True
        """
        return self.sessionId is not UNSET or self.timestamp is not UNSET


_decode = msgspec.json.Decoder(Payload).decode


def read_payload(body: bytes) -> Payload:
    """Read a payload; what is no hook gives an empty one, and the worker rejects it."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Payload()


def _claude(decision: Decision, reason: str) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse"} | _copilot(decision, reason)}


def _copilot(decision: Decision, reason: str) -> dict[str, Any]:
    return {"permissionDecision": decision, "permissionDecisionReason": reason}


def _gemini(decision: Decision, reason: str) -> dict[str, Any]:
    return {"decision": decision, "reason": reason}


CLAUDE_CODE = HookKind("claude-code", frozenset({"PreToolUse"}), _claude)
COPILOT_CLI = HookKind(
    "copilot-cli", frozenset({"PreToolUse", "preToolUse"}), _copilot, errors_deny=True
)
GEMINI_CLI = HookKind("gemini-cli", frozenset({"BeforeTool"}), _gemini)
