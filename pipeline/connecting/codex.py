"""The telemetry of Codex CLI in its settings file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target, without_empty

PATH = "/v1/logs"
MARK = ("x-connected-by", "habitus")
"""Header by which the exporter is found again."""


class Codex(FileConnector):
    """``[otel]`` in ``~/.codex/config.toml``; `CODEX_HOME` moves it.

    Codex has one exporter. Where it exports elsewhere already, nothing is changed: a Collector can
    send to both.

    Examples
    --------
    >>> made = Codex().connected({"model": "gpt-5"}, Target("http://127.0.0.1:8765"))
    >>> made["otel"]["exporter"]["otlp-http"]["endpoint"], made["otel"]["log_user_prompt"]
    ('http://127.0.0.1:8765/v1/logs', True)
    >>> Codex().disconnected(made, {})
    {'model': 'gpt-5'}
    """

    name = agent = "codex"
    syntax = "toml"

    def settings_file(self, client: str | None) -> Path:
        """Give the settings file of the person."""
        del client
        folder = os.environ.get("CODEX_HOME")
        return (Path(folder) if folder else Path.home() / ".codex") / "config.toml"

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Export log records to the API, with the requests of the person."""
        otel = _otel(settings)
        if otel.get("exporter", "none") != "none" and not _is_ours(otel["exporter"]):
            raise ConfigError(
                "Codex exports its telemetry to another address already (otel.exporter); "
                "let a Collector send it to both"
            )
        headers = dict([MARK])
        if target.key:
            headers["authorization"] = f"Bearer ${{{TOKEN}}}"
        exporter = {"endpoint": target.url(PATH), "protocol": "binary", "headers": headers}
        ours = {"exporter": {"otlp-http": exporter}, "log_user_prompt": True}
        return settings | {"otel": otel | ours}

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Export as before."""
        otel = _otel(settings)
        if not _is_ours(otel.get("exporter")):
            return dict(settings)
        for name in ("exporter", "log_user_prompt"):
            otel.pop(name, None)
        earlier = {
            name: value
            for name, value in _otel(before).items()
            if name in ("exporter", "log_user_prompt") and not _is_ours(value)
        }
        return without_empty(settings | {"otel": otel | earlier}, "otel")


def _otel(settings: Settings) -> dict[str, Any]:
    found = settings.get("otel", {})
    if not isinstance(found, dict):
        raise ConfigError("otel must be a table; nothing was changed")
    return dict(found)


def _is_ours(exporter: Any) -> bool:
    http = exporter.get("otlp-http") if isinstance(exporter, dict) else None
    headers = http.get("headers") if isinstance(http, dict) else None
    return isinstance(headers, dict) and MARK in headers.items()
