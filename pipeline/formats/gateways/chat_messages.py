"""Requests, tool calls and tool results in chat messages, as three model interfaces write them.

The interfaces are OpenAI's chat completions and responses, and Anthropic's messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.json_records import object_in
from pipeline.formats.members import inner, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGES = 5_000
_REDACTED = "redacted-by-litellm"
_OF_MODEL = {"function_call", "reasoning"}


def tail_of(messages: Any) -> tuple[list[dict[str, Any]], bool]:
    """Give the messages since the model's last answer, and whether there was no answer before.

    Each request repeats the conversation, so only its tail is new.

    >>> tail_of([{"role": "user"}, {"role": "assistant"}, {"role": "tool"}])
    ([{'role': 'tool'}], False)
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}], True
    given = messages.get("messages") if isinstance(messages, dict) else messages
    found = [inner(one) for one in given[-MAX_MESSAGES:]] if isinstance(given, list) else []
    last = max((at for at, one in enumerate(found) if is_of_model(one)), default=-1)
    return found[last + 1 :], last < 0


def asked_in(messages: list[dict[str, Any]], *, first: bool) -> Iterator[tuple[str, str]]:
    """Give the role and text of what a person asked for, and of the system prompt at first."""
    for one in messages:
        role, said = one.get("role"), _text_of(one.get("content"))
        if role == "user" and said:
            yield "user", said
        elif role in ("system", "developer") and said and first:
            yield "system", said


def results_in(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """Give the call, the text and the failure of each tool result.

    >>> list(results_in([{"role": "tool", "tool_call_id": "c1", "content": "ok"}]))
    [('c1', 'ok', False)]
    """
    for one in messages:
        call = text(one.get("tool_call_id")) if one.get("role") == "tool" else None
        if one.get("type") == "function_call_output":
            call = text(one.get("call_id"))
        if call:
            yield call, said_in(one.get("output", one.get("content"))), False
        for block in _blocks(one.get("content")):
            call = text(block.get("tool_use_id"))
            if block.get("type") == "tool_result" and call:
                yield call, said_in(block.get("content")), block.get("is_error") is True


def calls_in(response: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the id, the tool and the arguments of each call that a model asked for.

    >>> list(calls_in({"content": [{"type": "tool_use", "id": "c", "name": "t", "input": {}}]}))
    [('c', 't', {})]
    """
    answer = object_in(response)
    for choice in _objects(answer.get("choices")):
        for one in _objects(inner(choice.get("message")).get("tool_calls")):
            function = inner(one.get("function"))
            yield from _call(one.get("id"), function.get("name"), function.get("arguments"))
    for one in _objects(answer.get("output")):
        if one.get("type") == "function_call":
            yield from _call(one.get("call_id"), one.get("name"), one.get("arguments"))
    for one in _blocks(answer.get("content")):
        if one.get("type") == "tool_use":
            yield from _call(one.get("id"), one.get("name"), one.get("input"))


def said_in(content: Any) -> str:
    """Give the text of a result: of its blocks, or all texts of another value.

    >>> said_in([{"type": "text", "text": "paid"}, {"type": "image", "data": "iVBO"}])
    'paid'
    """
    if isinstance(content, list):
        blocks = [inner(one) for one in content]
        parts = [text(one.get("text")) or text(inner(one.get("resource")).get("text"))
                 for one in blocks]  # fmt: skip
        return "\n".join(part for part in parts if part)
    found = texts(content)
    return "" if found == _REDACTED else found


def _call(call: Any, tool: Any, arguments: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    named, called = text(tool), text(call)
    if named and called:
        yield called, named, object_in(arguments)


def is_of_model(message: dict[str, Any]) -> bool:
    """Return whether the model wrote a message.

    >>> is_of_model({"role": "assistant"}), is_of_model({"role": "tool"})
    (True, False)
    """
    return message.get("role") == "assistant" or text(message.get("type")) in _OF_MODEL


def _objects(value: Any) -> list[dict[str, Any]]:
    return [inner(one) for one in value[:MAX_MESSAGES]] if isinstance(value, list) else []


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [one for one in _objects(content) if one]


def _text_of(content: Any) -> str:
    """Give the text of a message, without the results of tools in it."""
    if isinstance(content, str):
        return "" if content == _REDACTED else content
    kinds = {"text", "input_text"}
    parts = [text(one.get("text")) for one in _blocks(content) if one.get("type") in kinds]
    return "\n".join(part for part in parts if part)
