"""Calls that only the messages of model calls report: those of a loop around a model's client.

Each request repeats the conversation. The calls that its last messages answer are new, and were
made. A call that an answer asks for is one half: the next request has the other one. Without it,
whether and how the call was made is unknown, and so is the outcome of its event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.formats.gateways.chat_messages import calls_in, is_of_model, results_in, tail_of
from pipeline.formats.members import inner
from pipeline.formats.otlp.calls import agent_of
from pipeline.formats.otlp.messages import MAX_MESSAGES
from pipeline.formats.otlp.names import content, decoded
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.formats.otlp.payload import Attributes, Span

_Flattened = tuple[tuple[str, str, str, str], ...]
INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
_FLAT_INPUT: _Flattened = (
    ("llm.input_messages", ".message", "tool_call.", "function."),
    ("gen_ai.prompt", "", "", ""),
)
_FLAT_OUTPUT: _Flattened = (
    ("llm.output_messages", ".message", "tool_call.", "function."),
    ("gen_ai.completion", "", "", ""),
)
_MEMBERS = ("name", "arguments")
_OF_GATEWAY = "metadata.user_api_key_hash"
"""LiteLLM is the service of its spans, not the agent."""


def reports_calls(span: Span) -> bool:
    """Return whether the messages of a model's span are calls of the agent around it.

    A span that is alone may lie beside the trace of its agent.
    """
    return bool(span.parent) and _OF_GATEWAY not in span.attributes


def parts_of_model(span: Span, session: str) -> Iterator[Part]:
    """Give both halves of the calls that the last messages of a request answer.

    Of the calls that the model asks for then, give the first half.
    """
    agent = agent_of(span.attributes, span.resource)
    yield from _answered(span, session, agent)
    for message in _conversation(span.attributes, OUTPUT, _FLAT_OUTPUT):
        for call, tool, arguments in _calls_of(message):
            # The request that answers it names its span: a call is of one span.
            yield Part(
                kind="call", session=session, call=call, via="model", parent=span.parent,
                time_us=span.end_us or span.start_us, event=_event_of(agent, tool, arguments),
            )  # fmt: skip


def _answered(span: Span, session: str, agent: dict[str, Any]) -> Iterator[Part]:
    messages = _conversation(span.attributes, INPUT, _FLAT_INPUT)
    tail, _ = tail_of(messages)
    if not tail or not list(results_in(tail[-1:])):
        return
    answers = {call: (said, failed) for call, said, failed in results_in(tail)}
    halves: list[Part] = []
    for call, tool, arguments in _asked(messages[: len(messages) - len(tail)]):
        if call not in answers:
            continue
        yield _half("call", span, session, call, _event_of(agent, tool, arguments), None)
        said, failed = answers[call]
        outcome = {"outcome": "error"} if failed else {}
        halves.append(_half("result", span, session, call, outcome, said))
    yield from halves


def _event_of(agent: dict[str, Any], tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {"tool": tool}
    if agent:
        event["agent"] = agent
    if arguments:
        event["arguments"] = arguments
    return event


def _half(
    kind: Any, span: Span, session: str, call: str, event: dict[str, Any], said: str | None
) -> Part:
    return Part(
        kind=kind, session=session, call=call, via="model", span=span.span, parent=span.parent,
        time_us=span.start_us, event=event, text=said,
    )  # fmt: skip


def _asked(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the calls of the model's last answer, which may be several messages."""
    first = len(messages)
    while first and is_of_model(messages[first - 1]):
        first -= 1
    for one in messages[first:]:
        yield from _calls_of(one)


def _calls_of(message: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield from calls_in({"choices": [{"message": message}], "content": message.get("content")})
    yield from calls_in({"output": [message]})


def _conversation(attributes: Attributes, name: str, flattened: _Flattened) -> list[dict[str, Any]]:
    given = decoded(content(attributes, (name,)))
    if isinstance(given, list):
        return [one for given_one in given for one in _of_parts(inner(given_one))]
    for prefix, middle, call, function in flattened:
        if f"{prefix}.0{middle}.role" in attributes:
            return list(_of_flattened(attributes, prefix, middle, call, function))
    return []


def _of_parts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a message of the conventions as OpenAI's interface writes it, each answer for itself."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        yield message
        return
    calls: list[dict[str, Any]] = []
    for part in map(inner, parts[:MAX_MESSAGES]):
        if part.get("type") == "tool_call":
            calls.append({"id": part.get("id"), "function": part})
        elif part.get("type") == "tool_call_response":
            said = part.get("response", part.get("result"))
            yield {"role": "tool", "tool_call_id": part.get("id"), "content": said}
    if calls or len(parts) != sum(inner(one).get("type") == "tool_call_response" for one in parts):
        yield {"role": message.get("role"), "tool_calls": calls}


def _of_flattened(
    attributes: Attributes, prefix: str, middle: str, call: str, function: str
) -> Iterator[dict[str, Any]]:
    for place in range(MAX_MESSAGES):
        at = f"{prefix}.{place}{middle}"
        if f"{at}.role" not in attributes:
            return
        calls: list[dict[str, Any]] = []
        while len(calls) < MAX_MESSAGES:
            one = f"{at}.tool_calls.{len(calls)}.{call}"
            if f"{one}{function}name" not in attributes:
                break
            members = {key: attributes.get(f"{one}{function}{key}") for key in _MEMBERS}
            calls.append({"id": attributes.get(f"{one}id"), "function": members})
        yield {
            "role": attributes[f"{at}.role"],
            "content": attributes.get(f"{at}.content"),
            "tool_call_id": attributes.get(f"{at}.tool_call_id"),
            "tool_calls": calls,
        }
