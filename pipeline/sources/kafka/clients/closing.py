"""Close a client that may wait forever for its broker, within a bounded time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def closed_within(seconds: float, close: Callable[[], None]) -> bool:
    """Call `close`; return False if it has not returned in time.

    It then continues in its own thread, and the end of the process does not wait for it.

    Examples
    --------
    >>> from threading import Event
    >>> never = Event()
    >>> closed_within(5, lambda: None), closed_within(0.01, never.wait)
    (True, False)
    """
    raised: list[BaseException] = []

    def closing() -> None:
        try:
            close()
        except BaseException as error:  # noqa: BLE001  # raised again in the waiting thread
            raised.append(error)

    # A daemon thread: the interpreter does not wait for it at exit.
    thread = threading.Thread(target=closing, name="kafka-closing", daemon=True)
    thread.start()
    thread.join(seconds)
    for error in raised:
        raise error
    return not thread.is_alive()
