"""What a person asked for, and the system prompts, in the messages that a model gets.

Only the role ``user`` is a request, and only its text: messages contain results of tools too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.members import inner, text
from pipeline.formats.otlp.names import content, decoded

if TYPE_CHECKING:
    from pipeline.formats.otlp.payload import Span

MAX_MESSAGES = 200
_INPUT = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "gcp.vertex.agent.llm_request",
)
_SYSTEM = ("gen_ai.system_instructions", "llm.prompt_template.system")
_ROOT_INPUT = (
    "user_prompt",
    "ai.prompt",
    "input.value",
    "traceloop.entity.input",
    "crewai.task.description",
)
_INPUT_MEMBERS = ("messages", "inputs", "input", "kwargs", "query", "question", "prompt")
_MAX_INPUT_DEPTH = 4
_EVENTS = {"gen_ai.user.message": "user", "gen_ai.system.message": "system"}


def messages_of(span: Span, *, root: bool) -> list[tuple[str, str]]:
    """Give (role, text) for the roles ``user`` and ``system``, in order.

    Parameters
    ----------
    root
        Whether nothing is above the span; then its input is what a person asked for.

    Examples
    --------
    >>> from pipeline.formats.otlp.payload import Span
    >>> said = {"gen_ai.input.messages": '[{"role":"user","content":"Refund order 1041"}]'}
    >>> span = Span("", "", "", "", 1, 0, 0, False, said, {}, [], 0)
    >>> messages_of(span, root=False)
    [('user', 'Refund order 1041')]
    """
    attributes = span.attributes
    found = [("system", one) for one in _texts(content(attributes, _SYSTEM))]
    given = decoded(content(attributes, _INPUT))
    if isinstance(given, dict):  # a request to a model as the Agent Development Kit writes it
        config = inner(given.get("config"))
        found += [("system", one) for one in _texts(config.get("system_instruction"))]
        given = given.get("contents")
    if isinstance(given, list):
        for one in given[-MAX_MESSAGES:]:
            found += _of_message(one)
    for prefix in ("llm.input_messages", "gen_ai.prompt"):
        if f"{prefix}.0.role" in attributes or f"{prefix}.0.message.role" in attributes:
            found += _of_flattened(attributes, prefix)
    for name, said in span.events:
        if name in _EVENTS:
            found += [(_EVENTS[name], one) for one in _texts(content(said, ("content",)))]
    if root and not any(role == "user" for role, _ in found):
        found += [("user", one) for one in _of_input(decoded(content(attributes, _ROOT_INPUT)))]
    return found


def _of_message(value: Any) -> list[tuple[str, str]]:
    message = inner(value)
    role = message.get("role")
    if role == "developer":
        role = "system"
    if role not in ("user", "system"):
        return []
    parts = message.get("parts")
    given = message.get("content") if parts is None else parts
    said = [given] if isinstance(given, str) and given else _texts(given)
    return [(role, one) for one in said]


def _texts(value: Any) -> list[str]:
    """Give the texts of parts; those that are not of the type ``text`` are left out."""
    value = decoded(value)
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        value = value.get("parts") if isinstance(value.get("parts"), list) else [value]
    found: list[str] = []
    for part in value[:MAX_MESSAGES] if isinstance(value, list) else []:
        one = part if isinstance(part, str) else None
        if isinstance(part, dict) and part.get("type", "text") == "text":
            one = text(part.get("content")) or text(part.get("text"))
        if one:
            found.append(one)
    return found


def _of_flattened(attributes: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for place in range(MAX_MESSAGES):
        at = f"{prefix}.{place}"
        middle = ".message" if f"{at}.message.role" in attributes else ""
        role = attributes.get(f"{at}{middle}.role")
        if role is None:
            break
        said = attributes.get(f"{at}{middle}.content")
        if said is None:
            said = attributes.get(f"{at}{middle}.contents.0.message_content.text")
        found += _of_message({"role": role, "content": said})
    return found


def _of_input(value: Any) -> list[str]:
    """Give what the input of a root asks for: a text, or the messages or members of an object."""
    for _ in range(_MAX_INPUT_DEPTH):
        if not isinstance(value, dict):
            break
        given = (value.get(name) for name in _INPUT_MEMBERS)
        value = next((one for one in given if one and isinstance(one, str | dict | list)), None)
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        found = [one for part in value[-MAX_MESSAGES:] for one in _of_message(part)]
        return [said for role, said in found if role == "user"]
    return []
