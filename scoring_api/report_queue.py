"""Payloads of hooks on their way to the store: many are written in one transaction."""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

from models.errors import StateError
from scoring_api.trust_cache.cache import TrustCache
from scoring_api.trust_cache.store_reading import Reading

MAX_WAITING = 5_000
"""Most payloads that wait."""
MAX_WAITING_BYTES = 64 << 20
WAIT_S = 0.02
"""Longest time that an answer waits for the disk, seconds."""

_log = logging.getLogger(__name__)


class _Payload(NamedTuple):
    fmt: str
    reporter: str
    value: bytes
    written: asyncio.Future[None]


class ReportQueue:
    """Writes payloads in the order in which they come.

    While one transaction runs, the payloads that come meanwhile wait for the next one. An answer
    waits for its payload for `WAIT_S` at most: the agent waits for the answer, and what it says
    does not depend on the write. A write that fails later is logged.
    """

    def __init__(self, cache: TrustCache, reading: Reading) -> None:
        self._cache, self._reading = cache, reading
        self._waiting: list[_Payload] = []
        self._bytes = 0
        self._writer: asyncio.Task[None] | None = None

    async def put(self, fmt: str, reporter: str, value: bytes) -> None:
        """Take one payload.

        Raises
        ------
        StateError
            Too many wait; or what the store raises.
        """
        size = self._bytes + len(value)
        if len(self._waiting) >= MAX_WAITING or (self._waiting and size > MAX_WAITING_BYTES):
            raise StateError("the store is too slow for the payloads that come")
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Payload(fmt, reporter, value, written))
        self._bytes = size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait((written,), timeout=WAIT_S)
        finally:
            if not written.done():
                written.add_done_callback(_note)
        if written.done():
            written.result()

    async def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        try:
            while self._waiting:
                taken, self._waiting, self._bytes = self._waiting, [], 0
                groups: dict[tuple[str, str], list[_Payload]] = {}
                for one in taken:
                    groups.setdefault(one[:2], []).append(one)
                for (fmt, reporter), group in groups.items():
                    await self._write_group(fmt, reporter, group)
        finally:
            self._writer = None

    async def _write_group(self, fmt: str, reporter: str, group: list[_Payload]) -> None:
        values = [one.value for one in group]
        fault: Exception | None = None
        try:
            await self._cache.read(lambda: self._reading.report(fmt, reporter, values))
        except Exception as error:  # noqa: BLE001  # each caller gets it, and the queue continues
            fault = error
        for one in group:
            if one.written.cancelled():
                continue
            if fault is None:
                one.written.set_result(None)
            else:
                one.written.set_exception(fault)


def _note(written: asyncio.Future[None]) -> None:
    """Log a write that failed after its answer."""
    if not written.cancelled() and (fault := written.exception()) is not None:
        _log.error("hook_not_kept", extra={"detail": str(fault)})
