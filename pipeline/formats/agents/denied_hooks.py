"""Hooks before a call that Habitus answered by ``deny``: the call ends there, as no result comes.

The server names this format for a payload, so no payload can claim the decision. An agent that
calls all the same sends a hook after the call: it makes an event of its own, with its outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DECISION = "hook_decision"
"""Attribute of a denied call, and of one that ran although it was denied."""
_OUTCOME = {"outcome": "denied", "attributes": {DECISION: "deny"}}


class Hooks(Protocol):
    """A format of hooks, as `pipeline.formats.PartFormat`."""

    ordered: bool
    supports: frozenset[str]
    whole_file: bool

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one payload."""


class DeniedHooks:
    """Reader of the hooks of one format.

    Parameters
    ----------
    hooks
        The format of the payloads.

    Examples
    --------
    >>> from pipeline.formats.agents.claude_code import ClaudeCode
    >>> line = (
    ...     b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash",'
    ...     b'"tool_use_id":"toolu_1","tool_input":{"command":"ls"}}'
    ... )
    >>> [part.event.get("outcome") for part in DeniedHooks(ClaudeCode()).decode(line)]
    [None, None, 'denied']
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self.ordered, self.whole_file = hooks.ordered, hooks.whole_file
        self.supports = hooks.supports

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one payload; a call has its outcome."""
        return _ended(self._hooks.decode(value))


def was_denied(event: dict[str, Any]) -> bool:
    """Return whether Habitus denied the call of an event in the answer of its hook.

    >>> was_denied({"tool": "Bash"}), was_denied(_OUTCOME)
    (False, True)
    """
    return (event.get("attributes") or {}).get(DECISION) == "deny"


def _ended(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if part.kind == "call":
            yield Part(
                kind="result", session=part.session, call=part.call, match=part.match,
                time_us=part.time_us, event=dict(_OUTCOME),
            )  # fmt: skip
