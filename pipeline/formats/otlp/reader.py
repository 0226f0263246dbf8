"""The formats ``otlp``, ``otlp-proto-traces`` and ``otlp-proto-logs``.

One record is one payload, as exporters send it and as the Collector writes it to files and Kafka.
Its encoding is configured where it comes from, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.events.examined import Examined
from pipeline.formats.otlp.json_payload import read_json
from pipeline.formats.otlp.logs import parts_of_logs
from pipeline.formats.otlp.proto_payload import read_logs, read_traces
from pipeline.formats.otlp.spans import parts_of_spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.formats.otlp.payload import Payload, Unusable
    from pipeline.formats.part import Part


class Decoded(Struct, frozen=True):
    """What one payload gives.

    Attributes
    ----------
    parts
        Parts for the assembler.
    count
        Number of spans and log records of the payload.
    unusable
        Spans and log records that could not be used, in order. What is of no interest is not among
        them.
    """

    parts: list[Part]
    count: int
    unusable: list[Unusable]


class Otlp:
    """Reader of OTLP payloads in one encoding.

    Parameters
    ----------
    read
        Reads the payload.

    Examples
    --------
    >>> span = (
    ...     b'{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",'
    ...     b'"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},'
    ...     b'{"key":"gen_ai.tool.name","value":{"stringValue":"crm.read"}}]}'
    ... )
    >>> value = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + span + b",{}]}]}]}"
    >>> decoded = Otlp(read_json).read(value)
    >>> [part.kind for part in decoded.parts]
    ['about', 'call', 'result', 'span']
    >>> decoded.unusable[0].place, decoded.unusable[0].reason
    (1, 'missing_key')
    """

    ordered = False
    whole_file = False
    supports = frozenset({"arguments", "results", "request", "human", "network", "tokens"})

    def __init__(self, read: Callable[[bytes], Payload]) -> None:
        self._read = read

    def examine(self, value: bytes) -> Examined:
        """Count the spans and log records of a payload, and name those that cannot be used."""
        payload, decoded = self._both(value)
        faults = [f"{one.place}: {one.detail}" for one in decoded.unusable]
        return Examined(decoded.count, faults, frozenset(payload.signals))

    def decode(self, value: bytes) -> list[Part]:
        """Give the parts of one payload; raise `MalformedEvent` if that is impossible."""
        return self.read(value).parts

    def read(self, value: bytes) -> Decoded:
        """Give the parts of one payload, and what of it could not be used.

        Raises
        ------
        MalformedEvent
            The bytes are no payload of this encoding.
        """
        return self._both(value)[1]

    def _both(self, value: bytes) -> tuple[Payload, Decoded]:
        payload = self._read(value)
        unusable = payload.unusable
        parts = parts_of_spans(payload.spans, unusable) if payload.spans else []
        if payload.logs:
            parts += parts_of_logs(payload.logs, unusable)
        return payload, Decoded(parts, payload.count, sorted(unusable))


OTLP = Otlp(read_json)
OTLP_PROTO_TRACES = Otlp(read_traces)
OTLP_PROTO_LOGS = Otlp(read_logs)
