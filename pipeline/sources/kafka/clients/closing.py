"""Close what may wait for a broker that never answers, and wait no longer than said."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def closed_within(seconds: float, close: Callable[[], None]) -> bool:
    """Call `close`; False when it has not come back in time.

    It then goes on by itself, and the end of the process does not wait for it.

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
        except BaseException as error:  # noqa: BLE001  # raised again, where it is waited for
            raised.append(error)

    # A daemon: no other thread may outlive the interpreter.
    thread = threading.Thread(target=closing, name="kafka-closing", daemon=True)
    thread.start()
    thread.join(seconds)
    for error in raised:
        raise error
    return not thread.is_alive()
