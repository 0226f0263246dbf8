"""The callback of the LiteLLM proxy in its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.errors import ConfigError
from pipeline.connecting.connector import TOKEN, FileConnector, Settings, Target, without_empty

PATH = "/v1/litellm"
CALLBACK = "habitus"
_BATCH, _FLUSH_S = 100, 5


class LiteLlm(FileConnector):
    """A callback `generic_api` in the configuration of the proxy, here ``config.yaml``.

    The key stays out of the file: LiteLLM reads headers from a variable.

    Examples
    --------
    >>> made = LiteLlm().connected({"model_list": []}, Target("http://127.0.0.1:8765"))
    >>> made["litellm_settings"], made["callback_settings"]["habitus"]["endpoint"]
    ({'callbacks': ['habitus']}, 'http://127.0.0.1:8765/v1/litellm')
    >>> LiteLlm().disconnected(made, {})
    {'model_list': []}
    """

    name = "litellm"
    syntax = "yaml"
    then = "restart the proxy, then send a request through it"

    def settings_file(self, client: str | None) -> Path:
        """Give the configuration in this folder."""
        del client
        return Path("config.yaml")

    def connected(self, settings: Settings, target: Target) -> Settings:
        """Add the callback after those of others."""
        known = _table(settings, "litellm_settings")
        callbacks = _list(known.get("callbacks"))
        if CALLBACK not in callbacks:
            callbacks = [*callbacks, CALLBACK]
        ours = {
            "callback_type": "generic_api", "endpoint": target.url(PATH), "batch_size": _BATCH,
            "flush_interval": _FLUSH_S,
        }  # fmt: skip
        return settings | {
            "litellm_settings": known | {"callbacks": callbacks},
            "callback_settings": _table(settings, "callback_settings") | {CALLBACK: ours},
        }

    def disconnected(self, settings: Settings, before: Settings) -> Settings:
        """Take the callback away; what was no list is none again."""
        known, rest = _table(settings, "litellm_settings"), _table(settings, "callback_settings")
        rest.pop(CALLBACK, None)
        if CALLBACK in (callbacks := _list(known.get("callbacks"))):
            known["callbacks"] = [one for one in callbacks if one != CALLBACK]
            earlier = before.get("litellm_settings")
            was = earlier.get("callbacks") if isinstance(earlier, dict) else None
            if was and known["callbacks"] == _list(was):
                known["callbacks"] = was
            known = without_empty(known, "callbacks")
        out = dict(settings)
        for name, table in (("litellm_settings", known), ("callback_settings", rest)):
            if name in settings and table != _table(settings, name):
                out = without_empty(out | {name: table}, name)
        return out

    def instructions(self, target: Target) -> list[str]:
        """Name the variable of the key."""
        if not target.key:
            return []
        return [f'start the proxy with GENERIC_LOGGER_HEADERS="Authorization=Bearer ${TOKEN}"']


def _table(settings: Settings, name: str) -> dict[str, Any]:
    found = settings.get(name) or {}
    if not isinstance(found, dict):
        raise ConfigError(f"{name} must be a mapping; nothing was changed")
    return dict(found)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value else []
