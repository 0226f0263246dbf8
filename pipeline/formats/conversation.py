"""The messages of a conversation with a model, in the shapes that agent frameworks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import inner, number, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

_PERSON = frozenset({"user", "human", "HumanMessage"})
_SYSTEM = frozenset({"system", "developer", "SystemMessage"})
_ANSWERS = frozenset({"tool", "constructor"})
_WRAPPERS = ("messages", "input", "inputs", "question", "query", "prompt")
_TOTALS = ("total", "total_tokens", "total_token_count")
_MOST_TOKENS = 1 << 53
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
    r"""Give what a tool of LangChain says, and whether it failed.

    It gives a message, a ``Command`` with messages and other updates of the state, or any value.

    >>> answer_of({"type": "tool", "content": "no such card", "status": "error"})
    ('no such card', True)
    >>> answer_of({"update": {"messages": [{"type": "tool", "content": "paid"}], "card": "DE-7"}})
    ('paid\nDE-7', False)
    >>> answer_of({"status": "error", "rows": ["a"]})
    ('error\na', False)
    """
    update = inner(inner(output).get("update"))
    listed = update.get("messages")
    answers = listed if isinstance(listed, list) else [output]
    answers = [whole for one in answers if _is_answer(whole := _whole(inner(one)))]
    if not answers:
        return texts(output), False
    said = [content_text(one.get("content")) or texts(one.get("content")) for one in answers]
    said.append(texts({key: one for key, one in update.items() if key != "messages"}))
    return "\n".join(filter(None, said)), any(one.get("status") == "error" for one in answers)


def tokens_of(usage: Any) -> int:
    """Give the tokens of a turn, in and out; 0 where nothing is said of them.

    >>> tokens_of({"input": 12, "output": 5, "total": 17}), tokens_of({"input_tokens": 8})
    (17, 8)
    """
    given = inner(usage)
    total = next((found for key in _TOTALS if (found := number(given.get(key)))), None)
    if total is None:
        total = sum(number(given.get(key)) or 0.0 for key in ("input_tokens", "output_tokens"))
    return int(min(total, _MOST_TOKENS))


def _is_answer(message: dict[str, Any]) -> bool:
    return "content" in message and (
        "tool_call_id" in message or text(message.get("type")) in _ANSWERS
    )


def _whole(message: dict[str, Any]) -> dict[str, Any]:
    """Give a message; those that LangChain serialized have their members in ``kwargs``."""
    return message | inner(message.get("kwargs"))


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
