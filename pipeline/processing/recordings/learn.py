"""Learn a trusted history into the store of an installation."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import Struct

from models.errors import ConfigError, HabitusError
from pipeline.clock import clock_us
from pipeline.files.installed_files import installed_files
from pipeline.files.overwrite_check import refuse_to_overwrite
from pipeline.processing.assembly import SharedResources, build_worker
from pipeline.processing.recordings.judge import in_order, learn_history
from pipeline.processing.recordings.review import Review
from pipeline.publishing.rejected import all_rejected
from pipeline.sources.recordings import counted
from pipeline.store import open_store, shown_url, writer_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings


class Learned(Struct, frozen=True):
    """Result of learning a history, with the events in it that would have raised an alert."""

    events: int
    rejected: int
    rejected_by: dict[str, int]
    seconds: float
    store: str
    config_version: str
    review: Review


def learn(
    files: Sequence[str],
    *,
    fmt: str,
    settings: Settings,
    review: str | None = None,
    progress: Progress | None = None,
    force: bool = True,
) -> Learned:
    """Learn a history into the configured store, so that an installation starts with baselines.

    Parameters
    ----------
    review
        Output file for events that would have raised an alert, one line each; None: no file.
    force
        Whether an existing file is replaced.
    """
    started = perf_counter()
    refuse_to_overwrite(
        [("--review", review)],
        [*files, settings.inventory],
        installed=installed_files(settings),
        force=force,
    )
    lock = writer_lock(settings.store)
    if not lock.acquire():
        raise ConfigError(
            f"store {shown_url(settings.store)} is in use by another process; stop it first"
        )
    with lock, open_store(settings.store) as store:
        store.claim()
        resources = SharedResources.of(settings, store)
        with Review(resources.policy, review) as found:
            worker = build_worker(
                settings, store, fmt=fmt, publish=False, reviewer=found.observe, resources=resources
            )
            past = in_order(files, worker.wire, now_us=clock_us(), progress=progress)
            if progress is not None:
                progress.start(len(past), "learning")
            learn_history(worker, past, progress=progress)
            if progress is not None:
                progress.stop()
            events, reasons = counted(worker.counters, files)
            rejected = sum(reasons.values())
            if not events:
                raise HabitusError(
                    f"nothing was learned as {fmt}: {all_rejected(reasons, worker.first_rejected)}"
                )
            found.finish()
        seconds = perf_counter() - started
        return Learned(
            events, rejected, reasons, seconds, settings.store, worker.config_version, found
        )
