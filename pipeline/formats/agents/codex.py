"""Codex CLI: the session files ``~/.codex/sessions/**/rollout-*.jsonl``.

Only the first line of a file says which session it is, so a record is a whole file. A call is named
by its ``call_id``, as in the telemetry of Codex. Lines that are no JSON object are left out: a
session that was killed ends in the middle of a line.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.formats.conversation import content_text
from pipeline.formats.members import (
    arguments,
    inner,
    name,
    number,
    object_of,
    parsed,
    text,
    texts,
    time_us,
)
from pipeline.formats.part import Part
from pipeline.formats.reasons import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "codex"
_REJECTED = re.compile(
    r"(exec command |patch )?rejected by user|user (rejected|cancelled) MCP tool call"
)
_EXIT = re.compile(r"^(?:Exit code:|Process exited with code) (-?\d+)", re.MULTILINE)
_ADDED = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>",
    "<turn_aborted>", "<user_shell_command>", "<skill>",
)  # fmt: skip
"""Beginnings of messages that Codex itself writes in the name of the user."""
_HEAD = 400  # the exit code precedes the output


class Codex:
    r"""Reader of session files.

    Examples
    --------
    >>> lines = [
    ...     b'{"type":"session_meta","payload":{"id":"s-1","cli_version":"0.80.0"}}',
    ...     b'{"type":"response_item","payload":{"type":"function_call","name":"shell",'
    ...     b'"arguments":"{}","call_id":"call_1"}}',
    ... ]
    >>> [(part.kind, part.call) for part in Codex().decode(b"\n".join(lines))]
    [('about', ''), ('call', 'call_1')]
    """

    ordered = True
    whole_file = True
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one session file."""
        lines = value.splitlines()
        first = object_of(lines[0] if lines else b"")
        meta = inner(first.get("payload")) or first
        return _of_lines(lines, text(meta.get("id")) or "")


def key_of(session: str) -> str:
    """Give the key of a session, the same for session files and telemetry."""
    return f"{NAME}/{session}"


def _of_lines(lines: list[bytes], session: str) -> Iterator[Part]:
    key, requests = key_of(session), _Requests()
    for at, line in enumerate(lines, 1):
        try:
            record = msgspec.json.decode(line)
        except REFUSALS:
            continue
        record = inner(record)
        payload = inner(record.get("payload"))
        kind = text(record.get("type")) or ""
        if not payload:  # an early version has no envelope
            payload, kind = record, "response_item" if kind else "session_meta"
        at_us = time_us(record.get("timestamp"))
        asked = requests.of(kind, payload)
        if asked is not None:
            yield Part(kind="request", session=key, time_us=at_us, text=asked)
        elif kind == "session_meta":
            yield from _of_meta(payload, session, key)
        elif kind == "turn_context":
            yield from _of_turn(payload, key)
        elif kind == "response_item":
            yield from _of_item(payload, key, at_us, f"{session}:{at}")
        elif kind == "event_msg":
            yield from _of_message(payload, key, at_us)


class _Requests:
    """The requests of a session: a message of the user, an event about it, or both, once."""

    def __init__(self) -> None:
        self._alone: dict[str, Counter[str]] = {"response_item": Counter(), "event_msg": Counter()}

    def of(self, kind: str, payload: dict[str, Any]) -> str | None:
        """Give the request of a record; None where it has none, or one that was given."""
        said = payload.get("type")
        if kind == "event_msg" and said == "user_message":
            asked, other = text(payload.get("message")), "response_item"
        elif kind == "response_item" and said == "message" and payload.get("role") == "user":
            asked, other = content_text(payload.get("content")), "event_msg"
            if asked.lstrip().startswith(_ADDED):
                return None
        else:
            return None
        same = " ".join((asked or "").split())
        if not same:
            return None
        if self._alone[other][same]:
            self._alone[other][same] -= 1
            return None
        self._alone[kind][same] += 1
        return asked


