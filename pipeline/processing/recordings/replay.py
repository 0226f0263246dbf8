"""Replay recordings: judge each event against a store of their own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import Struct

from models.errors import HabitusError
from pipeline.clock import clock_us
from pipeline.files.installed_files import installed_files, store_file
from pipeline.files.overwrite_check import refuse_to_overwrite
from pipeline.formats import format_named
from pipeline.processing.assembly import build_worker
from pipeline.processing.recordings.judge import (
    REPLAY_SECRET,
    finish,
    in_order,
    judge_all,
    learn_history,
)
from pipeline.processing.recordings.replay_lines import ReplayLines, outputs
from pipeline.processing.stream_types import BYTES
from pipeline.publishing.rejected import all_rejected
from pipeline.sources.recordings import counted, records_of, size_of
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.progress import Progress
    from pipeline.settings import Settings
    from pipeline.store.protocol import Store


class ReplaySummary(Struct, frozen=True):
    """Summary of a replay: counts, output files and configuration."""

    events: int
    rejected: int
    alerts: int
    seconds: float
    out: str
    rejected_out: str | None
    config_version: str


def replay(
    files: Sequence[str],
    *,
    fmt: str,
    out: str,
    history: Sequence[str] = (),
    store: str | None = None,
    explain_all: bool = False,
    settings: Settings,
    progress: Progress | None = None,
    force: bool = True,
) -> ReplaySummary:
    """Judge recordings and write one line per event, in input order.

    Parameters
    ----------
    out
        A path or ``-``; rejected lines go to ``OUT.rejected.jsonl`` beside it. Folders and patterns
        among the recordings do not include these files, or results of an earlier replay.
    force
        Whether existing output files are replaced.
    store
        URL of a store to keep; None for a temporary one.
    explain_all
        Whether every event has reasons, not only those of cases and noted ones; takes longer.
    """
    started = perf_counter()
    format_named(fmt)
    own = outputs(out)
    given = [*files, *history, settings.inventory]
    refuse_to_overwrite(
        [("--out", str(path)) for path in own],
        given,
        installed=installed_files(settings),
        force=force,
    )
    kept_in = None if store is None else store_file(_url(store))
    refuse_to_overwrite([("--store", kept_in)], given, installed={}, force=True)
    with ExitStack() as stack:
        kept = stack.enter_context(_store(stack, store))
        lines = ReplayLines(stack, out)
        worker = build_worker(
            settings, kept, fmt=fmt, publish=False, explain_all=explain_all, observer=lines.observe
        )
        lines.policy = worker.policy
        now_us = clock_us()
        if history:
            lines.muted = True
            past = in_order(history, worker.wire, now_us=now_us, skip=own, progress=progress)
            if progress is not None:
                progress.start(len(past), "learning")
            learn_history(worker, past, progress=progress)
            lines.muted = False
            worker.counters.clear()
            worker.first_rejected = None
        if progress is not None:
            progress.start(size_of(files, own), "judging", BYTES)
        records = records_of(
            files,
            now_us=now_us,
            skip=own,
            progress=progress,
            wire=worker.wire,
        )
        judge_all(worker, records, on_commit=lines.rejected)
        finish(worker)
        if progress is not None:
            progress.stop()
        events, reasons = counted(worker.counters, files)
        if not events:
            raise HabitusError(
                f"nothing could be read: {all_rejected(reasons, worker.first_rejected)}"
            )
        seconds = perf_counter() - started
        return ReplaySummary(
            lines.events, lines.refused, lines.alerts, seconds, out, lines.rejected_out,
            worker.config_version,
        )  # fmt: skip


def _url(store: str) -> str:
    return store if ":" in store else f"sqlite:{store}"


def _store(stack: ExitStack, store: str | None) -> Store:
    if store is not None:
        return open_store(_url(store), secret=REPLAY_SECRET)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="habitus-"))
    return open_store(f"sqlite:{folder}/replay.db", secret=REPLAY_SECRET)
