"""From the items of an agent to the parts that the assembler joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.formats.frameworks.crewai import parts_of_event
from pipeline.formats.otlp.spans import parts_of_spans, session_of
from pipeline.formats.part import Part
from pipeline.recorder.frameworks.readable_spans import span_of
from pipeline.recorder.sending.items import Asked, Began, Bused, Closed, Ended, Spanned
from pipeline.recorder.snapshots import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.recorder.sending.buffer import Item

MAX_RESULT = 1_000_000
"""Characters of a result whose words are searched."""
_decode = msgspec.json.Decoder().decode


def parts_of(item: Item, dropped: int = 0) -> list[Part]:
    """Give the parts of what a recorder or a listener saw; spans have `parts_of_trace`.

    Parameters
    ----------
    dropped
        Calls that were not recorded since the last one; an event says it.
    """
    if isinstance(item, Began):
        return _of_beginning(item, dropped)
    if isinstance(item, Ended):
        return _of_end(item)
    if isinstance(item, Asked):
        return [Part(kind="request", session=item.key, time_us=item.at_us, text=item.text)]
    if isinstance(item, Closed):
        return [Part(kind="end", session=item.key)]
    return _of_bus(item) if isinstance(item, Bused) else []


def _of_beginning(item: Began, dropped: int) -> list[Part]:
    found: list[Part] = []
    if item.opens is not None:
        request, system = item.opens
        if request:
            found.append(
                Part(kind="request", session=item.key, time_us=item.at_us, text=str(request))
            )
        if system:
            found.append(Part(kind="system", session=item.key, text=str(system)))
    event = item.event | {"arguments": _decode(item.arguments)}
    if dropped:
        event["attributes"] = {"dropped_before": dropped}
    found.append(
        Part(kind="call", session=item.key, call=item.call, time_us=item.at_us, event=event)
    )
    return found


def _of_end(item: Ended) -> list[Part]:
    said, size = _said(item)
    if item.last:
        said = None  # no later call can have words of it
    event: dict[str, Any] = {"outcome": item.outcome, "duration_ms": round(item.took_ms, 3)}
    found = [
        Part(
            kind="result", session=item.key, call=item.call, time_us=item.at_us, event=event,
            text=said, size=size,
        )
    ]  # fmt: skip
    if item.last:
        found.append(Part(kind="end", session=item.key))
    return found


def _said(item: Ended) -> tuple[str | None, int | None]:
    """Give the text of a result, and its size in bytes."""
    said = item.said
    if said is None:
        return None, None
    if isinstance(said, str):
        return said[:MAX_RESULT], len(said.encode("utf-8", "replace"))
    text = text_of(_decode(said)) if item.is_json else said.decode("utf-8", "replace")
    return text[:MAX_RESULT], len(said)


def _of_bus(item: Bused) -> list[Part]:
    parts = list(parts_of_event(item.record))
    if parts and item.event:
        about = Part(kind="about", session=parts[0].session, event=dict(item.event))
        return [about, *parts]
    return parts


def parts_of_trace(items: Sequence[Spanned]) -> list[Part]:
    """Give the parts of finished spans; a span of nothing that agents do gives its place only."""
    spans = [span_of(item.span, index) for index, item in enumerate(items)]
    found: list[Part] = []
    said: set[str] = set()
    for item, span in zip(items, spans, strict=True):
        if span.trace in said or not (item.event or item.request):
            continue
        said.add(span.trace)
        session = session_of(span.trace)
        found.append(Part(kind="about", session=session, event=dict(item.event)))
        if item.request:
            at_us = span.start_us
            found.append(Part(kind="request", session=session, time_us=at_us, text=item.request))
    return found + parts_of_spans(spans, [])
