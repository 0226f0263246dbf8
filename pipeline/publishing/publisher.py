"""Publish the outbox; after a stop request, wait at most once for an unavailable sink."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_fixed,
)

from models.errors import SinkUnavailable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pipeline.processing.stream_types import Sink
    from pipeline.store.protocol import Store

_log = logging.getLogger(__name__)
_CHUNK = 5_000
RETRIES = 30
RETRY_S = 1.0


class Publisher:
    """Publish for all shards of a worker while the sink may be available.

    A hanging broker is detected only by a timeout of half a minute. After a stop request, one
    timeout is enough. The remaining messages are committed in the outbox, and the next start
    publishes them.

    Parameters
    ----------
    stop
        Set when the worker is requested to stop.

    Examples
    --------
    >>> import threading
    >>> def refuse():
    ...     print("asked")
    ...     raise SinkUnavailable("no broker answers")
    >>> stop = threading.Event()
    >>> publisher = Publisher(stop)
    >>> publisher.tried(refuse, "sink_unavailable"), publisher.tried(refuse, "sink_unavailable")
    asked
    asked
    (False, False)
    >>> stop.set()
    >>> publisher.tried(refuse, "sink_unavailable")
    False
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._sink_unavailable = False

    def drain(self, publish: Callable[[], bool]) -> None:
        """Repeat `publish` once a second until everything is published or a stop is requested.

        Raises
        ------
        SinkUnavailable
            The sink stayed unavailable; the next run publishes the messages.
        """
        repeated = Retrying(
            retry=retry_if_result(lambda done: not done),
            stop=stop_after_attempt(1 + RETRIES) | stop_when_event_set(self._stop),
            wait=wait_fixed(RETRY_S),
            sleep=sleep_using_event(self._stop),
        )
        try:
            repeated(publish)
        except RetryError:
            if not self._stop.is_set():
                raise SinkUnavailable(
                    f"the sink accepted nothing for {RETRIES * RETRY_S:.0f} s; the outbox keeps "
                    "the messages, run again"
                ) from None

    def empty(self, store: Store, sink: Sink) -> bool:
        """Publish the outbox of a store in order; return False if messages remain."""
        while rows := store.outbox(_CHUNK):
            messages = [message for _, message in rows]
            if not self.tried(partial(sink.publish, messages), "sink_unavailable"):
                return False
            store.drop_outbox([number for number, _ in rows])
        return True

    def tried(self, publish: Callable[[], None], event: str) -> bool:
        """Call `publish`; return False if the sink is unavailable or no attempt is left.

        Parameters
        ----------
        event
            Log event for an unavailable sink.
        """
        if self._sink_unavailable and self._stop.is_set():
            return False
        try:
            publish()
        except SinkUnavailable as error:
            _log.warning(event, extra={"detail": str(error)})
            self._sink_unavailable = True
        else:
            self._sink_unavailable = False
        return not self._sink_unavailable
