"""Inspect: the log of an evaluation, as ``.eval`` archive or as JSON.

The record is the whole file. A sample is a session, and its tool events are the calls. An archive
is read sample by sample, its entries compressed with zstandard or deflate.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from models.errors import MalformedEvent
from pipeline.formats.archive import Archive
from pipeline.formats.conversation import content_text, request_of, system_of
from pipeline.formats.members import arguments, inner, name, object_of, text, texts, time_us
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "inspect"
_ATTACHMENT = "attachment://"
_DENIED = frozenset({"approval", "permission"})
_DEEPEST = 16


class Inspect:
    """Reader of evaluation logs.

    Examples
    --------
    >>> log = (
    ...     b'{"eval":{"task":"desk","eval_id":"e"},"samples":[{"id":"1","epoch":1,"input":"Hi",'
    ...     b'"events":[{"event":"tool","id":"c","function":"mail","arguments":{},"result":""}]}]}'
    ... )
    >>> [(part.kind, part.call) for part in Inspect().decode(log)][-3:]
    [('call', 'e:1:1:c'), ('result', 'e:1:1:c'), ('end', '')]
    """

    ordered = True
    whole_file = True
    supports = frozenset({"arguments", "results", "request"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one log."""
        if value.startswith(b"PK"):
            return _of_archive(Archive(value))
        log = object_of(value)
        samples = log.get("samples")
        if "eval" not in log:
            raise MalformedEvent("missing_key", "object missing required field `eval` at $")
        given = samples if isinstance(samples, list) else []
        return (part for one in given for part in _of_sample(inner(one), inner(log["eval"])))


def _of_archive(archive: Archive) -> Iterator[Part]:
    names = archive.names
    header = next((one for one in ("header.json", "_journal/start.json") if one in names), None)
    if header is None:
        raise MalformedEvent("missing_key", "the archive has neither header nor journal")
    run = inner(object_of(archive.read(header)).get("eval"))
    samples = [one for one in names if one.startswith("samples/") and one.endswith(".json")]
    for one in samples:  # all can be read, or none is
        object_of(archive.read(one))
    return (part for one in samples for part in _of_sample(object_of(archive.read(one)), run))


def _of_sample(sample: dict[str, Any], run: dict[str, Any]) -> Iterator[Part]:
    place = ":".join(
        str(one)
        for one in (run.get("eval_id"), sample.get("id"), sample.get("epoch"))
        if isinstance(one, str | int)
    )
    session = text(sample.get("uuid")) or place
    key, attached = f"{NAME}/{session}", inner(sample.get("attachments"))
    agent = {"id": name(run.get("task")), "kind": NAME, "model": name(run.get("model"))}
    event = {"agent": agent, "session": name(session), "task": name(place)}
    yield Part(kind="about", session=key, event=event)
    began_us = time_us(sample.get("started_at"))
    said = system_of(sample.get("messages"))
    if said:
        yield Part(kind="system", session=key, time_us=began_us, text=said)
    asked = text(_resolved(request_of(sample.get("input")), attached))
    yield Part(kind="request", session=key, time_us=began_us, text=asked)
    events = _flat(sample.get("events"), 0)
    made = [part for one in events for part in _of_event(one, key, session, attached)]
    if not any(part.kind == "call" for part in made):
        made = list(_of_messages(sample.get("messages"), key, session, began_us))
    yield from sorted(made, key=attrgetter("time_us"))  # a result before later calls
    yield Part(kind="end", session=key)


def _flat(events: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Give events; early versions keep those of an agent inside of the event of its tool."""
    for event in map(inner, events if isinstance(events, list) else ()):
        yield event
        if depth < _DEEPEST:
            yield from _flat(event.get("events"), depth + 1)


def _of_event(
    event: dict[str, Any], key: str, session: str, attached: dict[str, Any]
) -> Iterator[Part]:
    about: dict[str, Any]
    kind, known = event.get("event"), text(event.get("id"))
    if known is None:
        return
    if kind == "span_begin":
        called = name(event.get("name")) if event.get("type") == "agent" else None
        about = {"agent": {"id": called}} if called else {}
        parent = text(event.get("parent_id")) or ""
        yield Part(kind="span", session=key, span=known, parent=parent, event=about)
    elif kind == "tool":
        tool = name(event.get("function"))
        if tool is None:
            return
        given = {
            what: _resolved(said, attached)
            for what, said in arguments(event.get("arguments")).items()
        }
        call, began_us = f"{session}:{known}", time_us(event.get("timestamp"))
        span = text(event.get("span_id")) or ""
        about = {"tool": tool, "arguments": given}
        yield Part(kind="call", session=key, call=call, time_us=began_us, parent=span, event=about)
        if event.get("pending"):
            return
        ended_us = max(began_us, time_us(event.get("completed")))
        yield Part(
            kind="result", session=key, call=call, time_us=ended_us,
            event={"outcome": _outcome(event), "duration_ms": (ended_us - began_us) / 1_000},
            text=_resolved(_said(event.get("result")), attached),
        )  # fmt: skip


def _outcome(event: dict[str, Any]) -> str:
    error = inner(event.get("error"))
    if error:
        return "denied" if text(error.get("type")) in _DENIED else "error"
    return "error" if event.get("failed") is True else "ok"


def _said(result: Any) -> str:
    return content_text(result) or texts(result)


def _resolved(value: Any, attached: dict[str, Any]) -> Any:
    """Give the text that an attachment holds; any other value as it is."""
    if isinstance(value, str) and value.startswith(_ATTACHMENT):
        return text(attached.get(value.removeprefix(_ATTACHMENT))) or value
    return value


def _of_messages(messages: Any, key: str, session: str, at_us: int) -> Iterator[Part]:
    """Give the calls of a log without events."""
    for message in map(inner, messages if isinstance(messages, list) else ()):
        calls, known = message.get("tool_calls"), text(message.get("tool_call_id"))
        for call in map(inner, calls if isinstance(calls, list) else ()):
            tool, of = name(call.get("function")), text(call.get("id"))
            if tool is not None and of is not None:
                about = {"tool": tool, "arguments": arguments(call.get("arguments"))}
                yield Part(
                    kind="call", session=key, call=f"{session}:{of}", time_us=at_us, event=about
                )
        if message.get("role") == "tool" and known is not None:
            yield Part(
                kind="result", session=key, call=f"{session}:{known}", time_us=at_us,
                event={"outcome": _outcome(message)}, text=_said(message.get("content")),
            )  # fmt: skip
