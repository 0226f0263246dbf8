"""LangSmith: runs of LangChain and LangGraph, one JSON object a line.

A run of type ``tool`` or ``retriever`` is a call. The root run names the agent, unless a run above
the call has an ``lc_agent_name``. Source: ``langsmith.schemas.Run``, which ``Client.list_runs``
exports.
"""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, Any

from pipeline.formats.conversation import answer_of, request_of
from pipeline.formats.members import (
    arguments,
    epoch_us,
    inner,
    name,
    object_of,
    text,
)
from pipeline.formats.part import Part
from pipeline.formats.usage import total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "langsmith"
_LONGEST_LITERAL = 64 << 10
_CALLS = frozenset({"tool", "retriever"})
_THREADS = ("thread_id", "conversation_id", "session_id")


class LangSmith:
    r"""Reader of runs.

    Examples
    --------
    >>> run = (
    ...     b'{"id":"r-2","trace_id":"r-1","parent_run_id":"r-1","run_type":"tool","name":"pay",'
    ...     b'"inputs":{"input":"{\'to\': \'Ines\'}"},"outputs":{"output":"paid"}}'
    ... )
    >>> [(part.event.get("arguments"), part.text) for part in LangSmith().decode(run)]
    [(None, None), ({'to': 'Ines'}, None), (None, 'paid')]
    """

    ordered = False
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "tokens"})

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one run, or of a page of the API (``{"runs": [...]}``)."""
        page = object_of(value)
        runs = page.get("runs")
        given = runs if isinstance(runs, list) else [page]
        return (part for run in given for part in _of_run(inner(run)))


def _of_run(run: dict[str, Any]) -> Iterator[Part]:
    known, kind = text(run.get("id")), text(run.get("run_type"))
    trace = text(run.get("trace_id")) or known
    if known is None or kind is None or trace is None:
        return
    key, parent = f"{NAME}/{trace}", text(run.get("parent_run_id")) or ""
    metadata = inner(inner(run.get("extra")).get("metadata"))
    began_us = epoch_us(run.get("start_time"))
    if not parent:
        yield _about(run, metadata, key, trace)
        asked = request_of(run.get("inputs"))
        if asked and kind not in _CALLS:
            yield Part(kind="request", session=key, time_us=began_us, text=asked)
    if kind in _CALLS:
        yield from _of_tool(run, metadata, known, key)
        return
    used = total_of(metadata.get("usage_metadata")) or total_of(run)
    if kind == "llm" and used:  # runs above it have the sum of its tokens, too
        ended_us = max(began_us, epoch_us(run.get("end_time")))
        yield Part(kind="usage", session=key, time_us=ended_us, size=used)
    event: dict[str, Any] = {}
    if called := name(metadata.get("lc_agent_name")):
        event["agent"] = {"id": called}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us, event=event)


def _about(run: dict[str, Any], metadata: dict[str, Any], key: str, trace: str) -> Part:
    thread = next((said for one in _THREADS if (said := name(metadata.get(one)))), None)
    event: dict[str, Any] = {
        "agent": {
            "id": name(run.get("name")),
            "kind": NAME,
            "version": name(metadata.get("revision_id")),
        },
        "session": thread,
        "trace_id": name(trace),
    }
    if person := name(metadata.get("user_id")):
        event["human"] = {"id": person}
    return Part(kind="about", session=key, event=event)


def _of_tool(run: dict[str, Any], metadata: dict[str, Any], known: str, key: str) -> Iterator[Part]:
    tool, parent = name(run.get("name")), text(run.get("parent_run_id")) or ""
    if tool is None:
        return
    began_us, ended_us = epoch_us(run.get("start_time")), epoch_us(run.get("end_time"))
    event: dict[str, Any] = {"tool": tool, "arguments": _given(run.get("inputs"))}
    if node := name(metadata.get("langgraph_node")):
        event["attributes"] = {"langgraph_node": node}
    yield Part(kind="span", session=key, span=known, parent=parent, time_us=began_us)
    yield Part(kind="call", session=key, call=known, time_us=began_us, parent=known, event=event)
    outputs, error = inner(run.get("outputs")), text(run.get("error"))
    if not outputs and error is None and not ended_us:
        return
    said, refused = answer_of(outputs.get("output", outputs))
    failed = refused or error is not None or run.get("status") == "error"
    event = {"outcome": "error" if failed else "ok"}
    if ended_us >= began_us > 0:
        event["duration_ms"] = (ended_us - began_us) / 1_000
    yield Part(
        kind="result", session=key, call=known, time_us=max(began_us, ended_us), event=event,
        text=said or error,
    )  # fmt: skip


def _given(inputs: Any) -> dict[str, Any]:
    """Give the arguments of a tool, which LangChain may write as a literal of Python."""
    given = inner(inputs)
    if set(given) != {"input"}:
        return arguments(given)
    found = arguments(given["input"])
    written = given["input"]
    if found == {"input": written} and isinstance(written, str) and written.startswith("{"):
        literal = _literal(written)
        return found if literal is None else arguments(literal)
    return found


def _literal(written: str) -> dict[str, Any] | None:
    if len(written) > _LONGEST_LITERAL:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown escapes in a text
            found = ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return _plain(found) if isinstance(found, dict) else None


def _plain(value: Any) -> Any:
    """Give a literal as JSON has it; half of a surrogate pair is replaced."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    return value if isinstance(value, int | float) or value is None else str(value)
