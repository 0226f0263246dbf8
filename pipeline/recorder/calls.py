"""One call of a tool while it runs."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipeline.clock import clock_us
from pipeline.recorder.sending.items import Began, Ended
from pipeline.recorder.sessions import current
from pipeline.recorder.snapshots import arguments_of, result_of, said_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from pipeline.recorder.sending.buffer import Buffer
    from pipeline.recorder.sending.feed import Feed
    from pipeline.recorder.sessions import Session


class Call:
    """A call; ``with`` gives its start and its end, and an exception is its outcome.

    `Recording.call` makes it. Nothing here raises because recording failed.

    Parameters
    ----------
    event
        Members of the event beside the arguments.
    denied
        Exceptions by which a call is refused.
    """

    __slots__ = (
        "_arguments", "_began", "_buffer", "_denied", "_event", "_id", "_outcome", "_owner",
        "_result", "_session", "_text",
    )  # fmt: skip

    def __init__(
        self,
        owner: Feed,
        arguments: Mapping[str, Any],
        event: dict[str, Any],
        *,
        call_id: str | None = None,
        denied: tuple[type[BaseException], ...] = (),
        text: Callable[[Any], str] | None = None,
    ) -> None:
        self._owner, self._arguments, self._event = owner, arguments, event
        self._id = call_id
        self._denied, self._text = denied, text
        self._buffer: Buffer | None = None
        self._session: Session | None = None
        self._outcome = "ok"
        self._result: Any = None
        self._began = 0.0

    def returned(self, result: Any) -> None:
        """Say what the tool gave. Its words are origins of later arguments, and are not sent."""
        self._result = result

    def refused(self, reason: str | None = None) -> None:
        """Say that the call was denied: by a policy, a guardrail or a person."""
        self._outcome, self._result = "denied", reason

    def start(self) -> None:
        """Record the start."""
        try:
            self._start()
        except Exception as error:  # noqa: BLE001  # a fault of recording is no fault of the tool
            self._owner.failed(error)
        self._began = perf_counter()

    def _start(self) -> None:
        buffer = self._owner.buffer
        if not self._owner.is_on:
            return
        call = self._id = self._id or uuid4().hex
        arguments = arguments_of(self._arguments)
        session = current(self._owner)
        if session is not None:
            accepted = session.begin(buffer, call, arguments, self._event)
        else:
            event = {**self._owner.facts, **self._event}
            accepted = buffer.begin(Began(f"call/{call}", call, clock_us(), arguments, event))
        if accepted:
            self._buffer, self._session = buffer, session
            self._owner.worker.start()

    def end(self, error: BaseException | None = None) -> None:
        """Record the end, and the exception that ended it."""
        buffer = self._buffer
        if buffer is None or buffer is not self._owner.buffer:
            return  # dropped, or begun before a fork, in the process that ends it
        self._buffer = None
        took_ms = (perf_counter() - self._began) * 1e3
        try:
            self._end(buffer, took_ms, error)
        except Exception as fault:  # noqa: BLE001  # as above
            self._owner.failed(fault)
        if self._session is not None:
            self._session.ended(buffer)

    def _end(self, buffer: Buffer, took_ms: float, error: BaseException | None) -> None:
        outcome, (said, is_json) = self._outcome, self._said(error)
        if error is not None and not isinstance(error, GeneratorExit):
            outcome = "denied" if isinstance(error, self._denied) else "error"
        session = self._session
        key = f"call/{self._id}" if session is None else session.key
        ended = Ended(
            key, self._id or "", clock_us(), outcome, took_ms, said, is_json, session is None
        )
        if not buffer.has_room(ended.size):
            self._owner.worker.losses.count(1, "results_without_room")
            ended = Ended(key, ended.call, ended.at_us, outcome, took_ms, last=ended.last)
        buffer.follow(ended)

    def _said(self, error: BaseException | None) -> tuple[str | bytes | None, bool]:
        try:
            if error is not None and not isinstance(error, GeneratorExit):
                return said_by(error), False
            if self._text is not None and self._result is not None:
                return str(self._text(self._result)), False
            return result_of(self._result)
        except Exception as fault:  # noqa: BLE001  # as above: the event is without its result
            self._owner.failed(fault)
            return None, False

    # ------------------------------------------------------------------ contexts

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(error)
