"""``habitus connect``: change the settings of an agent on this machine, after showing how."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from models.errors import ConfigError, HabitusError
from pipeline.commands.offline import begun
from pipeline.commands.terminal import note
from pipeline.text.quoted import quoted
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from pipeline.connecting.connector import Connector, Target


def connect(
    name: Annotated[
        str,
        typer.Argument(
            help="claude-code, codex, gemini, litellm, openai-agents, otel or mcp.",
        ),
    ],
    undo: Annotated[bool, typer.Option("--undo", help="Take the change back.")] = False,
    api: Annotated[
        str | None, typer.Option(help="Address of the API; default: HABITUS_LISTEN.")
    ] = None,
    key: Annotated[
        bool, typer.Option("--key", help="Send the key in the variable HABITUS_TOKEN.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Settings file; default: that of the agent.")
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            help="Client of MCP: claude-code, claude-desktop, cursor, vscode or gemini.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without a question.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for the first event.")
    ] = 120.0,
) -> None:
    """Let an agent of this machine report to Habitus; shows the difference, and asks first."""
    from pipeline.connecting import CONNECTORS
    from pipeline.connecting.arrival import Arrivals
    from pipeline.connecting.connector import TOKEN, FileConnector, Target
    from pipeline.plain_http import check_carrier

    settings = begun()
    connector = CONNECTORS.get(name)
    if connector is None:
        expected = ", ".join(sorted(CONNECTORS))
        raise ConfigError(f"unknown agent {quoted(name)}, expected one of: {expected}")
    if client is not None and name != "mcp":
        raise ConfigError("--client is for mcp alone")
    address = _address(api or f"http://{settings.listen}")
    if key and not undo:
        check_carrier(address, TOKEN)
    path = Path()
    if isinstance(connector, FileConnector):
        path = file or connector.settings_file(client)
    target = Target(address, key=key, file=str(path))
    arrivals = None if undo or not wait else Arrivals(address, connector.agent)
    changed = _change(connector, target, path, undo=undo, yes=yes)
    if undo:
        return
    for line in connector.instructions(target):
        typer.echo(line)
    if not changed or arrivals is None:
        return
    note(f"{connector.then}; waiting for its first event")
    found = arrivals.wait(wait)
    if found is None:
        raise HabitusError(
            f"no event came within {wait:.0f} s; is habitus serve running at {address}?"
        )
    note(f"the first event came, of agent {visible(found)}")


def _change(connector: Connector, target: Target, path: Path, *, undo: bool, yes: bool) -> bool:
    """Change the settings file; return False where there is nothing to change."""
    from pipeline.connecting import syntaxes
    from pipeline.connecting.connector import FileConnector
    from pipeline.connecting.settings_file import SettingsFile

    if not isinstance(connector, FileConnector):
        if undo:
            note(f"{connector.name} has no settings file: take your own lines back")
        return not undo
    file, syntax = SettingsFile(path), connector.syntax
    before = file.read()
    found = syntaxes.read(before, syntax, file.path)
    copy = file.read_copy() if undo else ""
    earlier = syntaxes.read(copy, syntax, file.copy)
    without = connector.disconnected(found, earlier)
    after = without if undo else connector.connected(found, target)
    if after == found:
        note(f"nothing to change in {file.path}")
        return False
    # Where nothing else has changed since, it comes back to the letter.
    text = copy if undo and copy and earlier == after else syntaxes.edited(before, after, syntax)
    _show(file.path, before, text)
    if not yes and not typer.confirm("write this?", err=True):
        raise typer.Abort
    file.replace(before, text, keep=not undo and without == found)
    note(f"written: {file.path}")
    return True


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.username:
        raise ConfigError(f"--api must be http(s)://HOST:PORT, got {quoted(url)}")
    return url.rstrip("/")


def _show(path: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm=""
    )
    for line in lines:
        typer.echo(visible(line))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connect)
