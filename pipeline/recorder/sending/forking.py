"""Recorders in a process that is forked, and at its end."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOG = logging.getLogger("habitus.recorder")
_WAIT_S = 10.0
_CLOSE_FIRST = 100


class Forkable(Protocol):
    """Interface of a recorder."""

    def begin_again(self) -> None:
        """Forget what the parent records; called in the child."""

    def end_process(self) -> None:
        """Deliver what waits; called at the end of a process."""


class _State:
    """What the hooks of a fork share.

    A thread that imports has `loading`, and a fork waits for it. Otherwise the child would wait
    forever for the import.
    """

    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.held = self.watches_children = False


_state = _State()
_RECORDERS: set[Forkable] = set()


def loading() -> threading.Lock:
    """Give the lock of a thread that imports."""
    return _state.loading


def watch(recorder: Forkable) -> None:
    """Deliver what a recorder has at the end of this process, and begin again in a child."""
    _RECORDERS.add(recorder)


def forget(recorder: Forkable) -> None:
    """Leave alone a recorder that is closed."""
    _RECORDERS.discard(recorder)


def _before() -> None:
    _state.held = _state.loading.acquire(timeout=_WAIT_S)
    if not _state.held:
        _LOG.warning("habitus: an import takes long; the child of this fork may record nothing")
    _watch_children()


def _after_in_parent() -> None:
    if _state.held:
        _state.loading.release()


def _after_in_child() -> None:
    _state.loading = threading.Lock()
    for recorder in list(_RECORDERS):
        recorder.begin_again()


def _close_all(recorders: Iterable[Forkable] | None = None) -> None:
    for recorder in list(_RECORDERS if recorders is None else recorders):
        recorder.end_process()


def _watch_children() -> None:
    """Have children of multiprocessing deliver, which end without the functions of `atexit`."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _state.watches_children:
        _state.watches_children = True
        util.register_after_fork(
            _RECORDERS, lambda _: util.Finalize(None, _close_all, exitpriority=_CLOSE_FIRST)
        )


if hasattr(os, "register_at_fork"):
    # What is registered last is called first. An import makes loggers, so it has to be waited for
    # before `logging` locks itself for the fork: `logging` registers first, when it is imported.
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
atexit.register(_close_all)
