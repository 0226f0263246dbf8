"""The latest events with their assessment, as `GET /v1/events` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from models.result import Result
from pipeline.identity.resolving import ALIAS, CHAIN
from pipeline.publishing.outputs import assessment_object
from pipeline.store.batch import RecentEvents

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from models.event import Event, Origins
    from models.quiet_loop import QuietNumbers
    from pipeline.processing.batch_state import BatchState

_encode = msgspec.json.Encoder().encode
_SHOWN = frozenset({"call_id", "error_type", "hook_decision", "programs", "tokens", "unparsed"})
"""Attributes without content."""
_SHOWN_OF_ALIAS = _SHOWN | {ALIAS, CHAIN}
"""The same of an event of an alias: the worker has written its names, over those of its emitter."""
_SECOND_US = 1_000_000


class Recent:
    """Keeps the latest events of each batch.

    Parameters
    ----------
    number
        Most events that are kept; 0 for none.
    seconds
        How long they are kept.
    content
        Whether arguments, purposes, the values of origins and all attributes are kept.
    """

    def __init__(self, number: int, seconds: int, *, content: bool) -> None:
        self._number = number
        self._kept_us = seconds * _SECOND_US
        self._content = content

    def begin(self, batch: BatchState) -> None:
        """Let the judges of a batch keep the results of its latest events."""
        if self._number:
            batch.kept_from = max(0, len(batch.events) - self._number)

    def of(
        self, batch: BatchState, numbers: Mapping[int, QuietNumbers], now_us: int
    ) -> RecentEvents:
        """Give the latest events of a judged batch.

        Parameters
        ----------
        numbers
            Of the quiet events, by position.
        """
        values: list[bytes] = []
        if self._number:
            for position in range(batch.kept_from, len(batch.events)):
                decoded = batch.events.event(position)
                result = batch.results.get(position)
                if result is None:
                    result = _quiet(decoded.event, decoded.time_us, numbers[position])
                event = decoded.event
                if not self._content:
                    of_alias = batch.events.order[position] in batch.events.originals
                    event = without_content(event, _SHOWN_OF_ALIAS if of_alias else _SHOWN)
                values.append(_listed(event, result))
        return RecentEvents(values, self._number, now_us, now_us - self._kept_us)

    def none(self, now_us: int) -> RecentEvents:
        """Give no event, so that old ones are deleted."""
        return RecentEvents([], self._number, now_us, now_us - self._kept_us)


def _listed(event: Event, result: Result) -> bytes:
    return _encode(event)[:-1] + b',"assessment":' + _encode(assessment_object(result)) + b"}"


def _quiet(event: Event, time_us: int, numbers: QuietNumbers) -> Result:
    result = Result(event.id, event.agent.id, event.mode, event.session or "", time_us)
    return numbers.complete(result)


def without_content(event: Event, shown: Collection[str] = _SHOWN) -> Event:
    """Give an event without arguments, purpose, values of origins and all but some attributes.

    >>> from datetime import UTC, datetime
    >>> from models.event import Agent, Event
    >>> origins = {"to": [("eve@example.com", ["result:web.fetch"])]}
    >>> event = Event(
    ...     id="1", time=datetime(2026, 1, 5, tzinfo=UTC), agent=Agent(id="a"), tool="mail.send",
    ...     purpose="Mail it", argument_origins=origins, attributes={"call_id": "1", "note": "x"},
    ... )
    >>> bare = without_content(event)
    >>> bare.purpose, bare.argument_origins, bare.attributes
    (None, {'to': [('', ['result:web.fetch'])]}, {'call_id': '1'})
    """
    return replace(
        event,
        purpose=None,
        arguments=None,
        argument_origins=_without_values(event.argument_origins),
        attributes=_with_names(event.attributes, shown),
    )


def _without_values(origins: Origins | None) -> Origins | None:
    if origins is None:
        return None
    return {key: [("", where) for _, where in values] for key, values in origins.items()}


def _with_names(attributes: dict[str, Any] | None, names: Collection[str]) -> dict[str, Any] | None:
    if attributes is None:
        return None
    return {key: value for key, value in attributes.items() if key in names} or None
