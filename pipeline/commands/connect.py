"""``habitus connect``: change the settings of an agent on this machine, after showing how."""

from __future__ import annotations

import contextlib
import difflib
import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import ConfigError, HabitusError
from pipeline.commands.offline import begun
from pipeline.commands.terminal import note
from pipeline.text.quoted import masked, quoted
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.connecting.connector import Connector, FileConnector, Settings, Target
    from pipeline.connecting.settings_file import SettingsFile

_ADDRESS = re.compile(
    r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|\w(?:[\w.-]*\w)?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[\w.~-]+)*/?",
    re.ASCII,
)


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
    address = _address(f"http://{settings.listen}" if api is None else api)
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
    file = SettingsFile(path)
    before = file.read()
    if undo and file.is_as_written():
        text = file.read_copy()
        _ask(file.path, before, text, yes=yes)
        file.restore(before)
        note(f"as before: {file.path}" if file.path.exists() else f"removed: {file.path}")
        return True
    found = syntaxes.read(before, connector.syntax, file.path)
    with _named(file.path):
        if undo:
            return _take_back(connector, file, before, found, yes=yes)
        without, after = connector.disconnected(found, {}), connector.connected(found, target)
    for line in connector.obstacles(found, target):
        note(f"warning: {line}")
    if after == found:
        note(f"nothing to change in {file.path}")
        return False
    with _named(file.path):
        text = syntaxes.edited(before, after, connector.syntax)
    _ask(file.path, before, text, yes=yes)
    is_first = without == found or not file.is_known()
    file.replace(before, text, keep=is_first)
    found = syntaxes.read(file.read(), connector.syntax, file.path)
    if connector.connected(found, target) != found:
        raise HabitusError(
            f"{file.path} was written, and read back it does not report to {target.api}; "
            f"did another program write it too? take it back with --undo"
        )
    note(f"written: {file.path}")
    return True


def _take_back(
    connector: FileConnector, file: SettingsFile, before: str, found: Settings, *, yes: bool
) -> bool:
    """Take a change back where others have changed the file since, or its record is missing."""
    from pipeline.connecting import syntaxes
    from pipeline.connecting.connector import with_empty
    from pipeline.connecting.line_merge import taken_back

    record, copy = file.record(), file.read_copy()
    earlier = syntaxes.read(copy, connector.syntax, file.copy)
    after = with_empty(connector.disconnected(found, earlier), found, earlier)
    if after == found:
        file.forget()
        note(f"nothing to change in {file.path}")
        return False
    text = None
    if file.is_known():  # to the letter, where the lines of the change are as they were written
        with contextlib.suppress(ConfigError):
            text = taken_back(copy, syntaxes.edited(copy, found, connector.syntax), before)
    if text is None or not syntaxes.holds(text, after, connector.syntax):
        text = syntaxes.edited(before, after, connector.syntax)
    is_left_empty = record is not None and record.made is not None and text.strip() in ("", "{}")
    _ask(file.path, before, "" if is_left_empty else text, yes=yes)
    if is_left_empty:
        file.remove(before)
    else:
        file.finish(before, text)
    note(f"removed: {file.path}" if is_left_empty else f"written: {file.path}")
    return True


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in errors about its settings."""
    try:
        yield
    except ConfigError as error:
        where = f"{path}" if path.exists() else f"{path} does not exist"
        raise ConfigError(f"{where}: {error}") from None


def _ask(path: Path, before: str, text: str, *, yes: bool) -> None:
    _show(path, before, text)
    if not yes and not typer.confirm("write this?", err=True):
        raise typer.Abort


def _address(url: str) -> str:
    found = _ADDRESS.fullmatch(url)
    if found is None or not _is_host(found["host"]) or not 0 < int(found["port"] or 1) < 65_536:
        raise ConfigError(
            "--api must be http(s)://HOST:PORT with at most a plain path, and with no user, query "
            f"or fragment, got {quoted(masked(url))}"
        )
    return url.rstrip("/")


def _is_host(host: str) -> bool:
    """Check addresses; names have been checked by their letters."""
    if not host.startswith("[") and not host.replace(".", "").isdigit():
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _show(path: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm=""
    )
    for line in lines:
        typer.echo(visible(line))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connect)
