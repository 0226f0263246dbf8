"""SWE-agent: the ``.traj`` file of a run.

A step has a shell command and its output. Where the model calls functions, the history names them.
A file has no times, so an event has the time at which the file was read.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.conversation import content_text
from pipeline.formats.members import (
    arguments,
    inner,
    kind_of,
    name,
    number,
    object_of,
    parsed,
    text,
)
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "swe-agent"
_COMMANDS = frozenset({
    "create", "edit", "find_file", "goto", "insert", "open", "scroll_down", "scroll_up",
    "search_dir", "search_file", "str_replace_editor", "submit", "view_image",
})  # fmt: skip
_WORD = re.compile(r"\s*([\w.-]+)")


class SweAgent:
    """Reader of trajectories.

    Examples
    --------
    >>> run = b'{"trajectory":[{"action":"ls -F","observation":"a.py"}],"history":[]}'
    >>> [(part.kind, part.event.get("tool")) for part in SweAgent().decode(run)]
    [('about', None), ('call', 'bash'), ('result', None), ('end', None)]
    """

    ordered = True
    whole_file = True
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one file."""
        run = object_of(value)
        if not isinstance(run.get("trajectory"), list):
            found = kind_of(run.get("trajectory"))
            raise MalformedEvent("wrong_type", f"expected `array`, got `{found}` at $.trajectory")
        return _of_run(run, blake2b(value.strip(), digest_size=8).hexdigest())


def _of_run(run: dict[str, Any], digest: str) -> Iterator[Part]:
    config = inner(parsed(run.get("replay_config")))
    problem = name(inner(config.get("problem_statement")).get("id"))
    model = name(inner(inner(config.get("agent")).get("model")).get("name"))
    key = f"{NAME}/{digest}"
    about = {"agent": {"kind": NAME, "model": model}, "session": digest, "task": problem}
    yield Part(kind="about", session=key, event=about)
    history = _messages(run.get("history"))
    for message in history:
        yield from _asked(message, key)
    if any(isinstance(message.get("tool_calls"), list) for message in history):
        for message in history:
            yield from _of_message(message, key, digest)
    else:
        for at, step in enumerate(map(inner, run["trajectory"])):
            yield from _of_step(step, key, f"{digest}:{at}")
    yield Part(kind="end", session=key)


def _messages(history: Any) -> list[dict[str, Any]]:
    """Give the messages of the run, without those of a demonstration."""
    given = history if isinstance(history, list) else []
    return [one for one in map(inner, given) if one and not one.get("is_demo")]


def _asked(message: dict[str, Any], key: str) -> Iterator[Part]:
    said, role = text(content_text(message.get("content"))), message.get("role")
    if role == "system":
        yield Part(kind="system", session=key, text=said)
    elif role == "user" and not message.get("tool_call_ids"):
        first = text(message.get("message_type")) in (None, "observation")
        if first and not message.get("action"):
            yield Part(kind="request", session=key, text=said)


def _of_message(message: dict[str, Any], key: str, digest: str) -> Iterator[Part]:
    calls, results = message.get("tool_calls"), message.get("tool_call_ids")
    for call in map(inner, calls if isinstance(calls, list) else ()):
        function, known = inner(call.get("function")), text(call.get("id"))
        tool = name(function.get("name"))
        if tool is not None and known is not None:
            event = {"tool": tool, "arguments": arguments(function.get("arguments"))}
            yield Part(kind="call", session=key, call=f"{digest}:{known}", event=event)
    for known in results if isinstance(results, list) else ():
        if isinstance(known, str):
            said = content_text(message.get("content"))
            yield Part(kind="result", session=key, call=f"{digest}:{known}", text=said)


def _of_step(step: dict[str, Any], key: str, call: str) -> Iterator[Part]:
    action = text(step.get("action"))
    if action is None or not action.strip():
        return
    first = _WORD.match(action)
    tool = first[1] if first and first[1] in _COMMANDS else "bash"
    event = {"tool": tool, "arguments": {"command": action.strip()}}
    yield Part(kind="call", session=key, call=call, event=event)
    seconds = number(step.get("execution_time"))
    took = {} if seconds is None else {"duration_ms": min(seconds, 1e9) * 1_000}
    said = text(step.get("observation")) or ""
    yield Part(kind="result", session=key, call=call, event=took, text=said)
