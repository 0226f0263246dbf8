"""The long-running commands: the pipeline and the API."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ConfigError, HabitusError
from pipeline.commands.offline import note_results
from pipeline.commands.terminal import note, stop_on_signals
from pipeline.configuration.loading import load_settings
from pipeline.logs import start_logs
from pipeline.processing.progress import progress_for
from pipeline.publishing import folder_of
from pipeline.publishing.rejected import all_rejected, in_words
from pipeline.publishing.rejected_file import own_files, where_rejected
from pipeline.sources.file_url import file_query
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings import Settings

_log = logging.getLogger(__name__)
# By name: the pipeline does not import the API.
_SERVE = "scoring_api.serving.server:serve"
_API_CHECK = "scoring_api.wiring:check"


def run(
    drain: Annotated[
        bool, typer.Option("--drain", help="End after all records present at the start are judged.")
    ] = False,
) -> None:
    """Consume, judge and publish until SIGTERM, which finishes the current batch.

    Exit 0; exit 1 if there was input and no record could be read.
    """
    from pipeline.processing import runner

    settings = load_settings()
    start_logs(settings.log_level)
    if settings.source.startswith("file:"):
        path = folder_of(file_query(settings.source)[0])
        note_results(str(path), [one.resolve() for one in own_files(settings)])
    stop = stop_on_signals()
    with progress_for(json=False, service=True) as progress:
        summary = runner.run(settings, drain=drain, progress=progress, stop=stop)
    by, rejected = summary.rejected_by, summary.rejected
    why = f" ({in_words(by)}), {where_rejected(settings)}" if rejected else ""
    note(f"{summary.events} events judged, {summary.anomalies} anomalies, {rejected} rejected{why}")
    if summary.unreadable:
        reason = all_rejected(by, summary.first_rejected)
        raise HabitusError(f"nothing could be read as {settings.format}: {reason}")


def serve(
    judge: Annotated[
        bool,
        typer.Option(" /--no-judge", help="Always leave events received over HTTP to habitus run."),
    ] = True,
) -> None:
    """Serve the scoring API and the console.

    Events received over HTTP are judged here, unless habitus run uses this store.
    """
    serve_on(load_settings(), judge=judge)


def serve_on(settings: Settings, *, judge: bool, listener: socket.socket | None = None) -> None:
    """Serve the API and the console until a signal.

    Parameters
    ----------
    judge
        Whether events received over HTTP are judged here.
    listener
        Listening socket; None: listen on the address of the settings.

    Raises
    ------
    HabitusError
        A setting is wrong, or the API did not start.
    """
    start_logs(settings.log_level)
    stop = stop_on_signals()
    resolve_name(_API_CHECK)(settings)
    if judge:
        from pipeline.configuration.detectors import registered_detectors
        from pipeline.publishing import open_sink
        from pipeline.publishing.rejected_file import keeping

        # Faults of judging and publishing are raised now; later the API would continue without
        # them.
        registered_detectors(settings)
        keeping(settings, open_sink(settings.sink, kafka_client=settings.kafka_client)).close()
    open_store(settings.store).close()
    with listening(settings) if listener is None else listener as taken:
        who = (
            "credentials required"
            if has_credentials(settings)
            else ("no credentials are configured, so for this machine only")
        )
        scheme = "http" if settings.tls_cert is None else "https"
        note(f"scoring API and console on {scheme}://{settings.listen}/ ({who})")
        with _judging(settings, stop) if judge else contextlib.nullcontext():
            started = resolve_name(_SERVE)(settings, taken, stop)
        if not started and not stop.is_set():
            raise HabitusError("the API did not start, see the log above")


def has_credentials(settings: Settings) -> bool:
    """Return whether callers need credentials."""
    stores = (settings.api_keys_file, settings.jwks, settings.tls_client_ca)
    return any(store is not None for store in stores)


def listening(settings: Settings) -> socket.socket:
    """Listen on the address of the settings; raise `ConfigError` if that fails."""
    host, _, port = settings.listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=1024)
    except OSError as error:
        # The library repeats the address in brackets.
        reason = (error.strerror or str(error)).partition(" (")[0].lower()
        raise ConfigError(f"cannot listen on {settings.listen}: {reason}") from error


@contextlib.contextmanager
def _judging(settings: Settings, stop: threading.Event) -> Iterator[None]:
    """Judge events received over HTTP in a thread."""
    worker = threading.Thread(target=_judge, args=(settings, stop), name="habitus-judge")
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _judge(settings: Settings, stop: threading.Event) -> None:
    from pipeline.processing import runner

    try:
        if not runner.serve_inbox(settings, stop):
            note("habitus run judges the events received over HTTP on this store")
    except HabitusError as error:
        # The API continues, and reports its answers as stale.
        _log.error("judging_stopped", extra={"fault": str(error)})


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (run, serve):
        app.command()(command)
