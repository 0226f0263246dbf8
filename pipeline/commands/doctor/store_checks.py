"""Checks of the store: its file or server, and what it counted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from models.errors import HabitusError, NoStore
from models.units import SECOND_US
from pipeline.commands.current_trust import lag_us
from pipeline.commands.doctor.check import Check
from pipeline.events.unknown_members import in_words, unknown_by
from pipeline.processing.judging.before import RELEARNED, is_of_before
from pipeline.store import (
    is_postgresql,
    open_shard,
    open_store,
    shown_url,
    store_path,
    writer_lock,
)
from pipeline.store.batch import SILENT_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.settings import Settings
    from pipeline.store import PipelineStatus, Store

T = TypeVar("T")


def check_store(settings: Settings, at_us: int) -> Check:
    """Check that the store can be read and written."""
    if is_postgresql(settings.store):
        return _server(settings, at_us)
    path = Path(store_path(settings.store))
    if not path.exists():
        if os.access(path.resolve().parent, os.W_OK):
            return Check("store", "ok", f"{path} will be made at the first start")
        todo = "make the folder, or set HABITUS_STORE"
        return Check("store", "missing", f"{path.parent} cannot be written", todo)
    with open_store(settings.store, read_only=True) as store:
        said = store.status().state
    if not (os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)):
        todo = "give this user the right to write to the file and its folder"
        return Check("store", "missing", f"{path} cannot be written", todo)
    with writer_lock(settings.store) as lock:
        busy = "no worker uses it now" if lock.acquire() else "a worker uses it now"
    return Check("store", "ok", f"{path}, pipeline {said}, {busy}")


def _server(settings: Settings, at_us: int) -> Check:
    url = shown_url(settings.store)
    try:
        with open_shard(settings.store, "", read_only=True) as store:
            said, parts = store.status(), store.statuses()
    except NoStore:
        return Check("store", "ok", f"{url} will get its tables at the first start")
    alive = [name for name, one in parts.items() if _lives(one, at_us)]
    shared = [name for name in parts if name]
    of = f", {sum(map(bool, alive))} of {len(shared)} partitions in hand" if shared else ""
    if said.state == "running" and not alive:
        newest = max(one.heartbeat_us or 0 for one in parts.values())
        silent = f"no heartbeat for {(at_us - newest) / SECOND_US:.0f} s"
        return Check("store", "optional", f"{url}, {silent}{of}", "start habitus run")
    late = lag_us(said, at_us, settings.clock) or 0
    behind = f", {late / SECOND_US:.0f} s behind" if said.state == "running" else ""
    return Check("store", "ok", f"{url}, pipeline {said.state}{behind}{of}")


def _lives(status: PipelineStatus, at_us: int) -> bool:
    """Return whether a worker is running and its heartbeat is recent."""
    return status.state == "running" and at_us - (status.heartbeat_us or 0) <= SILENT_US


def check_members(settings: Settings) -> Check:
    """Check for unknown members of native events."""
    unknown = unknown_by(stored(settings.store, lambda store: store.counters()))
    if not unknown:
        return Check("members", "ok", "no unknown member was seen")
    todo = "correct the name at the sender, or move the member to attributes"
    return Check("members", "optional", in_words(unknown), todo)


def check_baselines(settings: Settings) -> Check:
    """Check whether the judge before wrote the baselines, which are learned again then."""
    names = stored(settings.store, lambda store: dict.fromkeys(store.shared_names(), True))
    if is_of_before(names):
        return Check("baselines", "optional", RELEARNED, "habitus learn FILE, or habitus run")
    return Check("baselines", "ok", "of this judge" if names else "none yet")


def stored(url: str, asked: Callable[[Store], dict[str, T]]) -> dict[str, T]:
    """Query a store; give nothing if it does not exist, which another check reports."""
    if not is_postgresql(url) and not Path(store_path(url)).exists():
        return {}
    try:
        with open_store(url, read_only=True) as store:
            return asked(store)
    except HabitusError:
        return {}
