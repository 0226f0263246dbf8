"""``habitus tap``: a pass-through for MCP that records what passes."""

from __future__ import annotations

import os
import signal
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ConfigError
from pipeline.tap.variables import API_TOKEN, ENFORCE_TOKEN

if TYPE_CHECKING:
    from pipeline.tap.decisions.decision_point import DecisionPoint
    from pipeline.tap.recording.recorder import Recorder
    from pipeline.tap.recording.targets import Target

LOCAL_API = "http://127.0.0.1:8765"
"""Where records go by default: `habitus serve` on this machine."""
# How long a call may wait for the thread that records; by default it is 5 ms.
_SWITCH_S = 0.0005


def tap(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND…]", help="The MCP server to run, for stdio."),
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append records to a file of JSON lines.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=f"Post native events to the API; key in {API_TOKEN}. Default: {LOCAL_API}",
        ),
    ] = None,
    kafka: Annotated[
        str | None,
        typer.Option(
            metavar="kafka://HOST:PORT/TOPIC", help="Publish records to a topic, keyed by agent."
        ),
    ] = None,
    enforce: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=f"Ask this AuthZEN decision point before each call; key in {ENFORCE_TOKEN}.",
        ),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen here, for streamable HTTP.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(metavar="URL", help="URL of the MCP server, for streamable HTTP.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the server. Default: as it introduces itself."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the agent. Default: that of the client."),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for records that cannot be delivered. Default: the user's state folder.",
        ),
    ] = None,
) -> None:
    """Pass MCP messages through as they are, and record them.

    habitus tap [OPTIONS] -- COMMAND… runs a server over stdio, and ends with its exit code.
    habitus tap --listen HOST:PORT --upstream URL passes streamable HTTP on.
    """
    if bool(command) == bool(upstream) or bool(listen) != bool(upstream):
        raise ConfigError("expected -- COMMAND…, or --listen HOST:PORT with --upstream URL")
    sys.setswitchinterval(_SWITCH_S)
    target = _target(out, api, kafka)
    named = server or (_name_of(command[0]) if command else _host_of(str(upstream)))
    recorder = _recorder(target, named, spool, agent, own=server is not None)
    point = None if enforce is None else _decision_point(enforce)
    try:
        if command:
            code = _over_stdio(command, recorder, point, agent)
        else:
            code = _over_http(str(listen), str(upstream), recorder, point, agent)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what waits is delivered or spooled
        recorder.close()
    raise typer.Exit(code)


def _over_stdio(
    command: list[str], recorder: Recorder, point: DecisionPoint | None, agent: str | None
) -> int:
    from pipeline.tap.decisions.gate import Gate
    from pipeline.tap.transports.stdio import run_stdio

    transcript = recorder.transcript
    gate = None if point is None else Gate(point.asking(), lambda: transcript.server, agent)
    return run_stdio(command, recorder, gate)


def _over_http(
    listen: str, upstream: str, recorder: Recorder, point: DecisionPoint | None, agent: str | None
) -> int:
    from pipeline.plain_http import is_loopback
    from pipeline.tap.transports.reverse_proxy import ReverseProxy
    from pipeline.tap.transports.serving import serve

    transcript = recorder.transcript
    ask = None if point is None else point.asking_later()
    local = is_loopback(listen.rpartition(":")[0].strip("[]"))
    application = ReverseProxy(
        upstream, recorder, ask, server=lambda: transcript.server, agent=agent, local=local
    )
    serve(application, listen)
    return 0


def _recorder(
    target: Target, server: str, spool: Path | None, agent: str | None, *, own: bool
) -> Recorder:
    from pipeline.tap.recording.delivery import Delivery
    from pipeline.tap.recording.recorder import Recorder
    from pipeline.tap.recording.spool import Spool, default_folder
    from pipeline.tap.recording.transcript import Transcript

    kind = f"tap-{sha256(target.name.encode()).hexdigest()[:12]}"
    kept = Spool(default_folder() if spool is None else spool, kind)
    return Recorder(Transcript(server, named=own, agent=agent), Delivery(target, kept))


def _target(out: Path | None, api: str | None, kafka: str | None) -> Target:
    from pipeline.tap.recording.hiding import Hiding
    from pipeline.tap.recording.targets import ApiTarget, FileTarget, KafkaTarget

    if sum(one is not None for one in (out, api, kafka)) > 1:
        raise ConfigError("expected one of --out, --api and --kafka")
    if out is not None:
        if str(out) == "-":
            raise ConfigError("--out must be a file: standard output belongs to MCP")
        return Hiding(FileTarget(out))
    if kafka is not None:
        return Hiding(KafkaTarget(kafka))
    _check_url("--api", api or LOCAL_API)
    return ApiTarget(api or LOCAL_API, os.environ.get(API_TOKEN) or None)


def _decision_point(url: str) -> DecisionPoint:
    from pipeline.tap.decisions.decision_point import DecisionPoint

    _check_url("--enforce", url)
    return DecisionPoint(url, os.environ.get(ENFORCE_TOKEN) or None)


def _check_url(option: str, url: str) -> None:
    if not url.startswith(("http://", "https://")) or "@" in url.partition("//")[2]:
        raise ConfigError(f"expected {option} http://HOST:PORT, without a user or a password")


def _name_of(command: str) -> str:
    return Path(command).name or command


def _host_of(url: str) -> str:
    from pipeline.tap.transports.addresses import upstream_of

    return upstream_of(url).netloc.decode("ascii", "replace")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tap)
