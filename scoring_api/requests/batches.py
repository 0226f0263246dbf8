"""Events received over HTTP: one, an array, or an object with a list.

Each event is validated separately.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from models.errors import MalformedEvent
from pipeline.events.duplicates import Reception
from pipeline.events.unknown_members import OTHER, suggestion
from scoring_api.problems import ProblemError
from scoring_api.requests.item_scanner import UnsplitError, items_of
from scoring_api.schemas.actions import ActionResult, UnknownMember
from scoring_api.service import Validate

MAX_WARNINGS = 20


class _Batch(Struct):
    events: list[Raw]


class _Id(Struct):
    id: str


@dataclass(frozen=True, slots=True)
class SeparatedEvents:
    """Result of a body: valid events as bytes, a result for each event, and warnings."""

    good: list[bytes]
    results: list[ActionResult]
    warnings: list[UnknownMember]

    def kept(self, receptions: Sequence[Reception]) -> None:
        """Set the results of the valid events from their receptions in the store."""
        accepted = (result for result in self.results if result.status == "accepted")
        for result, reception in zip(accepted, receptions, strict=True):
            result.status = reception


def split(body: bytes, maximum: int) -> list[bytes]:
    """Split a body into its events without decoding them.

    An object with the key ``events`` and without keys of an event is a batch. If the decoder
    refuses an event, `items_of` splits the batch, so that only this event is rejected.

    Raises
    ------
    ProblemError
        400 if the whole body is not JSON or has another shape, 413 for more than `maximum` events.

    Examples
    --------
    >>> split(b'[{"id":"1"}, {"id":"2"}]', maximum=10)
    [b'{"id":"1"}', b'{"id":"2"}']
    >>> split(b'{"events":[{"id":"1"}]}', maximum=10), split(b'{"id":"1"}', maximum=10)
    ([b'{"id":"1"}'], [b'{"id":"1"}'])
    """
    try:
        if body.lstrip()[:1] == b"[":
            items = [bytes(item) for item in msgspec.json.decode(body, type=list[Raw])]
        else:
            keys = msgspec.json.decode(body, type=dict[str, Raw])
            if "events" in keys and "tool" not in keys:
                items = [bytes(item) for item in msgspec.json.decode(body, type=_Batch).events]
            else:
                items = [body.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        try:
            items = items_of(body, maximum)
        except UnsplitError:
            raise ProblemError(
                400, "the body must be JSON: an event, an array of events, or an object with events"
            ) from None
    if len(items) > maximum:
        raise ProblemError(413, f"a batch has at most {maximum} events, got {len(items)}")
    return items


def separate(items: list[bytes], validate: Validate, largest: int) -> SeparatedEvents:
    """Validate each event; `validate` raises `MalformedEvent` for an invalid one."""
    good, results = [], []
    unknown: list[tuple[str, ...]] = []
    for index, item in enumerate(items):
        reason = detail = None
        try:
            if len(item) > largest:
                raise MalformedEvent(
                    "too_long", f"event of {len(item)} bytes, expected at most {largest}"
                )
            unknown.append(validate(item)[1])
            good.append(item)
        except MalformedEvent as error:
            reason, detail = error.reason, error.detail
        results.append(
            ActionResult(
                index=index,
                id=_id_of(item),
                status="rejected" if reason else "accepted",
                reason=reason,
                detail=detail,
            )
        )
    return SeparatedEvents(good, results, warnings_of(unknown))


def warnings_of(unknown: Iterable[tuple[str, ...]]) -> list[UnknownMember]:
    """Give each unknown name once, with its number of events and a suggestion; bounded.

    >>> [w.model_dump() for w in warnings_of([("resorce",), (), ("resorce",)])]
    [{'member': 'resorce', 'count': 2, 'suggestion': 'resource'}]
    """
    few: Counter[str] = Counter()
    other = 0
    for names in unknown:
        beyond = False
        for name in names:
            if name != OTHER and (name in few or len(few) < MAX_WARNINGS):
                few[name] += 1
            else:
                beyond = True
        other += beyond
    counts = {**few, OTHER: other} if other else few
    return [
        UnknownMember(member=name, count=count, suggestion=suggestion(name))
        for name, count in counts.items()
    ]


def _id_of(item: bytes) -> str | None:
    try:
        found = msgspec.json.decode(item, type=_Id).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) <= 128 else None
