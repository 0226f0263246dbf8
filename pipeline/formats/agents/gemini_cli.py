"""Gemini CLI: the payloads of its hooks, one JSON object a line.

The payloads name no call. The two halves of a call share session, tool and arguments.
Source: the hook reference of Gemini CLI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import arguments, inner, match_of, name, object_of, text, texts
from pipeline.formats.members import time_us as time_of
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NAME = "gemini-cli"


class GeminiCli:
    """Reader of hook payloads.

    Examples
    --------
    >>> line = (
    ...     b'{"hook_event_name":"AfterTool","session_id":"s","tool_name":"read_file",'
    ...     b'"timestamp":"2026-10-05T08:00:00Z","tool_input":{"path":"a.md"},'
    ...     b'"tool_response":{"llmContent":"hello"}}'
    ... )
    >>> [(part.kind, part.text) for part in GeminiCli().decode(line)]
    [('about', None), ('result', 'hello')]
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
    session = text(hook.get("session_id")) or ""
    agent = {"kind": NAME, "model": name(inner(hook.get("llm_request")).get("model"))}
    event = {"agent": agent, "session": name(session)}
    yield Part(kind="about", session=key_of(session), event=event)
    parts = _HOOKS.get(text(hook.get("hook_event_name")) or "")
    if parts is not None:
        yield from parts(hook, key_of(session), time_of(hook.get("timestamp")))


def _prompt(hook: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    yield Part(kind="request", session=key, time_us=at_us, text=text(hook.get("prompt")))


def _call(hook: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    tool, given = name(hook.get("tool_name")), arguments(hook.get("tool_input"))
    if tool is not None:
        match = match_of(key, tool, given)
        event = {"tool": tool, "arguments": given}
        yield Part(kind="call", session=key, match=match, time_us=at_us, event=event)


def _result(hook: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    for part in _call(hook, key, at_us):
        given = hook.get("tool_response")
        response = inner(given)
        said = texts(response.get("llmContent", response.get("returnDisplay", given)))
        event = part.event | {"outcome": "error" if response.get("error") else "ok"}
        yield Part(
            kind="result", session=key, match=part.match, time_us=at_us, event=event, text=said
        )


def _end(_: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    yield Part(kind="end", session=key, time_us=at_us)


_HOOKS: dict[str, Callable[[dict[str, Any], str, int], Iterator[Part]]] = {
    "BeforeAgent": _prompt,
    "BeforeTool": _call,
    "AfterTool": _result,
    "SessionEnd": _end,
}