def _of_meta(meta: dict[str, Any], session: str, key: str) -> Iterator[Part]:
    given = {"originator": name(meta.get("originator")), "source": name(meta.get("source"))}
    attributes = {what: said for what, said in given.items() if said}
    agent = {"kind": NAME, "version": name(meta.get("cli_version"))}
    event: dict[str, Any] = {"agent": agent, "session": name(session)}
    if attributes:
        event["attributes"] = attributes
    yield Part(kind="about", session=key, event=event)
    said = text(meta.get("instructions")) or content_text(meta.get("base_instructions"))
    if said:
        yield Part(kind="system", session=key, text=said)


def _of_turn(turn: dict[str, Any], key: str) -> Iterator[Part]:
    event: dict[str, Any] = {"agent": {"kind": NAME, "model": name(turn.get("model"))}}
    if policy := name(turn.get("approval_policy")):
        event["attributes"] = {"approval_policy": policy}
    yield Part(kind="about", session=key, event=event)


def _of_item(item: dict[str, Any], key: str, at_us: int, place: str) -> Iterator[Part]:
    event: dict[str, Any]
    kind, call = item.get("type"), text(item.get("call_id")) or text(item.get("id"))
    tool, given = name(item.get("name")), item.get("arguments")
    if kind == "local_shell_call":
        action = inner(item.get("action"))
        tool = "local_shell"
        given = {what: action[what] for what in ("command", "working_directory") if what in action}
    elif kind == "custom_tool_call":
        given = item.get("input")
        given = {"input": given} if isinstance(given, str) else given
    elif kind == "web_search_call":
        action = inner(item.get("action"))
        tool, call = "web_search", call or place
        given = {what: said for what, said in action.items() if what != "type"}
    elif kind == "function_call":
        space = text(item.get("namespace"))
        tool = name(f"{space}.{tool}") if tool and space else tool
    elif isinstance(kind, str) and kind.endswith("_output") and call is not None:
        outcome, said = _ended(item.get("output"))
        event = {"outcome": outcome}
        yield Part(kind="result", session=key, call=call, time_us=at_us, event=event, text=said)
        return
    else:
        return
    if call is None or tool is None:
        return
    event = {"tool": tool, "arguments": arguments(given)}
    yield Part(kind="call", session=key, call=call, time_us=at_us, event=event)
    if kind == "web_search_call" and item.get("status") == "completed":
        event = {"outcome": "ok"}
        yield Part(kind="result", session=key, call=call, time_us=at_us, event=event)


def _ended(output: Any) -> tuple[str, str]:
    """Give outcome and content of an output."""
    whole = inner(parsed(output))
    said = texts(whole.get("output", whole.get("content", output)))
    if _REJECTED.match(said):
        return "denied", said
    code = number(abs(found) if (found := _integer(whole)) is not None else None)
    if code is None and (match := _EXIT.search(said[:_HEAD])):
        code = number(match[1].lstrip("-"))
    failed = bool(code) or whole.get("success") is False
    return "error" if failed else "ok", said


def _integer(whole: dict[str, Any]) -> int | None:
    code = inner(whole.get("metadata")).get("exit_code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _of_message(said: dict[str, Any], key: str, at_us: int) -> Iterator[Part]:
    if said.get("type") == "mcp_tool_call_end":
        call, invoked = text(said.get("call_id")), inner(said.get("invocation"))
        server, tool = text(invoked.get("server")), text(invoked.get("tool"))
        if call is None or tool is None:
            return
        tool = name(f"mcp__{server}__{tool}" if server else tool)
        event: dict[str, Any] = {"tool": tool, "arguments": arguments(invoked.get("arguments"))}
        yield Part(kind="call", session=key, call=call, time_us=at_us, event=event)
        result = inner(said.get("result"))
        good = inner(result.get("Ok"))
        failed = "Err" in result or good.get("isError") is True or good.get("is_error") is True
        yield Part(
            kind="result", session=key, call=call, time_us=at_us,
            event={"outcome": "error" if failed else "ok"}, text=texts(result),
        )  # fmt: skip
