"""`habitus demo`: judge the bundled sample with the code of production, and report."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.demo import story as story
from lab.demo.bundle import (
    SECRET,
    events_of,
    new_store,
    sample_folder,
    topics_of,
    truth_of,
    write_settings,
)
from lab.demo.filing import filed_events
from lab.demo.findings import Findings, compare, published_answers
from models.errors import ConfigError, HabitusError
from models.event import rfc3339
from pipeline.clock import clock_us
from pipeline.commands.current_trust import CurrentTrust
from pipeline.commands.running import listening, serve_on
from pipeline.commands.terminal import console, note, stop_on_signals
from pipeline.configuration.loading import load_settings
from pipeline.logs import start_logs
from pipeline.processing import runner
from pipeline.processing.progress import progress_for
from pipeline.settings import FILE_VARIABLE, PREFIX, Settings, variable
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.processing.run_summary import RunSummary

_DEFAULT_LISTEN = str(Settings.model_fields["listen"].default)
_LATER_US = 300_000_000


def demo(*, once: bool = False) -> Findings:
    """Judge the sample into a new store, print the report, then serve API and console.

    All files are in a temporary folder that is removed at the end. Only the setting
    ``HABITUS_LISTEN`` has an effect.

    Parameters
    ----------
    once
        End after the report.

    Returns
    -------
    Findings
        Found and missed incidents, and false cases.

    Raises
    ------
    ConfigError
        The address in ``HABITUS_LISTEN`` cannot be used.
    HabitusError
        Interrupted before the report.
    """
    with tempfile.TemporaryDirectory(prefix="habitus-demo-") as name:
        folder = Path(name)
        data = sample_folder(folder, note)
        named = os.environ.get(variable("listen"))
        file = write_settings(folder, data, named or _DEFAULT_LISTEN)
        with _settings_from(file) as settings, ExitStack() as stack:
            if not once:
                listener = stack.enter_context(_listener(settings, named=bool(named)))
                write_settings(folder, data, _address(listener))
                settings = load_settings()
            summary = _judged(settings)
            findings = _print_findings(settings, summary, data, topics_of(folder))
            if not once:
                url = f"http://{settings.listen}"
                story.print_next_steps(console(), url, str(file), _later(settings))
                serve_on(settings, judge=True, listener=listener)
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


def _print_findings(settings: Settings, summary: RunSummary, data: Path, topics: Path) -> Findings:
    out, truth = console(), truth_of(data)
    with open_store(settings.store, read_only=True) as store:
        rows = CurrentTrust(store, settings).rows()
    queue = filed_events(settings, events_of(data), SECRET, clock_us())
    findings = compare(truth, queue, published_answers(topics))
    story.opening(out, truth, summary)
    story.incidents(out, findings)
    story.novelties(out, findings)
    story.false_cases(out, findings, truth, settings.alerts_per_day)
    story.trust_table(out, rows)
    return findings


def _later(settings: Settings) -> str:
    """Give a time shortly after the sample's last event, for an example event."""
    with open_store(settings.store, read_only=True) as store:
        return rfc3339((store.status().watermark_us or 0) + _LATER_US)


def _listener(settings: Settings, *, named: bool) -> socket.socket:
    """Listen on the set address, else on the default port or a free one.

    The port is bound before it is printed, so no other process can take it.
    """
    try:
        return listening(settings)
    except ConfigError as error:
        if named or getattr(error.__cause__, "errno", None) != errno.EADDRINUSE:
            raise
    host, _, port = settings.listen.rpartition(":")
    listener = socket.create_server((host, 0))
    note(f"port {port} is taken, so the console will be on {listener.getsockname()[1]}")
    return listener


def _address(listener: socket.socket) -> str:
    """Give HOST:PORT of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def _settings_from(file: Path) -> Iterator[Settings]:
    """Make this file the only source of settings, also for parts that are started by name."""
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    try:
        for name in kept:
            del os.environ[name]
        os.environ[FILE_VARIABLE] = str(file)
        yield load_settings()
    finally:
        os.environ.pop(FILE_VARIABLE, None)
        os.environ.update(kept)
