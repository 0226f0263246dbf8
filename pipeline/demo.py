"""`habitus demo`: the bundled sample through the same code as production, and its story."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import HabitusError
from models.event import rfc3339
from pipeline import demo_story as story
from pipeline import runner
from pipeline.commands.running import serve
from pipeline.commands.standing import Standings
from pipeline.commands.terminal import console, note, stop_on_signals
from pipeline.demo_findings import Findings, compare, published_answers
from pipeline.demo_sample import new_store, sample_folder, topics_of, truth_of, write_settings
from pipeline.logs import start_logs
from pipeline.progress import progress_for
from pipeline.settings import FILE_VARIABLE, PREFIX, Settings, load_settings, variable
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.runner import RunSummary
    from pipeline.sample.truth import Truth

_DEFAULT_LISTEN = str(Settings.model_fields["listen"].default)
_MOST_ANOMALIES = 10_000
_LATER_US = 300_000_000


def demo(*, once: bool = False) -> Findings:
    """Judge the sample into a fresh store, tell what came of it, then serve API and console.

    Everything lies in a temporary folder that is removed at the end. Of the settings in effect
    only ``HABITUS_LISTEN`` counts.

    Parameters
    ----------
    once
        End after the story.

    Returns
    -------
    Findings
        What was found, missed, and flagged for nothing.

    Raises
    ------
    ConfigError
        ``HABITUS_LISTEN`` cannot be listened on.
    HabitusError
        Interrupted before the story.
    """
    with tempfile.TemporaryDirectory(prefix="habitus-demo-") as name:
        folder = Path(name)
        data = sample_folder(folder, note)
        listen = _DEFAULT_LISTEN if once else _free_listen()
        file = write_settings(folder, data, listen)
        with _settings_from(file) as settings:
            summary = _judged(settings)
            findings = _tell(settings, summary, truth_of(data), topics_of(folder))
            if not once:
                story.invitation(console(), f"http://{listen}", str(file), _later(settings))
                serve(judge=True)
    return findings


def _judged(settings: Settings) -> RunSummary:
    start_logs(settings.log_level)
    new_store(settings)
    stop = stop_on_signals()
    with progress_for(json=False) as progress:
        summary = runner.run(settings, drain=True, progress=progress, stop=stop)
    if stop.is_set():
        raise HabitusError("interrupted before everything was judged")
    return summary


def _tell(settings: Settings, summary: RunSummary, truth: Truth, topics: Path) -> Findings:
    out = console()
    with open_store(settings.store, read_only=True) as store:
        anomalies = store.anomalies(limit=_MOST_ANOMALIES)
        rows = Standings(store, settings).rows()
    findings = compare(truth, anomalies, published_answers(topics))
    story.opening(out, truth, summary)
    story.incidents(out, findings)
    story.novelties(out, findings)
    story.faults(out, findings, truth, settings.alerts_per_day)
    story.standings(out, rows)
    return findings


def _later(settings: Settings) -> str:
    """Give a time shortly after the sample's last event, for an event to try."""
    with open_store(settings.store, read_only=True) as store:
        return rfc3339((store.status().watermark_us or 0) + _LATER_US)


def _free_listen() -> str:
    """Give where to listen: as set, else the default port, else a free one."""
    named = os.environ.get(variable("listen"))
    if named:
        return named  # where it is taken, serving says so
    host, _, port = _DEFAULT_LISTEN.rpartition(":")
    try:
        socket.create_server((host, int(port))).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        with socket.create_server((host, 0)) as listener:
            other = listener.getsockname()[1]
        note(f"port {port} is taken, so the console will be on {other}")
        return f"{host}:{other}"
    return _DEFAULT_LISTEN


@contextmanager
def _settings_from(file: Path) -> Iterator[Settings]:
    """Let this file be the only settings, for what the demonstration starts by name too."""
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    try:
        for name in kept:
            del os.environ[name]
        os.environ[FILE_VARIABLE] = str(file)
        yield load_settings()
    finally:
        os.environ.pop(FILE_VARIABLE, None)
        os.environ.update(kept)
