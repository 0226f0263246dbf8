"""Events that come over HTTP: one, an array, or an object with a list; each judged by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from models.errors import MalformedEvent
from models.event import Event
from scoring_api.problems import ProblemError
from scoring_api.schemas import ActionResult


class _Batch(Struct):
    events: list[Raw]


class _Id(Struct):
    id: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """What of a body is good, as bytes, and what became of each event."""

    good: list[bytes]
    results: list[ActionResult]


def split(body: bytes, most: int) -> list[bytes]:
    """Split a body into its events without reading them.

    An object with the key ``events`` and none of an event's own is a batch.

    Raises
    ------
    ProblemError
        400 when the body as a whole is not JSON or of another shape, 413 for more than `most`.

    Examples
    --------
    >>> split(b'[{"id":"1"}, {"id":"2"}]', most=10)
    [b'{"id":"1"}', b'{"id":"2"}']
    >>> split(b'{"events":[{"id":"1"}]}', most=10), split(b'{"id":"1"}', most=10)
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
        raise ProblemError(
            400, "the body must be JSON: an event, an array of events, or an object with events"
        ) from None
    if len(items) > most:
        raise ProblemError(413, f"a batch has at most {most} events, got {len(items)}")
    return items


def sort_out(items: list[bytes], validate: Callable[[bytes], Event], largest: int) -> Sorted:
    """Say of each event whether it can be judged; `validate` raises `MalformedEvent` if not."""
    good, results = [], []
    for index, item in enumerate(items):
        reason = detail = None
        try:
            if len(item) > largest:
                raise MalformedEvent(
                    "too_long", f"event of {len(item)} bytes, expected at most {largest}"
                )
            validate(item)
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
    return Sorted(good, results)


def _id_of(item: bytes) -> str | None:
    try:
        found = msgspec.json.decode(item, type=_Id).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) <= 128 else None
