"""Derive from the settings: the model configuration, the trust policy, and what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.config import ModelConfig
from models.trust.policy import TrustPolicy
from pipeline.configuration.config_file import read_config
from pipeline.configuration.setting_types import OWN, interval
from pipeline.settings import is_hidden
from pipeline.store import shown_url
from pipeline.text.quoted import masked

if TYPE_CHECKING:
    from pipeline.settings import Settings


def model_config_of(settings: Settings, promoted: ModelConfig | None = None) -> ModelConfig:
    """Give the model parameters: a base, overridden by the settings.

    Parameters
    ----------
    promoted
        Configuration promoted in the store. The base is the file of ``parameters``, else this, else
        the defaults.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> config = model_config_of(Settings(model={"held_days": 4}), ModelConfig(alerts_per_day=2))
    >>> config.held_days, config.alerts_per_day
    (4, 2.0)
    """
    base = promoted or ModelConfig()
    if settings.parameters is not None:
        base, _ = read_config(settings.parameters)
    values = {**msgspec.structs.asdict(base), **settings.model}
    if OWN in settings.model_fields_set:
        values[OWN] = settings.alerts_per_day
    if settings.degraded:
        values["degraded"] = tuple(map(interval, settings.degraded))
    return msgspec.convert(values, ModelConfig, strict=False).validate()


def trust_policy_of(settings: Settings, promoted: ModelConfig | None = None) -> TrustPolicy:
    """Give the trust policy, with the version of the model configuration."""
    version = model_config_of(settings, promoted).version
    return TrustPolicy(version=version, stale_after_s=settings.stale_after_s)


def shown(settings: Settings) -> dict[str, Any]:
    """Give all settings as plain values, passwords masked.

    >>> from pipeline.settings import Settings
    >>> shown(Settings(sink="kafka://me:secret@broker.example.com:9092"))["sink"]
    'kafka://***@broker.example.com:9092'
    """
    plain = settings.model_dump(mode="json")
    plain["store"] = shown_url(plain["store"])
    return {name: _shown(name, value) for name, value in plain.items()}


def _shown(name: str, value: Any) -> Any:
    holds_url = isinstance(value, str) and (is_hidden(name) or "://" in value)
    return masked(value) if holds_url else value
