"""The recorder of an agent in Python, for code with and without asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.recorder.recording import Recording
from pipeline.recorder.sending.feed import CLOSE_S

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Recorder(Recording):
    """Records what an agent does, without waiting for anything.

    Each call of a tool becomes a native event. A thread makes and sends it. Of what a person asks
    and of results, only the origins of arguments leave the process: which of them occurred where.

    Examples
    --------
    >>> recorder = Recorder("billing-bot", version="1.4", to="none")
    >>> @recorder.tool
    ... def find_order(number: str) -> str:
    ...     return f"order {number}: Ines"
    >>> with recorder.session("Refund order 1041", human="sam@example.com"):
    ...     find_order("1041")
    'order 1041: Ines'
    >>> recorder.dropped
    0
    """

    def flush(self, timeout_s: float = CLOSE_S) -> bool:
        """Wait until all that came before is delivered; return whether it is."""
        return self.worker.flush(timeout_s)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Deliver what waits, and end; later calls are not recorded."""
        self.end(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncRecorder(Recording):
    """A `Recorder` whose `flush` and `close` do not stop the event loop.

    Examples
    --------
    >>> import asyncio
    >>> async def main() -> int:
    ...     async with AsyncRecorder("billing-bot", to="none") as recorder:
    ...         with recorder.call("orders.find", {"number": "1041"}) as call:
    ...             call.returned("Ines")
    ...         return recorder.dropped
    >>> asyncio.run(main())
    0
    """

    async def flush(self, timeout_s: float = CLOSE_S) -> bool:
        """Wait until all that came before is delivered; return whether it is."""
        from asyncio import to_thread

        return await to_thread(self.worker.flush, timeout_s)

    async def close(self, timeout_s: float = CLOSE_S) -> None:
        """Deliver what waits, and end; later calls are not recorded."""
        from asyncio import to_thread

        await to_thread(self.end, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
