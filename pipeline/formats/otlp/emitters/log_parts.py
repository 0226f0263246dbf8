"""What the log records of several coding agents say in the same attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.formats.bounds import cut
from pipeline.formats.members import number
from pipeline.formats.otlp.names import content, first
from pipeline.formats.part import Part
from pipeline.formats.usage import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.formats.otlp.payload import LogRecord
    from pipeline.formats.usage import Names

_LONGEST_MS = 1e12


def user_prompt(log: LogRecord, key: str, _: str) -> Iterator[Part]:
    """Give the request of a person."""
    asked = content(log.attributes, ("prompt",))
    if isinstance(asked, str):
        yield Part(kind="request", session=key, time_us=log.time_us, text=asked)


def tokens(log: LogRecord, key: str, kinds: tuple[Names, ...]) -> Iterator[Part]:
    """Give the tokens that a model took, which attributes of each kind count."""
    used = tokens_of(log.attributes, kinds)
    if used:
        yield Part(kind="usage", session=key, time_us=log.time_us, size=used)


def model_and_tokens(log: LogRecord, key: str, kinds: tuple[Names, ...]) -> Iterator[Part]:
    """Give the model of an answer, and the tokens that it took."""
    model = first(log.attributes, ("model",))
    if model is not None:
        event = {"agent": {"model": cut(model, 256)}}
        yield Part(kind="about", session=key, time_us=log.time_us, event=event)
    yield from tokens(log, key, kinds)


def begun_us(log: LogRecord) -> int:
    """Give when a call began, whose record is written at its end."""
    took = number(log.attributes.get("duration_ms")) or 0.0
    return max(0, log.time_us - int(min(took, _LONGEST_MS) * 1000))


def denial(log: LogRecord, key: str, call: str) -> Part:
    """Give the result of a call that was denied."""
    return Part(
        kind="result", session=key, call=call, time_us=log.time_us, event={"outcome": "denied"}
    )
