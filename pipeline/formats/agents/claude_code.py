"""Claude Code: hook payloads, transcripts and ``stream-json``, one JSON object a line.

All three name a call by its ``tool_use_id``, so one call that arrives in each of them is one event.
Sources: the hook reference and the transcript files of Claude Code 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import inner, number, object_of, text, texts, time_us
from pipeline.formats.part import Part
from pipeline.formats.usage import tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NAME = "claude-code"
_DENIALS = ("The user doesn't want to proceed", "Permission to use", "User rejected")


class ClaudeCode:
    """Reader of everything that Claude Code writes by itself.

    Examples
    --------
    >>> reader = ClaudeCode()
    >>> line = (
    ...     b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash",'
    ...     b'"tool_use_id":"toolu_1","tool_input":{"command":"ls"}}'
    ... )
    >>> [(part.kind, part.call) for part in reader.decode(line)]
    [('about', ''), ('call', 'toolu_1')]
    """

    ordered = True
    supports = frozenset({"arguments", "results", "request", "tokens"})
    whole_file = False

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one line."""
        line = object_of(value)
        if "hook_event_name" in line:
            return _of_hook(line)
        return _of_transcript(line)


def key_of(session: str) -> str:
    """Give the key of a session, the same for hooks, transcripts and telemetry."""
    return f"{NAME}/{session}"


def _about(session: str, agent: dict[str, Any], **more: Any) -> Part:
    event = {"agent": {"kind": NAME} | agent, "session": session or None} | more
    return Part(kind="about", session=key_of(session), event=event)


# ---------------------------------------------------------------------- hooks


def _of_hook(hook: dict[str, Any]) -> Iterator[Part]:
    session = text(hook.get("session_id")) or ""
    mode = text(hook.get("permission_mode"))
    yield _about(session, {}, **({"attributes": {"permission_mode": mode}} if mode else {}))
    parts = _HOOKS.get(text(hook["hook_event_name"]) or "")
    if parts is not None:
        yield from parts(hook, key_of(session))


def _prompt(hook: dict[str, Any], key: str) -> Iterator[Part]:
    yield Part(kind="request", session=key, text=text(hook.get("prompt")))


def _call(hook: dict[str, Any], key: str) -> Iterator[Part]:
    call, event = text(hook.get("tool_use_id")), _called(hook)
    if call is not None and event:
        yield Part(kind="call", session=key, call=call, event=event, via="hook")


def _called(hook: dict[str, Any]) -> dict[str, Any]:
    """Give what a hook says was called; nothing where it names no tool."""
    tool = text(hook.get("tool_name"))
    if tool is None:
        return {}
    event: dict[str, Any] = {"tool": tool, "arguments": inner(hook.get("tool_input"))}
    return event | _of_subagent(hook.get("agent_id"), hook.get("agent_type"))


def _result(hook: dict[str, Any], key: str) -> Iterator[Part]:
    yield from _ended(hook, key, "ok", texts(hook.get("tool_response")))


def _failure(hook: dict[str, Any], key: str) -> Iterator[Part]:
    yield from _ended(hook, key, "error", texts(hook.get("error")))


def _denied(hook: dict[str, Any], key: str) -> Iterator[Part]:
    yield from _ended(hook, key, "denied", "")


def _ended(hook: dict[str, Any], key: str, outcome: str, said: str) -> Iterator[Part]:
    call = text(hook.get("tool_use_id"))
    if call is not None:
        event = _called(hook)
        event |= {"outcome": outcome, "duration_ms": number(hook.get("duration_ms"))}
        yield Part(kind="result", session=key, call=call, event=event, text=said, via="hook")


def _end(_: dict[str, Any], key: str) -> Iterator[Part]:
    yield Part(kind="end", session=key)


_HOOKS: dict[str, Callable[[dict[str, Any], str], Iterator[Part]]] = {
    "UserPromptSubmit": _prompt,
    "PreToolUse": _call,
    "PostToolUse": _result,
    "PostToolUseFailure": _failure,
    "PermissionDenied": _denied,
    "SessionEnd": _end,
}


# ---------------------------------------------------------------------- transcripts, stream-json


def _of_transcript(line: dict[str, Any]) -> Iterator[Part]:
    session = text(line.get("sessionId")) or text(line.get("session_id")) or ""
    key, at_us = key_of(session), time_us(line.get("timestamp"))
    kind, message = line.get("type"), inner(line.get("message"))
    content = message.get("content")
    if kind == "system" and line.get("subtype") == "init":
        agent = {"version": text(line.get("claude_code_version")), "model": text(line.get("model"))}
        yield _about(session, agent)
    elif kind == "assistant" and isinstance(content, list):
        agent = {"version": text(line.get("version")), "model": text(message.get("model"))}
        yield _about(session, agent)
        for block in map(inner, content):
            if block.get("type") == "tool_use":
                yield from _tool_use(line, message, block, key, at_us)
    elif kind == "user":
        yield _about(session, {"version": text(line.get("version"))})
        yield from _of_user(line, content, key, at_us)


def _tool_use(
    line: dict[str, Any], message: dict[str, Any], block: dict[str, Any], key: str, at_us: int
) -> Iterator[Part]:
    call, tool = text(block.get("id")), text(block.get("name"))
    if call is None or tool is None:
        return
    tokens = tokens_of(message.get("usage"))
    event: dict[str, Any] = {"tool": tool, "arguments": inner(block.get("input"))}
    if tokens:
        event["attributes"] = {"tokens": tokens}
    event |= _of_subagent(line.get("agentId"), None)
    yield Part(kind="call", session=key, call=call, time_us=at_us, event=event, via="log")


def _of_user(line: dict[str, Any], content: Any, key: str, at_us: int) -> Iterator[Part]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list):
        return
    for block in map(inner, blocks):
        if block.get("type") == "text" and not (line.get("isMeta") or line.get("isSidechain")):
            asked = text(block.get("text"))
            yield Part(kind="request", session=key, time_us=at_us, text=asked)
        call = text(block.get("tool_use_id"))
        if block.get("type") != "tool_result" or call is None:
            continue
        said, given = texts(block.get("content")), line.get("toolUseResult")
        given = line.get("tool_use_result") if given is None else given
        outcome = "ok"
        if block.get("is_error"):
            outcome = "denied" if said.startswith(_DENIALS) else "error"
        elif isinstance(given, dict | list):
            said = texts(given)  # the same as the response in a hook
        yield Part(
            kind="result", session=key, call=call, time_us=at_us, event={"outcome": outcome},
            text=said,
        )  # fmt: skip


def _of_subagent(instance: Any, kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if text(instance):
        found["agent"] = {"instance": instance[:256]}
    if text(kind):
        found["attributes"] = {"subagent": kind}
    return found
