"""``habitus connect``: change the settings of an agent on this machine, after showing how."""

from __future__ import annotations

import difflib
import os
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import typer

from models.errors import ConfigError, HabitusError
from pipeline.commands.offline import begun
from pipeline.commands.terminal import note
from pipeline.connecting import claude_code
from pipeline.text.quoted import quoted
from pipeline.text.visible import visible

_WAIT_S, _TIMEOUT_S = 0.5, 5.0
_MOST_BYTES = 16 << 20


class _Agent(msgspec.Struct):
    agent_id: str
    last_seen: str = ""


class _Agents(msgspec.Struct):
    agents: list[_Agent]


_CONNECTORS = {claude_code.NAME: claude_code}


def connect(
    name: Annotated[str, typer.Argument(help="Kind of agent: claude-code.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take the change back.")] = False,
    api: Annotated[
        str | None, typer.Option(help="Address of the API; default: HABITUS_LISTEN.")
    ] = None,
    key: Annotated[
        bool, typer.Option("--key", help="Send the key in the variable HABITUS_TOKEN.")
    ] = False,
    file: Annotated[
        str | None, typer.Option("--file", help="Settings file; default: that of the agent.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without a question.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for the first event.")
    ] = 120.0,
) -> None:
    """Let an agent of this machine report to Habitus; shows the difference, and asks first."""
    settings = begun()
    connector = _CONNECTORS.get(name)
    if connector is None:
        expected = ", ".join(sorted(_CONNECTORS))
        raise ConfigError(f"unknown agent {quoted(name)}, expected one of: {expected}")
    address = _address(api or f"http://{settings.listen}")
    path = Path(file) if file else connector.settings_file()
    before, found = _read(path)
    after = connector.disconnected(found) if undo else connector.connected(found, address, key=key)
    if after == found:
        note(f"nothing to change in {path}")
        return
    text = _written(after)
    _show(path, before, text)
    if not yes and not typer.confirm("write this?", err=True):
        raise typer.Abort
    _replace(path, text)
    note(f"written: {path}")
    if undo:
        return
    note(f"restart {name}, then use it once; waiting for its first event")
    if not wait or _came(address, name, wait):
        note("the first event came" if wait else "not waiting")
        return
    raise HabitusError(f"no event came within {wait:.0f} s; is habitus serve running at {address}?")


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"--api must be http(s)://HOST:PORT, got {quoted(url)}")
    return url.rstrip("/")


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Give the text and the content of a settings file; both empty where there is none."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return "", {}
    try:
        return text, msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ConfigError(f"{path} is no JSON object; nothing was changed") from None


def _written(settings: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(settings), indent=2).decode() + "\n"


def _show(path: Path, before: str, after: str) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm=""
    )
    for line in lines:
        typer.echo(visible(line))


def _replace(path: Path, text: str) -> None:
    """Replace a file as a whole, with the rights that it had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as out:
        out.write(text)
    Path(out.name).chmod(mode)
    Path(out.name).replace(path)


def _came(address: str, name: str, seconds: float) -> bool:
    """Wait until an agent of this kind has an event that it did not have before."""
    end, before = time.monotonic() + seconds, _last_seen(address, name)
    while time.monotonic() < end:
        time.sleep(_WAIT_S)
        if _last_seen(address, name) not in (None, before):
            return True
    return False


def _last_seen(address: str, name: str) -> str | None:
    """Give when the newest agent of a kind was last seen; None for none or without an answer."""
    asked = urllib.request.Request(f"{address}/v1/agents?limit=200")  # noqa: S310 - http(s) alone
    token = os.environ.get(claude_code.TOKEN)
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found = msgspec.json.decode(answer.read(_MOST_BYTES), type=_Agents).agents
    except (OSError, msgspec.MsgspecError):
        return None
    own = (one for one in found if one.agent_id.partition("/")[0] == name)
    return max((one.last_seen for one in own), default=None)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connect)
