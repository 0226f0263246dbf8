"""Which configuration of the model is in effect, and how another one becomes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from models.errors import ConfigError
from pipeline.configuration.config_file import differences, read_config
from pipeline.settings import model_config_of

if TYPE_CHECKING:
    from pathlib import Path

    from models.config import ModelConfig
    from pipeline.settings import Settings
    from pipeline.store.configs import Promotion
    from pipeline.store.protocol import Store

Base = Literal["defaults", "file", "promoted"]
_LONGEST_NAME, _LONGEST_REASON = 200, 2_000
_SHOWN = 40  # characters of a wrong name or reason


class InEffect(Struct, frozen=True):
    """The configuration that a run on a store would use.

    Attributes
    ----------
    base
        Where it starts from.
    promotion
        The last promotion in the store, also where something else is the base.
    overridden
        Parameters that the settings set on top of the base.
    """

    config: ModelConfig
    base: Base
    promotion: Promotion | None
    overridden: tuple[str, ...]


def in_effect(settings: Settings, store: Store | None) -> InEffect:
    """Say which configuration a run on a store would use.

    Parameters
    ----------
    store
        None where there is no store yet.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> found = in_effect(Settings(model={"gate": 0.01}), None)
    >>> found.base, found.overridden, found.config.gate
    ('defaults', ('gate',), 0.01)
    """
    promotions = store.configs.all() if store is not None else []
    last = promotions[-1] if promotions else None
    base: Base = "defaults" if last is None else "promoted"
    if settings.parameters is not None:
        base = "file"
    overridden = [*settings.model]
    if "alerts_per_day" in settings.model_fields_set:
        overridden.append("alerts_per_day")
    promoted = last.config if last is not None else None
    return InEffect(model_config_of(settings, promoted), base, last, tuple(overridden))


def signed_off(file: Path, *, by: str, reason: str | None) -> tuple[ModelConfig, str, str]:
    """Give a configuration in a file, who signs it off and why; parameters as of `promote`.

    Raises
    ------
    ConfigError
        The file is wrong, nobody signs it off, or there is no reason.
    """
    config, said = read_config(file)
    name, why = " ".join(by.split()), (said if reason is None else reason).strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(
            f"a name of 1 to {_LONGEST_NAME} printable characters has to sign it off (--by), "
            f"got {name[:_SHOWN]!r}"
        )
    if not why or len(why) > _LONGEST_REASON or not "".join(why.splitlines()).isprintable():
        raise ConfigError(
            f"a reason of 1 to {_LONGEST_REASON} printable characters is needed: --reason, or a "
            f"line reason in {file}; got {why[:_SHOWN]!r}"
        )
    return config, name, why


def promote(
    store: Store, file: Path, *, by: str, reason: str | None, at_us: int
) -> tuple[Promotion, bool]:
    """Make the configuration in a file the one that the store's runs use from their next start.

    What was judged before stays as it is and keeps the version it was judged under. Promoting what
    is promoted already adds nothing; promoting an older one again goes back to it.

    Parameters
    ----------
    by
        Who signs it off.
    reason
        Why; None: as the file says.
    at_us
        When, microseconds since 1970.

    Returns
    -------
    Promotion
        The last one of the register now.
    bool
        Whether it is new.

    Raises
    ------
    ConfigError
        The file is wrong, nobody signs it off, or there is no reason.
    """
    config, name, why = signed_off(file, by=by, reason=reason)
    known = store.configs.all()
    if known and not differences(known[-1].config, config):
        return known[-1], False
    return store.configs.add(config, by=name, at_us=at_us, reason=why), True
