"""The MCP servers in the configuration of a client: each runs behind `habitus tap`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target
from pipeline.text.quoted import quoted

_LISTS = ("mcpServers", "servers")
_LOCAL = "http://127.0.0.1:8765"
_DESKTOP = {"darwin": "Library/Application Support/Claude", "win32": "AppData/Roaming/Claude"}
CLIENTS = {
    "claude-code": Path(".mcp.json"),
    "claude-desktop": Path("~") / _DESKTOP.get(sys.platform, ".config/Claude")
    / "claude_desktop_config.json",
    "cursor": Path("~/.cursor/mcp.json"),
    "vscode": Path(".vscode/mcp.json"),
    "gemini": Path("~/.gemini/settings.json"),
}  # fmt: skip
"""Where each client has its servers; without ``~`` it is in the folder of the project."""


class Mcp(FileConnector):
    """Servers over stdio in ``mcpServers`` (VS Code: ``servers``); others stay as they are.

    Examples
    --------
    >>> settings = {"mcpServers": {"mail": {"command": "npx", "args": ["mail-server"]}}}
    >>> made = Mcp().connected(settings, Target("http://127.0.0.1:8765"))
    >>> made["mcpServers"]["mail"]["args"]
    ['tap', '--server', 'mail', '--', 'npx', 'mail-server']
    >>> Mcp().disconnected(made, {}) == settings
    True
    """

    name = "mcp"
    then = "restart the client, then let it call a tool of a server"

    def settings_file(self, client: str | None) -> Path:
        """Give the file of a client."""
        found = CLIENTS.get(client or "claude-code")
        if found is None:
            expected = ", ".join(sorted(CLIENTS))
            raise ConfigError(f"unknown client {quoted(str(client))}, expected one of: {expected}")
        return found.expanduser()

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Put `habitus tap` before each command."""
        out = self.disconnected(settings, {})
        found = [name for name in _LISTS if isinstance(out.get(name), dict)]
        if not found:
            raise ConfigError(
                f"no MCP servers, expected an object {' or '.join(_LISTS)} with one member each"
            )
        # A desktop client does not find programs as a shell does; a project's file has many users.
        own = (Path(target.file).is_absolute() and shutil.which("habitus")) or "habitus"
        api = [] if target.api == _LOCAL else ["--api", target.api]
        for name in found:
            out[name] = {
                server: _wrapped(server, entry, own, api) for server, entry in out[name].items()
            }
        return out

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Take `habitus tap` away again."""
        del before
        out = dict(settings)
        for name in _LISTS:
            if isinstance(out.get(name), dict):
                out[name] = {server: _unwrapped(entry) for server, entry in out[name].items()}
        return out

    def instructions(self, target: Target) -> list[str]:
        """Say what is not in the file."""
        lines = ["servers over HTTP stay as they are: habitus tap --listen passes them on"]
        if target.key:
            lines.append(f"the client needs {TOKEN} in its environment")
        return lines


def _wrapped(server: str, entry: Any, own: str, api: list[str]) -> Any:
    if not (isinstance(entry, dict) and isinstance(entry.get("command"), str)):
        return entry
    args = entry.get("args", [])
    if not isinstance(args, list):
        return entry
    wrap = ["tap", *api, "--server", server, "--", entry["command"]]
    return entry | {"command": own, "args": [*wrap, *args]}


def _unwrapped(entry: Any) -> Any:
    if not (isinstance(entry, dict) and isinstance(entry.get("args"), list)):
        return entry
    args = entry["args"]
    if Path(str(entry.get("command"))).name != "habitus" or args[:1] != ["tap"]:
        return entry
    at = args.index("--") if "--" in args else len(args)
    inner = args[at + 1 :]
    if not inner:
        return entry
    out = entry | {"command": inner[0], "args": inner[1:]}
    return out if inner[1:] else {name: value for name, value in out.items() if name != "args"}
