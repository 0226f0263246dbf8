"""Langfuse: observations, one JSON object a line, or a page of its API.

Blob exports have snake_case members, the API has camelCase ones. Times without a zone are in UTC.
An observation of type ``TOOL`` or ``RETRIEVER`` is a call. One of type ``AGENT`` names the agent,
as the ``lc_agent_name`` of LangChain does.
Source: ``ObservationV2`` of langfuse 5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.formats.conversation import answer_of, request_of
from pipeline.formats.members import (
    arguments,
    inner,
    name,
    object_of,
    parsed,
    text,
    texts,
    time_us,
)
from pipeline.formats.part import Part
from pipeline.formats.usage import total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "langfuse"
_CALLS = frozenset({"TOOL", "RETRIEVER"})
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Langfuse:
    """Reader of observations.

    Examples
    --------
    >>> tool = (
    ...     b'{"id":"o-2","traceId":"t","type":"TOOL","name":"pay","parentObservationId":"o-1",'
    ...     b'"startTime":"2026-10-05T08:00:00Z","input":{"to":"Ines"},"output":"paid"}'
    ... )
    >>> [(part.kind, part.call) for part in Langfuse().decode(tool)]
    [('about', ''), ('span', ''), ('call', 'o-2'), ('result', 'o-2')]
    """

    ordered = False
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one observation, or of a page (``{"data": [...]}``)."""
        page = object_of(value)
        rows = page.get("data")
        given = rows if isinstance(rows, list) else [page]
        return (part for row in given for part in _of_observation(_snake(inner(row))))


def _snake(row: dict[str, Any]) -> dict[str, Any]:
    return {_CAMEL.sub(r"_\1", key).lower(): value for key, value in row.items()}


def _of_observation(row: dict[str, Any]) -> Iterator[Part]:
    known, trace, kind = text(row.get("id")), text(row.get("trace_id")), text(row.get("type"))
    if known is None or trace is None or kind is None:
        return
    key, parent = f"{NAME}/{trace}", text(row.get("parent_observation_id")) or ""
    yield _about(row, key, trace)
    began_us = time_us(row.get("start_time"))
    if kind.upper() in _CALLS:
        yield from _of_tool(row, known, key, parent)
        return
    if used := total_of(parsed(row.get("usage_details"))):
        ended_us = max(began_us, time_us(row.get("end_time")))
        yield Part(kind="usage", session=key, time_us=ended_us, size=used)
    event: dict[str, Any] = {}
    called = name(row.get("name")) if kind.upper() == "AGENT" else None
    in_chain = text(inner(parsed(row.get("metadata"))).get("lc_agent_name"))
    called = called or name(in_chain and in_chain.strip('"'))  # its SDK writes texts as JSON
    if called:
        event["agent"] = {"id": called, "version": name(row.get("version"))}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us, event=event)
    if not parent and (asked := request_of(parsed(row.get("input")))):
        yield Part(kind="request", session=key, time_us=began_us, text=asked)


def _about(row: dict[str, Any], key: str, trace: str) -> Part:
    event: dict[str, Any] = {"session": name(row.get("session_id")), "trace_id": name(trace)}
    called = name(row.get("trace_name"))
    called = called or (None if row.get("parent_observation_id") else name(row.get("name")))
    if called:
        event["agent"] = {"id": called}
    if person := name(row.get("user_id")):
        event["human"] = {"id": person}
    return Part(kind="about", session=key, event=event)


def _of_tool(row: dict[str, Any], known: str, key: str, parent: str) -> Iterator[Part]:
    tool = name(row.get("name"))
    if tool is None:
        return
    began_us, ended_us = time_us(row.get("start_time")), time_us(row.get("end_time"))
    event: dict[str, Any] = {"tool": tool, "arguments": _given(row.get("input"))}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us)
    yield Part(kind="call", session=key, call=known, time_us=began_us, parent=known, event=event)
    output = row.get("output")
    said, failed = answer_of(parsed(output))
    failed = failed or row.get("level") == "ERROR"
    if output is None and not ended_us and not failed:
        return
    event = {"outcome": "error" if failed else "ok"}
    if ended_us >= began_us > 0:
        event["duration_ms"] = (ended_us - began_us) / 1_000
    if failed and output is None:
        said = texts(row.get("status_message"))
    yield Part(
        kind="result", session=key, call=known, time_us=max(began_us, ended_us), event=event,
        text=said,
    )  # fmt: skip


def _given(written: Any) -> dict[str, Any]:
    """Give the arguments of a tool; the decorator ``@observe`` writes those of a function.

    >>> _given({"args": [], "kwargs": {"to": "Ines"}}), _given({"args": ["Ines"], "kwargs": {}})
    ({'to': 'Ines'}, {'args': ['Ines']})
    """
    given = arguments(written)
    by_place, by_name = given.get("args"), given.get("kwargs")
    if set(given) != {"args", "kwargs"} or not isinstance(by_name, dict):
        return given
    return ({"args": by_place} if by_place else {}) | by_name
