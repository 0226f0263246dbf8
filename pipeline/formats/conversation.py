"""The messages of a conversation with a model, in the shapes that agent frameworks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import inner, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

_PERSON = frozenset({"user", "human", "HumanMessage"})
_SYSTEM = frozenset({"system", "developer", "SystemMessage"})
_ANSWERS = frozenset({"tool", "constructor"})
_WRAPPERS = ("messages", "input", "inputs", "question", "query", "prompt")
_PAIR = ("role", "text")
_DEEPEST = 4


def request_of(value: Any) -> str | None:
    """Give what a person asks for: the text, or the last message where a person wrote it.

    A conversation that continues after the request gives None, so a request counts once.

    >>> request_of({"messages": [{"role": "system", "content": "s"}, {"role": "user",
    ...     "content": [{"type": "text", "text": "Refund order 1041"}]}]})
    'Refund order 1041'
    >>> request_of([["human", "hello"]]), request_of([{"role": "tool", "content": "x"}])
    ('hello', None)
    """
    if isinstance(value, str):
        return text(value)
    messages = list(_messages(value, 0))
    if messages:
        role, said = messages[-1]
        return text(said) if role in _PERSON else None
    if isinstance(value, dict):
        return next((given for key in _WRAPPERS if (given := text(value.get(key)))), None) or text(
            texts(value)
        )
    return None


def system_of(value: Any) -> str | None:
    """Give the system prompt of a conversation.

    >>> system_of([{"role": "system", "content": "You help."}, {"role": "user", "content": "hi"}])
    'You help.'
    """
    found = [said for role, said in _messages(value, 0) if role in _SYSTEM]
    return text("\n".join(found))


def content_text(content: Any) -> str:
    r"""Give the text of the content of a message: a text, or a list of blocks.

    >>> content_text([{"type": "text", "text": "a"}, "b", {"type": "image"}])
    'a\nb'
    """
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return ""
    found = (one if isinstance(one, str) else text(inner(one).get("text")) for one in content)
    return "\n".join(one for one in found if one)


def answer_of(output: Any) -> tuple[str, bool]:
    r"""Give what a tool says, and whether its framework gave a failure to the model.

    A tool of LangChain gives a message, a ``Command`` with messages and other updates of the state,
    or any value, as do all other tools. LangSmith, OpenInference and OpenLLMetry each write a
    message in another form.

    >>> answer_of({"type": "tool", "content": "no such card", "status": "error"})
    ('no such card', True)
    >>> answer_of({"type": "tool", "data": {"content": "paid", "tool_call_id": "c-1"}})
    ('paid', False)
    >>> answer_of({"output": {"lc": 1, "kwargs": {"content": "paid", "tool_call_id": "c-1"}}})
    ('paid', False)
    >>> answer_of({"update": {"messages": [{"type": "tool", "content": "paid"}], "card": "DE-7"}})
    ('paid\nDE-7', False)
    >>> answer_of({"status": "error", "rows": ["a"]})
    ('error\na', False)
    """
    for given in (output, inner(output).get("output")):
        update = inner(inner(given).get("update"))
        listed = update.get("messages")
        messages = listed if isinstance(listed, list) else [given]
        answers = [whole for one in messages if _is_answer(whole := _whole(inner(one)))]
        if answers:
            said = [content_text(one["content"]) or texts(one["content"]) for one in answers]
            said.append(texts({key: one for key, one in update.items() if key != "messages"}))
            failed = any(one.get("status") == "error" for one in answers)
            return "\n".join(filter(None, said)), failed
    return texts(output), False


def _is_answer(message: dict[str, Any]) -> bool:
    return "content" in message and (
        "tool_call_id" in message or text(message.get("type")) in _ANSWERS
    )


def _whole(message: dict[str, Any]) -> dict[str, Any]:
    """Give a message; those of LangChain may have their members in ``data`` or ``kwargs``."""
    return inner(message.get("data")) | message | inner(message.get("kwargs"))


def _messages(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Give role and text of each message."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key in _WRAPPERS:
            if isinstance(value.get(key), dict | list):
                yield from _messages(value[key], depth + 1)
                return
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                yield _message(one)
            elif isinstance(one, list) and len(one) == len(_PAIR) and isinstance(one[0], str):
                yield one[0], content_text(one[1])
            elif isinstance(one, list):
                yield from _messages(one, depth + 1)


def _message(message: dict[str, Any]) -> tuple[str, str]:
    names = message.get("id")
    message = _whole(message)
    role = text(message.get("role"))
    if role is None and isinstance(names, list) and names:
        role = text(names[-1])
    role = role or text(message.get("type")) or ""
    return role, content_text(message.get("content", message.get("parts")))
