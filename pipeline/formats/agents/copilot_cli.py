"""Copilot CLI: the payloads of its hooks, one JSON object a line.

A hook with a camelCase name (``preToolUse``) gets camelCase members and no name of the event. One
with a name of Claude Code (``PreToolUse``) gets snake_case members. Neither names the call, so the
two halves of a call share session, tool and arguments. Source: the hooks reference of Copilot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import arguments, epoch_us, inner, match_of, name, object_of, text
from pipeline.formats.members import texts as texts_of
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "copilot-cli"
_OUTCOMES = {"success": "ok", "failure": "error", "denied": "denied", "rejected": "denied"}
_SNAKE = {
    "sessionId": "session_id", "toolName": "tool_name", "toolArgs": "tool_input",
    "toolResult": "tool_result", "resultType": "result_type",
    "textResultForLlm": "text_result_for_llm",
}  # fmt: skip


class CopilotCli:
    r"""Reader of hook payloads.

    Examples
    --------
    >>> line = (
    ...     b'{"sessionId":"s","timestamp":1704614700000,"toolName":"bash",'
    ...     b'"toolArgs":"{\\"command\\":\\"ls\\"}",'
    ...     b'"toolResult":{"resultType":"success","textResultForLlm":"a.py"}}'
    ... )
    >>> [(part.kind, part.event.get("arguments")) for part in CopilotCli().decode(line)]
    [('about', None), ('result', {'command': 'ls'})]
    """

    ordered = True
    whole_file = False
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one line."""
        return _of_hook(object_of(value))


def key_of(session: str) -> str:
    """Give the key of a session, the same for hooks and telemetry."""
    return f"{NAME}/{session}"


def _of_hook(hook: dict[str, Any]) -> Iterator[Part]:
    session = text(_member(hook, "sessionId"))
    key = key_of(session or text(hook.get("cwd")) or "")
    at_us = epoch_us(hook.get("timestamp"))
    event = {"agent": {"kind": NAME}, "session": name(session)}
    yield Part(kind="about", session=key, event=event)
    tool = name(_member(hook, "toolName"))
    if tool is not None:
        yield from _of_tool(hook, tool, key, at_us)
    elif asked := text(hook.get("prompt")):
        yield Part(kind="request", session=key, time_us=at_us, text=asked)
    elif _ends(hook):
        yield Part(kind="end", session=key, time_us=at_us)


def _of_tool(hook: dict[str, Any], tool: str, key: str, at_us: int) -> Iterator[Part]:
    called = text(hook.get("hook_event_name")) or text(hook.get("hookEventName")) or ""
    if called.lower() == "permissionrequest" or "toolInput" in hook:
        return  # the hook before the call has reported it
    given = arguments(_member(hook, "toolArgs"))
    call = text(hook.get("tool_use_id")) or ""
    match = "" if call else match_of(key, tool, given)
    event: dict[str, Any] = {"tool": tool, "arguments": given}
    result = _member(hook, "toolResult")
    result = hook.get("tool_response") if result is None else result
    if result is None and "error" not in hook:
        yield Part(kind="call", session=key, call=call, match=match, time_us=at_us, event=event)
        return
    kind = text(_member(inner(result), "resultType")) or ""
    event["outcome"] = "error" if result is None else _OUTCOMES.get(kind, "ok")
    said = _member(inner(result), "textResultForLlm")
    said = said if isinstance(said, str) else texts_of(result or hook.get("error"))
    yield Part(
        kind="result", session=key, call=call, match=match, time_us=at_us, event=event, text=said
    )


def _member(values: dict[str, Any], camel: str) -> Any:
    found = values.get(camel)
    return values.get(_SNAKE[camel]) if found is None else found


def _ends(hook: dict[str, Any]) -> bool:
    called = hook.get("hook_event_name") or hook.get("hookEventName")
    if called is not None:
        return called in ("SessionEnd", "sessionEnd")
    return text(hook.get("reason")) is not None
